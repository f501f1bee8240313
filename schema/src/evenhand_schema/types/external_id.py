"""External id."""

from evenhand import entities as models
from evenhand_schema.declare import bound


@bound(models.ExternalId)
class ExternalId:
    """The name of one record in one source system."""
