"""`search`: all kinds of records at once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand.auth.permissions import Operation, may, require
from evenhand.entities.registry import searchable
from evenhand.tenancy.context import current_actor
from evenhand_schema.context import place, request_of
from evenhand_schema.declare import TYPES, Node
from evenhand_schema.names import snake
from evenhand_schema.reads.budget import LIST_COST
from evenhand_schema.reads.loaders import new_parameters
from evenhand_schema.reads.masks import found_by_what_is_shown, shown_table
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.searching import asks_for_something, search_arguments, storable
from evenhand_schema.reads.session import fetch
from evenhand_schema.reads.windows import DEFAULT_SIZE, check_size
from evenhand_schema.resolvers import record

_ARGUMENTS = 5
"""Of the database's `evenhand_search`."""

_KINDS: Any = Enum("SearchKind", {snake(name).upper(): name for name in searchable()})  # type: ignore[misc]
SearchKind: Any = strawberry.enum(_KINDS, description="The kinds of records that can be searched.")


async def _record(root: Any, info: Info) -> Node | None:
    """The record that was found."""
    found: Node | None = await record(info, root.entity, root.record_id)
    return found


@strawberry.type(description="A record that a search found.")
class SearchHit:
    kind: SearchKind = strawberry.field(description="What kind of record it is.")
    id: strawberry.ID = strawberry.field(description="The record's id.")
    title: str = strawberry.field(description="What people call it.")
    rank: int = strawberry.field(
        description="How well it fits, the best first: 0 its name, 1 how its name begins, 2 how a word of its name "
        "begins, 3 a part of its name; 4 to 7 the same of its other texts."
    )
    entity: strawberry.Private[str]
    record_id: strawberry.Private[Any]
    record: Node | None = strawberry.field(resolver=_record, description="The record itself.")


TEXT = Annotated[str, strawberry.argument(description="What to search for; all words must match.")]
KINDS = Annotated[
    list[SearchKind] | None,
    strawberry.argument(description="Only these kinds; all that you may read when left out."),
]
FIRST = Annotated[int, strawberry.argument(description="How many at most, 1 to 200.")]


def _statement(text: str, names: Sequence[str], size: int, parameters: Parameters) -> str:
    """The statement of a search for records of some entities."""
    arguments = search_arguments(text, current_actor(), names)
    places = ", ".join(parameters.add(arguments[number]) for number in range(_ARGUMENTS))

    def plain() -> str:
        return f"{parameters.add(storable(text))}::text"

    conditions = ["$1::uuid IS NOT NULL", "NOT found.archived"]
    for name in names:
        told = found_by_what_is_shown(name, "r", "found.rank", plain, parameters)
        seen = parameters.predicates.condition(name, "r")
        if told is not None or seen is not None:
            table = shown_table(TYPES[name], "r", parameters)
            both = " AND ".join(one for one in (told, seen) if one is not None)
            there = f"SELECT 1 FROM {table} WHERE r.tenant_id = $1 AND r.id = found.id AND {both}"
            conditions.append(f"(found.entity <> '{name}' OR EXISTS ({there}))")
    return (
        f"SELECT found.id, found.entity, found.title, found.rank FROM evenhand_search({places}) AS found "
        f"WHERE {' AND '.join(conditions)} ORDER BY found.rank, found.id LIMIT {parameters.add(size)}"
    )


async def search(info: Info, text: TEXT, kinds: KINDS = None, first: FIRST = DEFAULT_SIZE) -> list[SearchHit]:
    """Records of any kind that a text finds, the best first; those put away are left out.

    Raises:
        SearchTooLong, InvalidPageSize. PermissionDenied: a kind is asked for that the caller may not read.
    """
    size = check_size("first", first)
    context = request_of(info)
    for kind in kinds or ():
        require(context.actor, Operation.READ, kind.value)
    names = [kind.value for kind in kinds] if kinds is not None else list(searchable())
    readable = [name for name in names if may(context.actor, Operation.READ, name)]
    if not readable:
        require(context.actor, Operation.READ, names[0] if names else "Account")
    if not asks_for_something(text) or not readable:
        return []

    async def load(keys: list[Any]) -> list[Any]:
        actor, parameters = current_actor(), new_parameters()
        before, sql, used = parameters.only_used(*parameters.sighted(_statement(text, readable, size, parameters)))
        found = await fetch(before + sql, used.values(actor, {}))
        return [found] * len(keys)

    context.budget.spend(LIST_COST)
    rows = await context.loader(("search", place(info)), load).load("hits")
    context.spend(info, len(rows))
    return [
        SearchHit(
            kind=_KINDS(row["entity"]),
            id=strawberry.ID(str(row["id"])),
            title=row["title"],
            rank=row["rank"],
            entity=row["entity"],
            record_id=row["id"],
        )
        for row in rows
    ]


def search_field() -> Any:
    """The field of `Query`."""
    text = "Records of any kind that a text finds, the best first; those put away are left out."
    return strawberry.field(resolver=search, description=text)
