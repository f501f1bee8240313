"""Loaders for the ordinary executor: one statement for all records that one place of a query asks for.

They are made of the same pieces as the compiled plans, see `lists`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
from strawberry import Info

from evenhand.auth.permissions import Operation, require
from evenhand.tenancy.context import current_actor
from evenhand_schema.connections import Page, page_of
from evenhand_schema.errors import QueryTooLarge
from evenhand_schema.reads.arguments import Given, Values
from evenhand_schema.reads.grouping import Asked, as_json, grouping
from evenhand_schema.reads.lists import Listing, nested_list, root_list, short_list
from evenhand_schema.reads.masks import shown_table
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.seen import in_tenant
from evenhand_schema.reads.session import fetch, session_sight

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound, First, Many, Part, Rows

LARGEST_READ = 50_000
"""How many records one place of a query may ask for: parents times the page's size."""

ROW = "t"
PARENT = "evenhand:parent"
CURSOR = "evenhand:cursor"

Load = Callable[[list[Any]], Awaitable[Sequence[Any]]]
Count = Callable[[Info], Awaitable[int]]


def bound_type(type_name: str) -> Bound:
    """The declared type of this name."""
    from evenhand_schema.declare import TYPES

    return TYPES[type_name]


def new_parameters() -> Parameters:
    """Parameters of a statement for the caller, in the open transaction."""
    return Parameters(session_sight())


def _selected(item: Bound) -> str:
    own = [f'{ROW}."{column}"' for column in item.stored()]
    return ", ".join([*own, *_computed(item, ROW)])


def _computed(item: Bound, row: str) -> list[str]:
    return [f'({member.sql.format(row=row)}) AS "{name}"' for name, member in item.computed.items()]


def _instance(item: Bound, row: asyncpg.Record) -> Any:
    """The model's instance of a row, with the computed values as attributes."""
    from evenhand_schema.declare import Row

    values = dict(row)
    values.pop(PARENT, None)
    values.pop(CURSOR, None)
    if item.model is None:
        return Row(item.name, values)
    computed = {name: values.pop(name) for name in item.computed}
    instance = item.model._init_from_db(**values)
    for name, value in computed.items():
        setattr(instance, name, value)
    return instance


async def _rows(item: Bound, sql: str, parameters: Parameters, values: Values) -> list[asyncpg.Record]:
    actor = current_actor()
    require(actor, Operation.READ, item.name)
    return await fetch(parameters.finished(sql), parameters.values(actor, values))


def _given_ids(parameters: Parameters, ids: Sequence[UUID]) -> str:
    wanted = list(ids)
    return parameters.place(lambda actor, values: wanted)


def load_records(type_name: str) -> Load:
    """Load records of a type by their ids; None for those that are not there."""

    async def load(ids: list[UUID]) -> list[Any]:
        item = bound_type(type_name)
        parameters = new_parameters()
        place = _given_ids(parameters, ids)
        conditions = " AND ".join([*in_tenant(item, ROW, parameters), f"{ROW}.id = ANY({place})"])
        sql = f"SELECT {_selected(item)} FROM {shown_table(item, ROW, parameters)} WHERE {conditions}"
        found = {row["id"]: _instance(item, row) for row in await _rows(item, sql, parameters, {})}
        return [found.get(record_id) for record_id in ids]

    return load


def load_kinds(type_names: Sequence[str]) -> Load:
    """Find of which type the records with these ids are, also those that the caller does not see; None for those that
    are not there.
    """

    async def load(ids: list[UUID]) -> list[str | None]:
        parameters = new_parameters()
        place = _given_ids(parameters, ids)
        parts = [
            f"SELECT '{name}' AS kind, {ROW}.id FROM {bound_type(name).table(ROW)} "
            f"WHERE {' AND '.join(in_tenant(bound_type(name), ROW, parameters, is_seen=True))} "
            f"AND {ROW}.id = ANY({place})"
            for name in type_names
        ]
        rows = await fetch(" UNION ALL ".join(parts), parameters.values(current_actor(), {}))
        found = {row["id"]: row["kind"] for row in rows}
        return [found.get(record_id) for record_id in ids]

    return load


def _per_parent(parent_place: str, inner: str, outer: str, order: str = "") -> str:
    return (
        f'SELECT parent.id AS "{PARENT}", {outer} FROM unnest({parent_place}::uuid[]) AS parent (id) '
        f"CROSS JOIN LATERAL ({inner}) AS page{order}"
    )


def load_lists(member: Many, given: Mapping[str, Given], values: Values, count: Callable[[UUID], Count]) -> Load:
    """Load, for each parent, its page of a declared list."""

    async def load(parents: list[UUID]) -> list[Page]:
        item = bound_type(member.target)
        parameters = new_parameters()
        place = _given_ids(parameters, parents)
        listing = nested_list(item, member, ROW, "parent.id", given, parameters)
        if len(parents) * listing.window.size > LARGEST_READ:
            raise QueryTooLarge(
                f"The query may read {len(parents) * listing.window.size} {member.target} records in one place.",
                hint=f"Lower `first` here or further up, so that it is at most {LARGEST_READ}.",
            )
        sql = _per_parent(place, listing.page(_placed(listing), parameters, more=True), "page.*")
        lists: dict[UUID, list[tuple[str, Any]]] = {parent: [] for parent in parents}
        for row in await _rows(item, sql, parameters, values):
            lists[row[PARENT]].append((row[CURSOR], _instance(item, row)))
        return [page_of(lists[parent], listing.window, count(parent)) for parent in parents]

    return load


def _placed(listing: Listing) -> str:
    return f'{_selected(listing.item)}, {listing.ordering.cursor_of(ROW)} AS "{CURSOR}"'


def load_counts(member: Many, given: Mapping[str, Given], values: Values) -> Load:
    """Count, for each parent, a declared list."""

    async def load(parents: list[UUID]) -> list[int]:
        item = bound_type(member.target)
        parameters = new_parameters()
        place = _given_ids(parameters, parents)
        listing = nested_list(item, member, ROW, "parent.id", given, parameters)
        sql = _per_parent(place, listing.count(), "page.count")
        found = {row[PARENT]: row["count"] for row in await _rows(item, sql, parameters, values)}
        return [found[parent] for parent in parents]

    return load


def load_rows(member: Rows | First) -> Load:
    """Load, for each parent, the rows of a short list."""

    async def load(parents: list[UUID]) -> list[list[Any]]:
        item = bound_type(member.target)
        parameters = new_parameters()
        place = _given_ids(parameters, parents)
        sql = _per_parent(place, short_list(item, member, ROW, "parent.id", _selected(item), parameters), "page.*")
        lists: dict[UUID, list[Any]] = {parent: [] for parent in parents}
        for row in await _rows(item, sql, parameters, {}):
            lists[row[PARENT]].append(_instance(item, row))
        return [lists[parent] for parent in parents]

    return load


def load_parts(owner: str, member: Part) -> Load:
    """Load a part of records: its computed values, over the table of the type that has it."""

    async def load(ids: list[UUID]) -> list[Any]:
        from evenhand_schema.declare import Row

        item, part = bound_type(owner), bound_type(member.target)
        parameters = new_parameters()
        conditions = " AND ".join([*in_tenant(item, ROW, parameters), f"{ROW}.id = ANY({_given_ids(parameters, ids)})"])
        selected = ", ".join([f"{ROW}.id", *_computed(part, ROW)])
        sql = f"SELECT {selected} FROM {shown_table(item, ROW, parameters)} WHERE {conditions}"
        found = {row["id"]: Row(part.name, dict(row)) for row in await _rows(item, sql, parameters, {})}
        return [found[record_id] for record_id in ids]

    return load


async def load_page(type_name: str, given: Mapping[str, Given], values: Values) -> Page:
    """Load one page of all records of a type."""
    item = bound_type(type_name)
    parameters = new_parameters()
    listing = root_list(item, ROW, given, parameters)
    sql = listing.page(_placed(listing), parameters, more=True)
    found = [(row[CURSOR], _instance(item, row)) for row in await _rows(item, sql, parameters, values)]

    async def count(info: Info) -> int:
        return await count_all(info, type_name, given, values)

    return page_of(found, listing.window, count)


async def load_groups(target: str, groups: str, given: Mapping[str, Given], asked: Asked, values: Values) -> list[Any]:
    """Load groups of all records of a type.

    Args:
        groups: the type of the groups.
    """
    from evenhand_schema.declare import Row

    item = bound_type(target)
    parameters = new_parameters()
    found = grouping(item, bound_type(groups), given, asked, ROW, parameters)
    rows = await _rows(item, found.statement(f"{ROW}.*"), parameters, values)
    return [Row(groups, {**row, "custom": as_json(row["custom"])}) for row in rows]


async def count_all(info: Info, type_name: str, given: Mapping[str, Given], values: Values) -> int:
    """Count all records of a type that a list has."""
    from evenhand_schema.context import place, request_of

    async def load(keys: list[Any]) -> list[int]:
        item = bound_type(type_name)
        parameters = new_parameters()
        listing = root_list(item, ROW, given, parameters)
        rows = await _rows(item, listing.count(), parameters, values)
        return [rows[0]["count"]] * len(keys)

    counted: int = await request_of(info).loader(("count", place(info)), load).load("all")
    return counted
