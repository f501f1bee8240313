"""Product."""

from evenhand import entities as models
from evenhand_schema.declare import bound
from evenhand_schema.types.shared import external_ids


@bound(models.Product)
class Product:
    """A product or service with its list price."""

    external_ids = external_ids("Product")
