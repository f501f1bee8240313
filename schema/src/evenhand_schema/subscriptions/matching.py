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
from evenhand.ownership.visibility.reading import current_sight
from evenhand.ownership.visibility.rules import EVERYTHING, Sight
from evenhand.tenancy.context import HiddenField, current_actor
from evenhand_schema.declare import Bound
from evenhand_schema.reads.arguments import Given
from evenhand_schema.reads.custom_filters import refusals
from evenhand_schema.reads.filters import condition
from evenhand_schema.reads.masks import shown_columns, shown_table
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.seen import in_tenant

ROW = "t"
_BEFORE = "evenhand_before"
_WAS = "was"


class _Statements:
    """The statements for one sight.

    Attributes:
        ids, since: what the next run asks for.
    """

    def __init__(self, item: Bound, filter_: Given, sight: Sight) -> None:
        self.parameters = Parameters(sight)
        self.ids: list[UUID] = []
        self.since: datetime | None = None
        ids = self.parameters.place(lambda actor, values: self.ids)
        since = self.parameters.place(lambda actor, values: self.since)
        entity = self.parameters.place(lambda actor, values: item.name)
        matches = condition(filter_, item, ROW, self.parameters) if filter_ is not None else "TRUE"
        own = " AND ".join(in_tenant(item, ROW, self.parameters))
        # Both get the same parameters. Every place must occur in both, also where it says nothing.
        user = f"{self.parameters.user()}::uuid IS NOT DISTINCT FROM {self.parameters.user()}::uuid"
        now = f"SELECT {ROW}.id FROM {shown_table(item, ROW, self.parameters)} WHERE {own} AND {ROW}.id = ANY({ids})"
        now += f" AND {user} AND {since}::timestamptz IS NOT NULL AND {entity}::text IS NOT NULL AND {matches}"
        self.now = self.parameters.finished(now)
        before = _before(item, ids, since, entity, f"{matches} AND {user}", own, self.parameters)
        self.before = self.parameters.finished(before)


class Matching:
    """Finds what concerns one subscriber.

    Args:
        item: the type of the records.
        filter_: the filter as it was given; None matches all.
        values: the variables of the operation.

    Raises:
        InvalidFilter: it is none.
    """

    def __init__(self, item: Bound, filter_: Given, values: Mapping[str, Any]) -> None:
        self._item = item
        self._filter = filter_
        self._values = values
        if filter_ is not None:
            # What cannot be a filter is refused when the subscription starts.
            condition(filter_, item, ROW, Parameters(EVERYTHING))
        self._made: tuple[tuple[Sight, frozenset[HiddenField]], _Statements] | None = None

    def _statements(self, sight: Sight) -> _Statements:
        """The statements, anew when the subscriber's rights have changed."""
        rights = sight, frozenset(current_actor().hidden)
        if self._made is None or self._made[0] != rights:
            self._made = rights, _Statements(self._item, self._filter, sight)
        return self._made[1]

    async def matching(self, ids: Collection[UUID], since: datetime) -> tuple[set[UUID], set[UUID]]:
        """Which of these records match and are seen now, and which did before they changed and don't any more.

        Args:
            since: when the first of the changes was made.

        Raises:
            PermissionDenied: the actor may not read such records.
        """
        actor = current_actor()
        require(actor, Operation.READ, self._item.name)
        async with _reading() as client:
            made = self._statements(await current_sight())
            made.ids, made.since = list(ids), since
            connection = raw_connection(client)
            rows = await connection.fetch(made.now, *made.parameters.values(actor, self._values))
            now = {row["id"] for row in rows}
            if len(now) == len(made.ids) or (self._filter is None and made.parameters.predicates.sight.unlimited):
                return now, set()
            made.ids = [one for one in made.ids if one not in now]
            rows = await connection.fetch(made.before, *made.parameters.values(actor, self._values))
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
        own: the conditions that every table carries, on the row as it was: who saw it then is told that it left.
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
        f"SELECT now.id FROM {item.table('now')} JOIN {_BEFORE} ON {_BEFORE}.record_id = now.id AND now.tenant_id = $1 "
        f"CROSS JOIN LATERAL jsonb_populate_record(now, {_BEFORE}.had) AS {_WAS} "
        f"CROSS JOIN LATERAL (SELECT {columns}) AS {ROW} WHERE {own} AND {matches}"
    )
