"""Keep up with every write what last happened to each record; the clocks of reclaim count from it.

New activities only move a clock forward; whatever else changes makes the clocks of the records concerned be counted
anew. Both follow from what the journal records, so that no writer can forget it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand.db.session import raw_connection
from evenhand.entities.enums import LeadStatus
from evenhand.ownership.clocks import sources
from evenhand.ownership.clocks.rules import DEAL, STAGE
from evenhand.tenancy.models import uuid7

ACTIVITY = "activity"
"""Stands for all kinds of activities."""
_OF_ACTIVITIES = frozenset(
    {"kind", "occurred_at", "account_id", "contact_id", "lead_id", "opportunity_id", "archived_at"}
)
_OF_ORDERS = frozenset({"kind", "status", "placed_on", "account_id", "opportunity_id", "archived_at"})
_OF_DEALS = frozenset({"stage_id", "pipeline_id", "closed_on", "account_id", "archived_at"})
_FORWARD = {LeadStatus.NEW: 0, LeadStatus.NURTURING: 1, LeadStatus.WORKING: 2, LeadStatus.CONVERTED: 3}
_NAMES = {"account_id": "Account", "lead_id": "Lead", "opportunity_id": "Opportunity"}

Target = tuple[str, str, UUID]
"""What is counted anew: `ACTIVITY`, `STAGE` or `DEAL`, the entity, the record's id."""
Last = tuple[str, UUID, str, datetime | None]
"""A clock: the entity, the record's id, the kind, when it last happened."""

_LOCK = """
SELECT CASE WHEN wanted.alone THEN pg_advisory_xact_lock($1::int, wanted.bucket)
    ELSE pg_advisory_xact_lock_shared($1::int, wanted.bucket) END
FROM (
    SELECT hashtext(record.id::text) & 63 AS bucket, bool_or(record.alone) AS alone
    FROM unnest($2::uuid[], $3::boolean[]) AS record (id, alone) GROUP BY 1 ORDER BY 1
) AS wanted
"""


@dataclass
class ClockTouched:
    """What one transaction changed that clocks count from.

    Attributes:
        activities: ids of new ones.
        changed: ids of what changed by what it is; the records that it concerns are counted anew.
        targets: what is to be counted anew besides.
        steps: leads that made a step forward, and when.
    """

    activities: set[UUID] = field(default_factory=set)
    changed: dict[str, set[UUID]] = field(default_factory=dict)
    targets: set[Target] = field(default_factory=set)
    steps: dict[UUID, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.activities or self.changed or self.targets or self.steps)

    def note(
        self,
        entity: str,
        record_id: UUID,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        at: datetime,
    ) -> None:
        """Take in a change as the journal records it."""
        if after is None:
            return
        if entity == "Activity":
            self._activity(record_id, before, after)
        elif entity == "Order" and _OF_ORDERS & after.keys():
            self._mark("Order", record_id)
            self._left(before, (DEAL,))
        elif entity == "Opportunity" and _OF_DEALS & after.keys():
            self._deal(record_id, before, after)
        elif entity == "Contact" and before is not None and "account_id" in after:
            self._left(before, (ACTIVITY,))
            self._left(after, (ACTIVITY,))
        elif entity == "Lead" and before is not None and "status" in after:
            old, new = (_FORWARD.get(values["status"], -1) for values in (before, after))
            if new > old:
                self.steps[record_id] = at

    def _activity(self, record_id: UUID, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        if before is None:
            self.activities.add(record_id)
        elif _OF_ACTIVITIES & after.keys():
            self._mark("Activity", record_id)
            self._left(before, (ACTIVITY,))
            for column, name in (("contact_id", "LeftContact"), ("opportunity_id", "LeftOpportunity")):
                if before.get(column) is not None:
                    self._mark(name, before[column])

    def _deal(self, record_id: UUID, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        if before is None and after.get("closed_on") is None:
            return
        self._mark("Opportunity", record_id)
        if before is not None and "account_id" in after:
            self._left(before, (ACTIVITY, STAGE, DEAL))
            self._left(after, (ACTIVITY,))

    def _mark(self, name: str, record_id: UUID) -> None:
        self.changed.setdefault(name, set()).add(record_id)

    def _left(self, values: Mapping[str, Any] | None, whats: Iterable[str]) -> None:
        for column, name in _NAMES.items():
            record_id = (values or {}).get(column)
            if record_id is not None:
                self.targets |= {(what, name, record_id) for what in whats}


async def write_clocks(client: TransactionWrapper, tenant: UUID, now: datetime, touched: ClockTouched) -> None:
    """Bring the clocks up to date with what was touched."""
    if not touched:
        return
    connection = raw_connection(client)
    forward: list[Last] = [("Lead", lead_id, STAGE, at) for lead_id, at in touched.steps.items()]
    if touched.activities:
        rows = await connection.fetch(sources.NEW_ACTIVITIES, tenant, list(touched.activities), now)
        forward += [(row["entity"], row["record_id"], row["kind"], row["at"]) for row in rows]
    targets = await _targets(connection, tenant, touched)
    await _lock(connection, tenant, {target[2] for target in targets}, {one[1] for one in forward})
    if targets:
        await _write(connection, sources.WRITE, tenant, await count_anew(connection, tenant, now, targets))
    await _write(connection, sources.FORWARD, tenant, forward)
    touched.activities, touched.changed, touched.targets, touched.steps = set(), {}, set(), {}


async def _targets(connection: asyncpg.Connection, tenant: UUID, touched: ClockTouched) -> set[Target]:
    targets = set(touched.targets)
    if touched.changed:
        names = ("Activity", "LeftContact", "LeftOpportunity", "Opportunity", "Order")
        changed = [list(touched.changed.get(name, ())) for name in names]
        rows = await connection.fetch(sources.CONCERNED, tenant, *changed)
        targets |= {(row["what"], row["entity"], row["record_id"]) for row in rows}
    return targets


async def _lock(connection: asyncpg.Connection, tenant: UUID, alone: set[UUID], shared: set[UUID]) -> None:
    """Let counting a record's clocks anew and moving them forward wait for each other: neither sees the other's."""
    ids = [*alone, *(shared - alone)]
    if ids:
        key = zlib.crc32(b"clocks" + tenant.bytes) - 2**31
        await connection.execute(_LOCK, key, ids, [True] * len(alone) + [False] * (len(ids) - len(alone)))


async def count_anew(
    connection: asyncpg.Connection, tenant: UUID, now: datetime, targets: Iterable[Target]
) -> list[Last]:
    """What clocks should say of these targets, from all that is there; None where nothing happened any more."""
    by_what: dict[str, dict[str, set[UUID]]] = {}
    for what, name, record_id in targets:
        by_what.setdefault(what, {}).setdefault(name, set()).add(record_id)
    statements = {ACTIVITY: sources.ACTIVITIES, STAGE: sources.STAGES, DEAL: sources.DEALS}
    found: dict[tuple[str, UUID, str], datetime | None] = {}
    for what, wanted in by_what.items():
        ids = [list(wanted.get(name, ())) for name in _NAMES.values()]
        for row in await connection.fetch(sources.KNOWN, tenant, *ids):
            own = row["kind"] if row["kind"] in (STAGE, DEAL) else ACTIVITY
            # Leads have no history of steps to count anew from.
            if own == what and not (own == STAGE and row["entity"] == "Lead"):
                found[row["entity"], row["record_id"], row["kind"]] = None
        for row in await connection.fetch(statements[what], tenant, now, *ids):
            found[row["entity"], row["record_id"], row["kind"]] = row["at"]
    return [(*key, at) for key, at in found.items()]


async def _write(connection: asyncpg.Connection, statement: str, tenant: UUID, clocks: list[Last]) -> None:
    if not clocks:
        return
    columns = [list(column) for column in zip(*clocks, strict=True)]
    await connection.execute(statement, tenant, [uuid7() for _ in clocks], *columns)
