"""The worker: services that run beside the API, in its process or in one of their own.

A service is a coroutine that works until its event is set. One that fails is started again, later each time; the
others go on.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace

import structlog

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import open_database
from evenhand.environment import count, seconds, setting
from evenhand.plugins.loader import load_target

log = structlog.get_logger(__name__)

Service = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set, and then ends soon; at the latest after `grace_seconds` it is cancelled."""

SERVICES: dict[str, str] = {
    "events": "evenhand.events.pump:deliver_events",
    "event-subscriptions": "evenhand.events.upgrading:keep_subscriptions",
    "jobs": "evenhand.jobs.consuming:do_jobs",
    "schedules": "evenhand.jobs.scheduling:keep_schedules",
    "missing-schedules": "evenhand.jobs.scheduling:add_missing_schedules",
    "queue-log": "evenhand.jobs.housekeeping:keep_queue_log_short",
    "audit-seals": "evenhand.audit.sealing:keep_sealed",
}
"""What a worker does: names and where each `Service` is. To add one, add a line."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a service that failed is started again; each pause is twice the one before."""
WELL_AFTER = 60.0
"""A service that ran for so many seconds is well again: its pauses begin anew."""


@dataclass(frozen=True)
class WorkerConfig:
    """How a worker works.

    Attributes:
        concurrency: jobs at once.
        stale_seconds: a worker that gives no sign of life for so long is taken for dead; its jobs go to others.
        grace_seconds: what runs when the worker is to stop has so long to end by itself.
    """

    database: DatabaseConfig
    concurrency: int = 8
    stale_seconds: float = 30.0
    grace_seconds: float = 10.0


def worker_from_environment(database: DatabaseConfig) -> WorkerConfig:
    """What the environment says.

    Raises:
        InvalidSetting: a variable cannot be understood.
    """
    known = WorkerConfig(database)
    return WorkerConfig(
        database,
        concurrency=setting("EVENHAND_WORKER_CONCURRENCY", known.concurrency, count),
        stale_seconds=setting("EVENHAND_WORKER_STALE_SECONDS", known.stale_seconds, seconds),
        grace_seconds=setting("EVENHAND_WORKER_GRACE_SECONDS", known.grace_seconds, seconds),
    )


_config: ContextVar[WorkerConfig] = ContextVar("evenhand_worker")
restarts: Counter[str] = Counter()
"""How often each service of this process failed and was started again."""


def current_worker() -> WorkerConfig:
    """How the worker works that the running service belongs to."""
    return _config.get()


async def run_worker(
    config: WorkerConfig, stop: asyncio.Event, *, services: Mapping[str, Service] | None = None
) -> None:
    """Run all services until `stop`, with database connections of their own.

    Args:
        services: others than `SERVICES` (tests).
    """
    # Jobs may hold a connection each for long; requests of the same process must not wait for them.
    database = replace(config.database, pool_size=config.concurrency + 8, read_connections=1, statement_seconds=None)
    _config.set(config)
    async with open_database(database):
        running = services if services is not None else {name: load_target(path) for name, path in SERVICES.items()}
        log.info("worker.started", services=sorted(running), concurrency=config.concurrency)
        tasks = [asyncio.create_task(supervise(name, service, stop)) for name, service in running.items()]
        try:
            await stop.wait()
            # A service that keeps to its own grace needs a moment more to put back what it did not finish.
            await asyncio.wait(tasks, timeout=config.grace_seconds + 2)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        log.info("worker.stopped")


async def supervise(name: str, service: Service, stop: asyncio.Event) -> None:
    """Run a service until `stop`; start it again when it fails or ends by itself."""
    pause, clock = FIRST_PAUSE, asyncio.get_running_loop().time
    while not stop.is_set():
        started = clock()
        try:
            await service(stop)
            if stop.is_set():
                return
            log.warning("service.ended", service=name)
        except Exception:
            if stop.is_set():
                log.exception("service.failed_at_its_end", service=name)
                return
            log.exception("service.failed", service=name)
        restarts[name] += 1
        pause = FIRST_PAUSE if clock() - started > WELL_AFTER else min(pause * 2, LONGEST_PAUSE)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause * random.uniform(0.8, 1.2)):  # noqa: S311 - spreads restarts
                await stop.wait()
