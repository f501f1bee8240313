"""Job and Schedule."""

from evenhand.jobs import models
from evenhand_schema.declare import bound, one


@bound(models.Job)
class Job:
    """Long work such as an import: its state and progress, written while it runs."""

    created_by = one("User", "created_by_id", "Who started it; null for the system.")


@bound(models.Schedule)
class Schedule:
    """Work that is to be done again and again at times of the tenant's own calendar. For admins."""
