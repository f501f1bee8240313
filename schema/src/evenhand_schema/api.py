"""The public surface for plugins. What is not here is private and may change at any time.

For scalars, annotate with `datetime` (aware), `date`, `Decimal`, `strawberry.ID` and `JSON`.
To show a record of the core, annotate with its type and return `await record(info, "User", user_id)`.
"""

from evenhand_schema.connections import Connection
from evenhand_schema.context import load_together
from evenhand_schema.contributions import Contribution, EntityField, RootField
from evenhand_schema.errors import to_uuid
from evenhand_schema.resolvers import record
from evenhand_schema.scalars import JSON, BigInt
from evenhand_schema.types import Account, Lead, Opportunity, User

__all__ = [
    "JSON",
    "Account",
    "BigInt",
    "Connection",
    "Contribution",
    "EntityField",
    "Lead",
    "Opportunity",
    "RootField",
    "User",
    "load_together",
    "record",
    "to_uuid",
]
