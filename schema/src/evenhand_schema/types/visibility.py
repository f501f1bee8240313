"""VisibilityRule."""

from evenhand.ownership.visibility import models
from evenhand_schema.declare import bound


@bound(models.VisibilityRule)
class VisibilityRule:
    """How much of one kind of records the users of a role see and may change, instead of the role's default."""
