"""The field `ownerAsOf`: who held a record at a moment."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand_schema.context import place, request_of
from evenhand_schema.reads.arguments import Given, constant
from evenhand_schema.reads.loaders import load_page
from evenhand_schema.reads.marks import FirstField, marked
from evenhand_schema.resolvers import arguments_of, with_arguments
from evenhand_schema.types import OwnershipEntry

_ID = Annotated[strawberry.ID, strawberry.argument(description="Id of an account, a lead or a deal.")]
_AT = Annotated[datetime, strawberry.argument(description="The moment; one to come is answered as now.")]


def _listed(given: Mapping[str, Given]) -> dict[str, Given]:
    """The list of which it is the only member."""
    return {"filter": {"recordId": {"eq": given["id"]}}, "heldAt": given["at"], "first": constant(1)}


async def _owner_as_of(info: Info, id: Any, at: Any) -> OwnershipEntry | None:
    given, values = _listed(arguments_of(info)), info.variable_values

    async def load(keys: list[Any]) -> list[Any]:
        found = await load_page("OwnershipEntry", given, values)
        return [next((edge.node for edge in found.edges), None)] * len(keys)

    entry: OwnershipEntry | None = await request_of(info).loader(("as_of", place(info)), load).load("entry")
    return entry


def owner_as_of_field() -> Any:
    """`ownerAsOf(id, at)`."""
    required = inspect.Parameter.empty
    with_arguments(_owner_as_of, {"id": (_ID, required), "at": (_AT, required)}, returns=OwnershipEntry | None)
    return strawberry.field(
        resolver=_owner_as_of,
        description="The ledger's line about a record at a moment: who held it, and why; null before there was any.",
        metadata=marked(FirstField("OwnershipEntry", _listed)),
    )
