"""Protect records from going back to the pool: so many at a time, for so long."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, writing
from evenhand.actions.reclaims.errors import NotHolder, ProtectionLimitReached, ProtectionRefused
from evenhand.actions.records import lock_all, refuse_archived
from evenhand.auth.permissions import Operation, may, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities.registry import Entity, entity
from evenhand.errors import EvenhandError, Refusals
from evenhand.ownership.clocks.models import RecordProtection
from evenhand.ownership.clocks.reading import Held, RuleBook, read_held, rule_book
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

_UNLIMITED = 36_500
"""Days that a protection lasts when the rule sets no end."""
_PROTECTED = """
SELECT p.user_id, count(DISTINCT p.record_id) AS count FROM record_protections AS p
JOIN {table} AS r ON r.tenant_id = $1 AND r.id = p.record_id AND r.held_since = p.held_since
    AND r.owner_id = p.user_id AND r.archived_at IS NULL
WHERE p.tenant_id = $1 AND p.entity = $2 AND p.user_id = ANY ($3::uuid[]) AND p.ended_at IS NULL AND p.until > $4
GROUP BY p.user_id
"""
_LOCK = """
SELECT pg_advisory_xact_lock($1::int, holder.number) FROM (
    SELECT DISTINCT hashtext(id::text) AS number FROM unnest($2::uuid[]) AS id ORDER BY number
) AS holder
"""


async def protect_records(entity_name: str, record_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Protect records that the caller holds; all or nothing. What is protected already stays so.

    How many and how long, the pool's rule says. A record can be protected again after it was given up, but never
    longer than the days of the first protection under the same holder.

    Returns: until when each is protected, by id.

    Raises:
        ProtectionLimitReached, ProtectionRefused, NotHolder: with `rows` filled. NotFound, RecordArchived,
        PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.UPDATE, kind.name)
    ids = list(dict.fromkeys(record_ids))
    async with writing("protect_records") as journal:
        held, book = await lock_held(kind, ids, journal)
        owners = {one.owner_id for one in held.values()}
        key = zlib.crc32(b"protections" + journal.actor.tenant_id.bytes) - 2**31
        await raw_connection(journal.client).execute(_LOCK, key, list(owners))
        counts = await _counts(kind, owners, journal)
        begun = await _begun(held.values())
        refusals = Refusals()
        until: dict[UUID, datetime] = {}
        rows: list[dict[str, Any]] = []
        for place, record_id in enumerate(ids):
            one = held[record_id]
            if one.protected_until is not None and one.protected_until > journal.now:
                until[record_id] = one.protected_until
                continue
            found = _until(one, book, begun.get(record_id), counts.get(one.owner_id, 0), journal.now)
            if isinstance(found, EvenhandError):
                refusals.refuse(place, found)
                continue
            counts[one.owner_id] = counts.get(one.owner_id, 0) + 1
            until[record_id] = found
            rows.append(_row(kind, one, found, journal))
        refusals.raise_if_any()
        await insert_rows(journal.client, RecordProtection, rows)
        for row in rows:
            journal.record(kind.name, row["record_id"], before={}, after={"protected_until": row["until"]})
            journal.emit("RecordProtected", kind.name, row["record_id"], {"until": row["until"]})
        return until


async def unprotect_records(entity_name: str, record_ids: Sequence[UUID]) -> list[UUID]:
    """Give up the protection of records that the caller holds. Returns: ids of those that were protected.

    Raises:
        NotHolder, NotFound, RecordArchived, PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.UPDATE, kind.name)
    ids = list(dict.fromkeys(record_ids))
    async with writing("unprotect_records") as journal:
        await lock_held(kind, ids, journal)
        rows = await raw_connection(journal.client).fetch(
            "UPDATE record_protections SET ended_at = $3 WHERE tenant_id = $1 AND record_id = ANY ($2::uuid[]) "
            "AND ended_at IS NULL AND until > $3 RETURNING record_id, until",
            journal.actor.tenant_id,
            ids,
            journal.now,
        )
        for row in rows:
            before, after = {"protected_until": row["until"]}, {"protected_until": None}
            journal.record(kind.name, row["record_id"], before=before, after=after)
            journal.emit("RecordUnprotected", kind.name, row["record_id"], {})
        return sorted({row["record_id"] for row in rows})


async def lock_held(kind: Entity, ids: Sequence[UUID], journal: Journal) -> tuple[dict[UUID, Held], RuleBook]:
    """Lock records that the caller holds, or may assign, with their deadlines and the rules.

    Raises:
        NotHolder: with `rows` filled. NotFound, RecordArchived.
    """
    locked = await lock_all(kind, ids)
    refusals = Refusals()
    others = may(journal.actor, Operation.ASSIGN, kind.name)
    for place, record_id in enumerate(ids):
        refuse_archived(kind, locked[record_id])
        owner_id = locked[record_id].columns()["owner_id"]
        if owner_id is None or (owner_id != journal.actor.user_id and not others):
            message = f"{kind.name} {record_id} is {'in a pool' if owner_id is None else 'held by somebody else'}."
            refusals.refuse(place, NotHolder(message, hint="Only its holder may ask to keep it."))
    refusals.raise_if_any()
    book = await rule_book(kind.name, journal.now)
    held = {one.record_id: one for one in await read_held(book, ids=ids)}
    for place, record_id in enumerate(ids):
        if record_id not in held:
            message = f"{kind.name} {record_id} is closed or in a conflict case; it does not go back to a pool now."
            refusals.refuse(place, ProtectionRefused(message, hint="Nothing is to be done."))
    refusals.raise_if_any()
    return held, book


async def _counts(kind: Entity, owners: Collection[UUID], journal: Journal) -> dict[UUID, int]:
    rows = await raw_connection(journal.client).fetch(
        _PROTECTED.format(table=kind.model._meta.db_table),
        journal.actor.tenant_id,
        kind.name,
        list(owners),
        journal.now,
    )
    return {row["user_id"]: row["count"] for row in rows}


async def _begun(held: Collection[Held]) -> Mapping[UUID, datetime]:
    """When the present holder first protected each record."""
    since = {one.record_id: one.held_since for one in held}
    found: dict[UUID, datetime] = {}
    for row in await RecordProtection.filter(record_id__in=list(since)).order_by("started_at"):
        if row.held_since == since[row.record_id]:
            found.setdefault(row.record_id, row.started_at)
    return found


def _until(
    one: Held, book: RuleBook, begun: datetime | None, protected: int, now: datetime
) -> datetime | ProtectionRefused | ProtectionLimitReached:
    rule = None if one.rule is None else book.pool_rule(one.rule)
    if rule is None or not rule.protected_most:
        message = f"{one.name}: no rule lets it be protected."
        return ProtectionRefused(message, hint="An admin sets protectedMost of the pool's rule.")
    calendar = book.calendars.of(one.country)
    day = calendar.day_of(begun or now)
    working = rule.working_days and rule.protected_days is not None
    last = calendar.later(day, rule.protected_days or _UNLIMITED, working=working)
    until = calendar.end(last)
    if until <= now:
        message = f"{one.name}: it was protected for {rule.protected_days} days already, since {day}."
        return ProtectionRefused(message, hint="Ask for more time with requestExtension.")
    if protected >= rule.protected_most:
        message = f"{one.name}: {protected} records are protected, rule {rule.name!r} allows {rule.protected_most}."
        return ProtectionLimitReached(message, hint="Give up the protection of another record first.")
    return until


def _row(kind: Entity, one: Held, until: datetime, journal: Journal) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "entity": kind.name,
        "record_id": one.record_id,
        "user_id": one.owner_id,
        "held_since": one.held_since,
        "started_at": journal.now,
        "until": max(until, journal.now + timedelta(microseconds=1)),
        "ended_at": None,
    }
