"""Loaders: one statement for all records that one place of a query asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from evenhand.auth.permissions import Operation, require
from evenhand.tenancy.context import current_actor
from evenhand_schema.connections import Page, page_of
from evenhand_schema.errors import QueryTooLarge
from evenhand_schema.reads.ordering import Ordering
from evenhand_schema.reads.session import fetch
from evenhand_schema.reads.statements import PARENT, Statement, by_ids, page, pages

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound, Many

LARGEST_READ = 50_000
"""How many records one place of a query may ask for: parents times `first`."""


def _item(type_name: str) -> Bound:
    from evenhand_schema.declare import TYPES

    return TYPES[type_name]


def _instance(item: Bound, row: asyncpg.Record) -> Any:
    """The model's instance of a row, with the computed values as attributes."""
    values = dict(row)
    values.pop(PARENT, None)
    computed = {name: values.pop(name) for name in item.computed}
    instance = item.model._init_from_db(**values)
    for name, value in computed.items():
        setattr(instance, name, value)
    return instance


async def _records(item: Bound, statement: Callable[[UUID], Statement]) -> list[tuple[asyncpg.Record, Any]]:
    actor = current_actor()
    require(actor, Operation.READ, item.name)
    return [(row, _instance(item, row)) for row in await fetch(*statement(actor.tenant_id))]


def load_records(type_name: str) -> Callable[[list[UUID]], Awaitable[Sequence[Any]]]:
    """Load records of a type by their ids; None for those that are not there."""

    async def load(ids: list[UUID]) -> list[Any]:
        item = _item(type_name)
        found = {record.id: record for _, record in await _records(item, lambda tenant: by_ids(item, tenant, ids))}
        return [found.get(record_id) for record_id in ids]

    return load


def load_lists(
    member: Many, first: int, after: str | None, flags: Mapping[str, bool | None]
) -> Callable[[list[UUID]], Awaitable[Sequence[Page]]]:
    """Load, for each parent, its page of a declared list."""

    async def load(parents: list[UUID]) -> list[Page]:
        if len(parents) * first > LARGEST_READ:
            raise QueryTooLarge(
                f"The query may read {len(parents) * first} {member.target} records in one place.",
                hint=f"Lower `first` here or further up, so that it is at most {LARGEST_READ}.",
            )
        item = _item(member.target)
        ordering = item.ordering(*member.order)
        rows = await _records(
            item,
            lambda tenant: pages(
                item, tenant, member, parents, ordering=ordering, first=first, after=after, flags=flags
            ),
        )
        lists: dict[UUID, list[Any]] = {parent: [] for parent in parents}
        for row, record in rows:
            lists[row[PARENT]].append(record)
        return [page_of(lists[parent], ordering, first) for parent in parents]

    return load


async def load_page(
    type_name: str, *, ordering: Ordering, first: int, after: str | None, where: Any, archived: bool
) -> Page:
    """Load one page of all records of a type."""
    item = _item(type_name)
    rows = await _records(
        item,
        lambda tenant: page(item, tenant, ordering=ordering, first=first, after=after, where=where, archived=archived),
    )
    return page_of([record for _, record in rows], ordering, first)
