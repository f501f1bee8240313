"""The statements of the delivery: claim what is due for one subscriber, and note how it went.

Whoever claims holds the subscriber's advisory lock to the end of the transaction, so that one subscriber's
deliveries are picked by one process at a time and the order per record holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Connection

from evenhand.events.base import Event
from evenhand.events.catalogue import read_event

LOCK_SPACE = 0x65766E74
"""First half of the advisory locks' keys."""

# Due ones of failed records first, at most half of what is taken, then those never tried, in order. A delivery is
# blocked while an earlier one of its record is not taken with it.
_PICK = """
WITH picked AS MATERIALIZED (
    (SELECT id, event_id, record_id, sequence, attempts FROM event_deliveries
     WHERE tenant_id = $1 AND subscriber_id = $2 AND state = 'pending' AND due_at <= $3
     ORDER BY due_at, sequence LIMIT greatest($4::int / 2, 1))
    UNION ALL
    (SELECT id, event_id, record_id, sequence, attempts FROM event_deliveries
     WHERE tenant_id = $1 AND subscriber_id = $2 AND state = 'pending' AND due_at IS NULL
     ORDER BY due_at NULLS FIRST, sequence LIMIT $4::int)
)
SELECT picked.*, blocker.blocked, blocker.until
FROM picked CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS blocked, min(earlier.due_at) AS until FROM event_deliveries AS earlier
    WHERE earlier.tenant_id = $1 AND earlier.subscriber_id = $2 AND earlier.state = 'pending'
        AND earlier.record_id = picked.record_id AND earlier.sequence < picked.sequence
        AND earlier.id NOT IN (SELECT id FROM picked)
) AS blocker
ORDER BY picked.sequence, picked.id
"""


@dataclass(frozen=True)
class Delivery:
    """One event for one subscriber, as it was claimed.

    Attributes:
        attempt: which one this is, from 1.
        due_at: the lease that it was claimed under; None inside a transaction.
    """

    id: UUID
    event: Event
    attempt: int
    due_at: datetime | None = None


async def lock_subscriber(connection: Connection, subscriber_id: UUID, *, wait: bool = False) -> bool:
    """Take the subscriber's lock to the end of the transaction. Returns: whether it was free."""
    key = int.from_bytes(subscriber_id.bytes[-4:], "big", signed=True)
    if wait:
        await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", LOCK_SPACE, key)
        return True
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", LOCK_SPACE, key))


async def is_active(connection: Connection, tenant_id: UUID, subscriber_id: UUID) -> bool:
    """Whether the subscriber still wants deliveries."""
    found = await connection.fetchval(
        "SELECT active FROM event_subscribers WHERE tenant_id = $1 AND id = $2", tenant_id, subscriber_id
    )
    return bool(found)


async def pick(
    connection: Connection, tenant_id: UUID, subscriber_id: UUID, now: datetime, most: int
) -> tuple[list[Delivery], int]:
    """What is due and not blocked, in order; what is blocked is put off until what blocks it.

    Returns: the deliveries; and how many were looked at, 0 when nothing is due.
    """
    rows = await connection.fetch(_PICK, tenant_id, subscriber_id, now, most)
    blocked = {row["record_id"] for row in rows if row["blocked"]}
    put_off = [(row["id"], row["until"]) for row in rows if row["blocked"] and row["until"] is not None]
    if put_off:
        await connection.execute(
            "UPDATE event_deliveries AS d SET due_at = source.due_at "
            "FROM unnest($2::uuid[], $3::timestamptz[]) AS source (id, due_at) "
            "WHERE d.tenant_id = $1 AND d.id = source.id AND d.id = ANY ($2::uuid[])",
            tenant_id,
            [delivery_id for delivery_id, _ in put_off],
            [until for _, until in put_off],
        )
    free = [row for row in rows if row["record_id"] not in blocked]
    events = await _events(connection, tenant_id, [row["event_id"] for row in free])
    return [Delivery(row["id"], events[row["event_id"]], row["attempts"] + 1) for row in free], len(rows)


async def _events(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Event]:
    # By itself, so that the planner never reads the whole outbox for a queue whose length it does not know.
    rows = await connection.fetch(
        "SELECT * FROM outbox_events WHERE tenant_id = $1 AND id = ANY ($2::uuid[])", tenant_id, list(set(ids))
    )
    return {row["id"]: _event(dict(row)) for row in rows}


def _event(row: Mapping[str, Any]) -> Event:
    return read_event({**row, "payload": orjson.loads(row["payload"])})


def heads(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """The first of each record, in order."""
    first: dict[UUID, Delivery] = {}
    for delivery in deliveries:
        first.setdefault(delivery.event.record_id, delivery)
    return list(first.values())


async def still_first(connection: Connection, tenant_id: UUID, subscriber_id: UUID, delivery: Delivery) -> bool:
    """Whether a delivery is still to be made, and none of its record before it."""
    found = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM event_deliveries WHERE tenant_id = $1 AND id = $3 AND state = 'pending') "
        "AND NOT EXISTS (SELECT FROM event_deliveries WHERE tenant_id = $1 AND subscriber_id = $2 "
        "AND state = 'pending' AND record_id = $4 AND sequence < $5)",
        tenant_id,
        subscriber_id,
        delivery.id,
        delivery.event.record_id,
        delivery.event.sequence,
    )
    return bool(found)


async def finish(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> int:
    """Note that deliveries were made. Returns: how many there were."""
    status = await connection.execute(
        "DELETE FROM event_deliveries WHERE tenant_id = $1 AND id = ANY ($2::uuid[])", tenant_id, list(ids)
    )
    return int(status.rpartition(" ")[2])


async def fail(
    connection: Connection,
    tenant_id: UUID,
    subscriber_id: UUID,
    delivery: Delivery,
    *,
    dead: bool,
    due_at: datetime,
    now: datetime,
    error: str,
) -> None:
    """Note that an attempt failed: it is tried again at `due_at`, and later ones of the record wait; or it is dead."""
    await connection.execute(
        "UPDATE event_deliveries SET state = $3, attempts = $4, due_at = $5, last_error = $6, failed_at = $7 "
        "WHERE tenant_id = $1 AND id = $2",
        tenant_id,
        delivery.id,
        "dead" if dead else "pending",
        delivery.attempt,
        None if dead else due_at,
        error,
        now,
    )
    await connection.execute(
        "UPDATE event_deliveries SET due_at = $5 WHERE tenant_id = $1 AND subscriber_id = $2 AND state = 'pending' "
        "AND record_id = $3 AND sequence > $4 AND due_at IS DISTINCT FROM $5",
        tenant_id,
        subscriber_id,
        delivery.event.record_id,
        delivery.event.sequence,
        None if dead else due_at,
    )


async def lease(
    connection: Connection, tenant_id: UUID, deliveries: Sequence[Delivery], until: datetime
) -> list[Delivery]:
    """Take deliveries until then; an attempt counts from now on, so that one that kills its process ends too."""
    await connection.execute(
        "UPDATE event_deliveries SET due_at = $3, attempts = attempts + 1 "
        "WHERE tenant_id = $1 AND id = ANY ($2::uuid[])",
        tenant_id,
        [delivery.id for delivery in deliveries],
        until,
    )
    return [Delivery(one.id, one.event, one.attempt, until) for one in deliveries]


async def still_leased(connection: Connection, tenant_id: UUID, delivery: Delivery) -> bool:
    """Whether nobody else took it since; locks it."""
    found = await connection.fetchval(
        "SELECT due_at FROM event_deliveries WHERE tenant_id = $1 AND id = $2 AND state = 'pending' FOR UPDATE",
        tenant_id,
        delivery.id,
    )
    return found is not None and found == delivery.due_at


async def unblock(connection: Connection, tenant_id: UUID, subscriber_id: UUID, delivery: Delivery) -> None:
    """Let later deliveries of the record go on at once."""
    await connection.execute(
        "UPDATE event_deliveries SET due_at = NULL WHERE tenant_id = $1 AND subscriber_id = $2 "
        "AND state = 'pending' AND record_id = $3 AND sequence > $4 AND due_at IS NOT NULL",
        tenant_id,
        subscriber_id,
        delivery.event.record_id,
        delivery.event.sequence,
    )
