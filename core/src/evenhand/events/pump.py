"""The delivery service: finds out who has something due, and gives every tenant its turn."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from itertools import count
from uuid import UUID

import structlog

from evenhand.clock import now
from evenhand.events.subscribers import known_kinds
from evenhand.events.turns import Subscriber, Turn
from evenhand.events.waking import wake, woken
from evenhand.tenancy.context import current_tenant

log = structlog.get_logger(__name__)

TRANSACTIONS = 4
"""Subscribers that are served inside transactions at once; each takes a connection."""
FLIGHTS = 16
"""Subscribers that are served outside of transactions at once."""
LOOK_EVERY = 0.5
"""Seconds between two looks when nothing happens."""
_SOON = (0.0, 0.02, 0.05, 0.1)
"""Pauses after a commit of this process: the transaction around it may end a moment later."""
_AFTER_ERROR = 5.0
_MOST = 1_000

_DUE = "SELECT tenant_id, subscriber_id, kind, name FROM evenhand_due_subscribers($1, $2, $3)"


async def due_subscribers() -> list[Subscriber]:
    """All tenants' subscribers that have something due and of kinds that this process knows."""
    from tortoise.connection import get_connection

    rows = await get_connection("default").execute_query_dict(_DUE, [list(known_kinds()), now(), _MOST])
    return [
        Subscriber(UUID(str(row["tenant_id"])), UUID(str(row["subscriber_id"])), row["kind"], row["name"])
        for row in rows
    ]


class Pump:
    """Serves subscribers side by side; whoever was served longest ago comes first, tenants before subscribers."""

    def __init__(self) -> None:
        self._running: dict[UUID, asyncio.Task[int]] = {}
        self._lanes = {True: 0, False: 0}
        self._clock = count(1)
        self._served: dict[UUID, int] = {}
        self._rest: dict[UUID, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then let what is under way come to its end."""
        with woken() as sleeper:
            stopping = asyncio.create_task(self._wake_at_stop(stop, sleeper))
            pauses = list(_SOON)
            try:
                while not stop.is_set():
                    sleeper.clear()
                    pause = pauses.pop(0) if pauses else LOOK_EVERY
                    try:
                        if self._start(await due_subscribers()):
                            pauses = list(_SOON[1:])
                    except Exception as error:
                        # The database may be away for a while; the service outlives it.
                        log.warning("event.delivery_paused", error=str(error) or type(error).__name__)
                        pause = _AFTER_ERROR
                    if await self._sleep(sleeper, pause):
                        pauses = list(_SOON)
            except asyncio.CancelledError:
                for task in self._running.values():
                    task.cancel()
                raise
            finally:
                stopping.cancel()
                await self._finish()

    @staticmethod
    async def _wake_at_stop(stop: asyncio.Event, sleeper: asyncio.Event) -> None:
        await stop.wait()
        sleeper.set()

    @staticmethod
    async def _sleep(sleeper: asyncio.Event, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await sleeper.wait()
                return True
        return False

    async def _finish(self) -> None:
        tasks = set(self._running.values())
        if not tasks:
            return
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            # What is taken back now is delivered later.
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            raise

    def _start(self, due: list[Subscriber]) -> int:
        """Give turns to whom there is room for. Returns: how many began."""
        kinds, started = known_kinds(), 0
        moment = asyncio.get_running_loop().time()
        waiting = [one for one in due if one.id not in self._running and self._rest.get(one.id, 0.0) <= moment]
        while waiting:
            subscriber = min(waiting, key=lambda one: (self._served.get(one.tenant_id, 0), self._served.get(one.id, 0)))
            waiting.remove(subscriber)
            kind = kinds[subscriber.kind]
            room = TRANSACTIONS if kind.transactional else FLIGHTS
            if self._lanes[kind.transactional] >= room:
                continue
            self._lanes[kind.transactional] += 1
            self._served[subscriber.tenant_id] = self._served[subscriber.id] = next(self._clock)
            task = asyncio.create_task(Turn(subscriber, kind).run(), name=f"deliver to {subscriber.name}")
            self._running[subscriber.id] = task
            task.add_done_callback(partial(self._ended, subscriber, kind.transactional))
            started += 1
        return started

    def _ended(self, subscriber: Subscriber, lane: bool, task: asyncio.Task[int]) -> None:
        del self._running[subscriber.id]
        self._lanes[lane] -= 1
        self._rest.pop(subscriber.id, None)
        if len(self._served) > 10_000:
            self._served.clear()
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("event.turn_failed", subscriber=subscriber.name, exc_info=error)
            self._rest[subscriber.id] = asyncio.get_running_loop().time() + _AFTER_ERROR
        elif task.result():
            wake()
        else:
            # Another process is at it.
            self._rest[subscriber.id] = asyncio.get_running_loop().time() + LOOK_EVERY / 2


async def deliver_events(stop: asyncio.Event) -> None:
    """The service of a worker: deliver events to the subscribers of all tenants until `stop` is set.

    Any number of processes may do this on one database.
    """
    await Pump().run(stop)


async def drain_deliveries(*, only_this_tenant: bool = False) -> int:
    """Deliver everything that is due now, and what comes of it, in this task. Returns: how many attempts there were.

    Args:
        only_this_tenant: leave other tenants' deliveries alone.
    """
    kinds, done = known_kinds(), 0
    while True:
        due = [one for one in await due_subscribers() if not only_this_tenant or one.tenant_id == current_tenant()]
        made = [await Turn(subscriber, kinds[subscriber.kind]).run() for subscriber in due]
        done += sum(made)
        if not any(made):
            return done
