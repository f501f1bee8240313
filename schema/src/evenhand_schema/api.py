"""The public surface for plugins. What is not here is private and may change at any time.

For scalars, annotate with `datetime` (aware), `date`, `Decimal`, `strawberry.ID` and `JSON`.
To show a record of the core, annotate with its type and return `await record(info, "User", user_id)`.
"""

from evenhand_schema.connections import Connection
from evenhand_schema.context import load_together
from evenhand_schema.contributions import Contribution, EntityField, RootField, RootMutation, TableField, TableList
from evenhand_schema.declare import computed, first, many, one, rows
from evenhand_schema.errors import to_uuid
from evenhand_schema.plugin_types import part_type, table_type
from evenhand_schema.reads.ordering import Order
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
    "Order",
    "RootField",
    "RootMutation",
    "TableField",
    "TableList",
    "User",
    "computed",
    "first",
    "load_together",
    "many",
    "one",
    "part_type",
    "record",
    "rows",
    "table_type",
    "to_uuid",
]
