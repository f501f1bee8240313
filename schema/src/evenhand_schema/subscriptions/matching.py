"""Which of the changed records concern a subscriber: the database decides, as the subscriber."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand.auth.permissions import Operation, require
from evenhand.db.session import raw_connection, reading
from evenhand.tenancy.context import Actor, current_actor
from evenhand_schema.declare import Bound
from evenhand_schema.reads.arguments import Given
from evenhand_schema.reads.custom_filters import refusals
from evenhand_schema.reads.filters import condition
from evenhand_schema.reads.lists import in_tenant
from evenhand_schema.reads.masks import shown_columns, shown_table
from evenhand_schema.reads.parameters import Parameters

ROW = "t"
_BEFORE = "evenhand_before"
_WAS = "was"


class Matching:
    """The statements of one subscription.

    Args:
        item: the type of the records.
        filter_: the filter as it was given; None matches all.
        values: the variables of the operation.
    """

    def __init__(self, item: Bound, filter_: Given, values: Mapping[str, Any]) -> None:
        self._item = item
        self._filter = filter_
        self._values = values
        self._ids: list[UUID] = []
        self._since: datetime | None = None
        self._made_for: Any = None
        self._filtered = filter_ is not None

    def _make(self, actor: Actor) -> None:
        """Make the statements, anew when the subscriber's rights have changed."""
        if self._made_for == actor.hidden:
            return
        self._made_for = actor.hidden
        item, self._parameters = self._item, Parameters()
        ids = self._parameters.place(lambda actor, values: self._ids)
        since = self._parameters.place(lambda actor, values: self._since)
        entity = self._parameters.place(lambda actor, values: item.name)
        matches = condition(self._filter, item, ROW, self._parameters) if self._filter is not None else "TRUE"
        own = " AND ".join(in_tenant(item, ROW, self._parameters))
        # Every place must occur, also where it says nothing.
        unused = f"{since}::timestamptz IS NOT NULL AND {entity}::text IS NOT NULL"
        self._now = f"SELECT {ROW}.id FROM {shown_table(item, ROW, self._parameters)} WHERE {own}"
        self._now += f" AND {ROW}.id = ANY({ids}) AND {unused} AND {matches}"
        # The same places as in the statement above: both get the same parameters.
        before = own.replace(f"{ROW}.", "now.")
        self._before = _before(item, ids, since, entity, matches, before, self._parameters)

    async def matching(self, ids: Collection[UUID], since: datetime) -> tuple[set[UUID], set[UUID]]:
        """Which of these records match now, and which did before they changed and don't any more.

        Args:
            since: when the first of the changes was made.

        Raises:
            PermissionDenied: the actor may not read such records.
        """
        actor = current_actor()
        require(actor, Operation.READ, self._item.name)
        self._make(actor)
        self._ids, self._since = list(ids), since
        async with _reading() as client:
            connection = raw_connection(client)
            rows = await connection.fetch(self._now, *self._parameters.values(actor, self._values))
            now = {row["id"] for row in rows}
            if not self._filtered or len(now) == len(self._ids):
                return now, set()
            self._ids = [one for one in self._ids if one not in now]
            rows = await connection.fetch(self._before, *self._parameters.values(actor, self._values))
        return now, {row["id"] for row in rows}


@asynccontextmanager
async def _reading() -> AsyncIterator[TransactionWrapper]:
    """The transaction; what a filter cannot be is said in words."""
    with refusals():
        async with reading() as client:
            yield client


def _before(item: Bound, ids: str, since: str, entity: str, matches: str, own: str, parameters: Parameters) -> str:
    """Finds the records that matched as they were: the row of now with the old values that the audit kept over it.

    Args:
        own: the conditions on the row of now that every table carries.
    """
    replaced = shown_columns(item, _WAS, parameters)
    columns = ", ".join(
        f'{replaced[name]} AS "{name}"' if name in replaced else f'{_WAS}."{name}"' for name in item.stored()
    )
    return (
        f"WITH old AS (SELECT DISTINCT ON (a.record_id, pair.key) a.record_id, pair.key, pair.value "
        f"FROM audit_entries AS a CROSS JOIN LATERAL jsonb_each(a.before) AS pair "
        f"WHERE a.tenant_id = $1 AND a.record_id = ANY({ids}) AND a.occurred_at >= {since} AND a.entity = {entity} "
        f"ORDER BY a.record_id, pair.key, a.id), "
        f"{_BEFORE} AS (SELECT record_id, jsonb_object_agg(key, value) AS had FROM old GROUP BY record_id) "
        f"SELECT now.id FROM {item.table('now')} JOIN {_BEFORE} ON {_BEFORE}.record_id = now.id "
        f"CROSS JOIN LATERAL jsonb_populate_record(now, {_BEFORE}.had) AS {_WAS} "
        f"CROSS JOIN LATERAL (SELECT {columns}) AS {ROW} WHERE {own} AND {matches}"
    )
