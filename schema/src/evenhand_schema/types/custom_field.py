"""Custom field."""

from evenhand import entities as models
from evenhand_schema.declare import bound


@bound(models.CustomField)
class CustomField:
    """Declares a key in `custom` of one entity: its type and its titles in English and Chinese."""

    options: list[str]
