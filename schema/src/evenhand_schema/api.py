"""The public surface for plugins. What is not here is private and may change at any time.

For scalars, annotate with `datetime` (aware), `date`, `Decimal`, `strawberry.ID` and `JSON`.
"""

from evenhand_schema.contributions import Contribution, EntityField, RootField
from evenhand_schema.scalars import JSON

__all__ = ["JSON", "Contribution", "EntityField", "RootField"]
