"""Job."""

from evenhand.jobs import models
from evenhand_schema.declare import bound, one


@bound(models.Job)
class Job:
    """Long work such as an import: its state and progress, written while it runs."""

    created_by = one("User", "created_by_id", "Who started it; null for the system.")
