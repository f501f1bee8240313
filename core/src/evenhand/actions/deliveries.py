"""Dead letters: events that a subscriber did not take, and their replay; admins only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import raw_connection, reading
from evenhand.errors import InvalidInput, Problem
from evenhand.events.waking import wake
from evenhand.tenancy.context import current_actor, current_tenant

ENTITY = "EventDelivery"
MOST = 1_000

_DEAD = """
SELECT d.id, d.event_id, e.type, e.entity, e.record_id, e.occurred_at, s.kind, s.name, d.attempts, d.last_error,
    d.failed_at
FROM event_deliveries AS d
JOIN event_subscribers AS s ON s.tenant_id = $1 AND s.id = d.subscriber_id
JOIN outbox_events AS e ON e.tenant_id = $1 AND e.id = d.event_id
WHERE d.tenant_id = $1 AND d.state = 'dead' AND ($2::text IS NULL OR s.kind = $2) AND ($3::text IS NULL OR s.name = $3)
ORDER BY d.failed_at DESC, d.id LIMIT $4
"""
# Chosen ones in the order in which they happened; each is tried as often as a new one.
_REPLAY = """
UPDATE event_deliveries AS d SET state = 'pending', attempts = 0, due_at = NULL
FROM event_subscribers AS s
WHERE d.tenant_id = $1 AND s.tenant_id = $1 AND s.id = d.subscriber_id AND d.state = 'dead'
    AND ($2::uuid[] IS NULL OR d.id = ANY ($2)) AND ($3::text IS NULL OR (s.kind = $3 AND s.name = $4))
RETURNING d.id
"""
_WAITING = """
SELECT s.kind, s.name, s.active, count(d.id) FILTER (WHERE d.state = 'pending') AS pending,
    count(d.id) FILTER (WHERE d.state = 'dead') AS dead
FROM event_subscribers AS s LEFT JOIN event_deliveries AS d ON d.tenant_id = $1 AND d.subscriber_id = s.id
WHERE s.tenant_id = $1 GROUP BY s.kind, s.name, s.active ORDER BY s.kind, s.name
"""


@dataclass(frozen=True)
class DeadLetter:
    """An event that a subscriber did not take although it was tried often enough."""

    id: UUID
    event_id: UUID
    type: str
    entity: str
    record_id: UUID
    occurred_at: datetime
    kind: str
    name: str
    attempts: int
    last_error: str | None
    failed_at: datetime | None


@dataclass(frozen=True)
class Waiting:
    """A subscriber, and how many deliveries to it wait or are dead."""

    kind: str
    name: str
    active: bool
    pending: int
    dead: int


async def dead_letters(*, kind: str | None = None, name: str | None = None, most: int = 100) -> list[DeadLetter]:
    """Dead letters of the tenant, those that failed last first.

    Args:
        kind, name: only those of these subscribers: "plugin" and a slug, "webhook" and an endpoint's id.

    Raises:
        PermissionDenied.
    """
    require(current_actor(), Operation.READ, ENTITY)
    async with reading() as client:
        rows = await raw_connection(client).fetch(_DEAD, current_tenant(), kind, name, min(most, MOST))
    return [DeadLetter(**row) for row in rows]


async def subscribers_waiting() -> list[Waiting]:
    """All subscribers of the tenant and what waits for them.

    Raises:
        PermissionDenied.
    """
    require(current_actor(), Operation.READ, ENTITY)
    async with reading() as client:
        rows = await raw_connection(client).fetch(_WAITING, current_tenant())
    return [Waiting(**row) for row in rows]


async def replay_dead_letters(ids: Collection[UUID] | None = None, *, subscriber: tuple[str, str] | None = None) -> int:
    """Deliver dead letters again: some, or all of one subscriber. Returns: how many.

    Later events of their records that were delivered meanwhile are not delivered again.

    Raises:
        InvalidInput: neither or both are given. PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    if (ids is None) == (subscriber is None):
        message = "ids: name dead letters, or a subscriber."
        raise InvalidInput([Problem("ids", "ONE_OF_TWO", message, "Give ids, or the subscriber's kind and name.")])
    kind, name = subscriber or (None, None)
    async with writing("replay_dead_letters") as journal:
        rows = await raw_connection(journal.client).fetch(
            _REPLAY, journal.actor.tenant_id, None if ids is None else list(ids), kind, name
        )
        for row in rows:
            journal.record(ENTITY, row["id"], before={"state": "dead"}, after={"state": "pending"})
    if rows:
        wake()
    return len(rows)
