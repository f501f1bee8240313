"""Rules about fields, and who may export."""

from evenhand.auth.fields import models
from evenhand_schema.declare import bound, one


@bound(models.FieldRule)
class FieldRule:
    """What a role does not see of one field: nothing of it, or a part such as 138****5678."""


@bound(models.ExportRight)
class ExportRight:
    """Whether a role or a user may take records out as a file."""

    user = one("User", "user_id", "Whom it is about; null when it is about a role.")
