"""One subscriber's turn: deliver what is due for it, for a short while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from uuid import UUID

import structlog
from asyncpg import Connection

from evenhand.clock import now
from evenhand.db.session import raw_connection, transaction
from evenhand.events import claims
from evenhand.events.backoff import pause_after, why_failed
from evenhand.events.cause import handling
from evenhand.events.claims import Delivery
from evenhand.events.subscribers import Kind, TryLater, Undeliverable
from evenhand.tenancy.context import acting_as, system_actor

log = structlog.get_logger(__name__)

BATCH = 250
"""Deliveries of one transaction."""
TURN = 0.5
"""Seconds after which another subscriber may have its turn."""
IN_FLIGHT = 8
"""Deliveries of one subscriber that are under way at once outside of transactions, each of another record."""
LEASE_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True)
class Subscriber:
    """Whose turn it is."""

    tenant_id: UUID
    id: UUID
    kind: str
    name: str


class _Lost(Exception):
    """Somebody else finished what this batch delivered; all of it is taken back."""


_current: ContextVar[Delivery | None] = ContextVar("evenhand_delivery", default=None)


def current_delivery() -> Delivery | None:
    """The delivery that the running task makes, where there is only one."""
    return _current.get()


class Turn:
    """Delivers to one subscriber; `run` says how many deliveries were made or failed."""

    def __init__(self, subscriber: Subscriber, kind: Kind) -> None:
        self.subscriber = subscriber
        self.kind = kind

    async def run(self) -> int:
        """Deliver until nothing is due, or the time is up."""
        actor = system_actor(self.subscriber.tenant_id, via=f"{self.kind.name}:{self.subscriber.name}"[:64])
        ends, done = monotonic() + TURN, 0
        with acting_as(actor):
            while True:
                made = await (self._batch() if self.kind.transactional else self._flight())
                if made is None:
                    return done
                done += made
                if monotonic() > ends:
                    return done

    # Inside transactions

    async def _batch(self) -> int | None:
        """One transaction for many; None when nothing is due here, or somebody else is at it."""
        deliveries: list[Delivery] = []
        try:
            async with transaction() as client:
                connection = raw_connection(client)
                if not await claims.lock_subscriber(connection, self.subscriber.id):
                    return None
                if not await claims.is_active(connection, self.subscriber.tenant_id, self.subscriber.id):
                    return None
                deliveries, seen = await claims.pick(
                    connection, self.subscriber.tenant_id, self.subscriber.id, now(), BATCH
                )
                if not deliveries:
                    return 0 if seen else None
                await self._deliver(deliveries, 3)
                made = await claims.finish(connection, self.subscriber.tenant_id, [one.id for one in deliveries])
                if made != len(deliveries):
                    raise _Lost
                return made
        except _Lost:
            return 0
        except Exception as error:
            if not deliveries:
                raise
            if len(deliveries) > 1:
                log.info("event.batch_failed", **self._names(), deliveries=len(deliveries), error=why_failed(error))
                return await self._singly(deliveries)
            await self._note_failure(deliveries[0], error)
            return 1

    async def _singly(self, deliveries: Sequence[Delivery]) -> int:
        done = 0
        for delivery in deliveries:
            try:
                async with transaction() as client:
                    connection = raw_connection(client)
                    tenant_id = self.subscriber.tenant_id
                    if not await claims.lock_subscriber(connection, self.subscriber.id):
                        return done
                    if not await claims.still_first(connection, tenant_id, self.subscriber.id, delivery):
                        continue
                    await self._deliver([delivery], 1)
                    done += await claims.finish(connection, tenant_id, [delivery.id])
            except Exception as error:
                await self._note_failure(delivery, error)
                done += 1
        return done

    async def _deliver(self, deliveries: Sequence[Delivery], share: int) -> None:
        """Call the subscriber; it has `share` times the time for one event."""
        events = [delivery.event for delivery in deliveries]
        with ExitStack() as stack:
            # Whoever forgets to say which event it handles still ends chains of events.
            stack.enter_context(handling(max(events, key=lambda event: event.depth)))
            token = _current.set(deliveries[0] if len(deliveries) == 1 else None)
            stack.callback(_current.reset, token)
            async with asyncio.timeout(self.kind.timeout.total_seconds() * share):
                await self.kind.deliver(self.subscriber.name, events)

    async def _note_failure(self, delivery: Delivery, error: Exception) -> None:
        async with transaction() as client:
            connection = raw_connection(client)
            await claims.lock_subscriber(connection, self.subscriber.id, wait=True)
            if await claims.still_first(connection, self.subscriber.tenant_id, self.subscriber.id, delivery):
                await self._fail(connection, delivery, error)

    async def _fail(self, connection: Connection, delivery: Delivery, error: Exception) -> None:
        moment = now()
        dead = isinstance(error, Undeliverable) or delivery.attempt >= self.kind.attempts
        after = error.after if isinstance(error, TryLater) else None
        pause = max(after or timedelta(0), pause_after(delivery.attempt))
        await claims.fail(
            connection,
            self.subscriber.tenant_id,
            self.subscriber.id,
            delivery,
            dead=dead,
            due_at=moment + pause,
            now=moment,
            error=why_failed(error),
        )
        log.warning(
            "event.dead_letter" if dead else "event.delivery_failed",
            **self._names(),
            event_id=str(delivery.event.id),
            attempt=delivery.attempt,
            error=why_failed(error, 300),
        )

    def _names(self) -> dict[str, str]:
        return {
            "tenant": str(self.subscriber.tenant_id),
            "kind": self.subscriber.kind,
            "subscriber": self.subscriber.name,
        }

    # Outside of transactions

    async def _flight(self) -> int | None:
        """Lease a few, deliver them side by side, note how each went."""
        async with transaction() as client:
            connection = raw_connection(client)
            tenant_id, subscriber_id = self.subscriber.tenant_id, self.subscriber.id
            if not await claims.lock_subscriber(connection, subscriber_id):
                return None
            if not await claims.is_active(connection, tenant_id, subscriber_id):
                return None
            picked, seen = await claims.pick(connection, tenant_id, subscriber_id, now(), IN_FLIGHT)
            taken = claims.heads(picked)
            if not taken:
                return 0 if seen else None
            until = now() + self.kind.timeout + LEASE_MARGIN
            leased = await claims.lease(connection, tenant_id, taken, until)
        async with asyncio.TaskGroup() as tasks:
            for delivery in leased:
                tasks.create_task(self._leased(delivery))
        return len(leased)

    async def _leased(self, delivery: Delivery) -> None:
        error: Exception | None = None
        try:
            await self._deliver([delivery], 1)
        except Exception as raised:
            error = raised
        async with transaction() as client:
            connection = raw_connection(client)
            await claims.lock_subscriber(connection, self.subscriber.id, wait=True)
            if not await claims.still_leased(connection, self.subscriber.tenant_id, delivery):
                return
            if error is None:
                await claims.finish(connection, self.subscriber.tenant_id, [delivery.id])
                await claims.unblock(connection, self.subscriber.tenant_id, self.subscriber.id, delivery)
            else:
                await self._fail(connection, delivery, error)
