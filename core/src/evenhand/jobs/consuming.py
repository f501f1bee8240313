"""Take jobs out of the queue and do them: the service of the worker, and all at once for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.executors import AbstractEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Context, TracebackRecord
from pgqueuer.domain.models import Job as Queued
from pgqueuer.domain.types import JOB_STATUS, Channel, JobId, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter

from evenhand import clock
from evenhand.db.config import DatabaseConfig
from evenhand.jobs import queue
from evenhand.jobs.errors import JobLost
from evenhand.jobs.execution import Attempt
from evenhand.jobs.registry import JobKind, job_kinds

log = structlog.get_logger(__name__)

POLL = timedelta(seconds=5)
"""How often the queue is looked at without a notification."""
_STATEMENT_TIMEOUT = 30.0


@dataclass
class CarefulQueries(Queries):
    """pgqueuer's statements, which let go of a job only when `jobs` says that it is over.

    Whatever else happens to an attempt, its row stays as taken; when this worker's signs of life end, another one
    looks at it.
    """

    over: set[JobId] = field(default_factory=set)

    async def log_jobs(self, job_status: list[tuple[Queued, JOB_STATUS, TracebackRecord | None]]) -> None:
        """Take jobs that are over out of the queue, and no others."""
        over = [item for item in job_status if item[0].id in self.over]
        if over:
            await super().log_jobs(over)
            self.over.difference_update(item[0].id for item in over)


@dataclass
class _Executor(AbstractEntrypointExecutor):
    """Does the jobs of one kind."""

    kind: JobKind
    consumer: Consumer

    async def execute(self, job: Queued, context: Context) -> None:
        """Do it, and tell pgqueuer what becomes of its row."""
        await self.consumer.execute(self.kind, job, context)


async def _nobody(job: Queued) -> None:
    """pgqueuer wants a function for each kind; ours are called by `_Executor`."""


class Consumer:
    """Does jobs of all kinds, at most `concurrency` at once."""

    def __init__(self, queries: CarefulQueries, concurrency: int) -> None:
        self._queries = queries
        self._free = asyncio.Semaphore(concurrency)
        self._attempts: dict[Attempt, Context] = {}
        self._closing = False

    async def execute(self, kind: JobKind, queued: Queued, context: Context) -> None:
        """Do one job that was taken from the queue.

        Raises:
            RetryRequested: it is to be looked at again. JobLost.
        """
        attempt = Attempt(kind, *queue.referred(queued.payload))
        async with self._free:
            if self._closing:
                raise RetryRequested(timedelta())
            self._attempts[attempt] = context
            try:
                again = await attempt.run(_headers(queued))
            except JobLost as lost:
                log.info("job.lost", job=str(attempt.job_id), why=lost.message)
                raise
            finally:
                del self._attempts[attempt]
        if again is not None:
            raise RetryRequested(again)
        self._queries.over.add(queued.id)

    def begin_no_more(self) -> None:
        """Put back what was taken and not begun."""
        self._closing = True

    def hand_back(self) -> None:
        """Stop what runs; it goes back into the queue."""
        self.begin_no_more()
        for attempt in list(self._attempts):
            attempt.hand_back()

    async def watch_cancellations(self) -> None:
        """Pass on what pgqueuer heard of cancelled jobs, until cancelled itself."""
        while True:
            await asyncio.sleep(0.25)
            for attempt, context in list(self._attempts.items()):
                if context.cancellation.cancel_called:
                    attempt.request_end()

    @property
    def running(self) -> int:
        """How many jobs it does now."""
        return len(self._attempts)


def _headers(queued: Queued) -> dict[str, str] | None:
    headers: Any = queued.headers
    return {str(key): str(value) for key, value in headers.items()} if headers else None


@asynccontextmanager
async def _connection(config: DatabaseConfig) -> AsyncIterator[asyncpg.Connection]:
    settings = dict(config.credentials()["server_settings"])
    settings.pop("statement_timeout", None)
    connection = await asyncpg.connect(
        **config.connect_arguments(),
        server_settings={**settings, "application_name": "evenhand worker"},
        timeout=10,
        command_timeout=_STATEMENT_TIMEOUT,
    )
    try:
        yield connection
    finally:
        with suppress(Exception):
            await connection.close(timeout=5)


async def consume(
    config: DatabaseConfig, stop: asyncio.Event, *, concurrency: int, stale_seconds: float, grace_seconds: float
) -> None:
    """Do jobs until `stop`; then finish what runs within `grace_seconds`, or hand it back.

    Args:
        concurrency: so many at once.
        stale_seconds: a worker without signs of life for so long is dead, and its jobs go to others.
    """
    async with _connection(config) as connection:
        queries = CarefulQueries(AsyncpgDriver(connection), *queue.builders())
        consumer = Consumer(queries, concurrency)
        manager = QueueManager(queries, Channel(queue.CHANNEL))
        for kind in job_kinds().values():
            parameters = EntrypointExecutorParameters(concurrency_limit=0, func=_nobody)
            manager.register_executor(kind.kind, _Executor(parameters, kind, consumer))
        # Without the connection there are no signs of life, and others will take what runs here.
        connection.add_termination_listener(lambda _: consumer.hand_back())
        at_once = max(2, 2 * concurrency)
        running = asyncio.create_task(
            manager.run(
                dequeue_timeout=POLL,
                batch_size=at_once // 2,
                max_concurrent_tasks=at_once,
                heartbeat_timeout=timedelta(seconds=stale_seconds),
                shutdown_on_listener_failure=True,
                log_aggregation_interval=timedelta(0),
            )
        )
        watching = asyncio.create_task(consumer.watch_cancellations())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            manager.shutdown.set()
            consumer.begin_no_more()
            if not running.done():
                await asyncio.wait({running}, timeout=grace_seconds)
            consumer.hand_back()
            await running
        except asyncio.CancelledError:
            consumer.hand_back()
            running.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await running
            raise
        finally:
            watching.cancel()
            stopping.cancel()


async def do_jobs(stop: asyncio.Event) -> None:
    """Do the jobs of all tenants until `stop`; a service of the worker."""
    from evenhand.worker import current_worker

    worker = current_worker()
    await consume(
        worker.database,
        stop,
        concurrency=worker.concurrency,
        stale_seconds=worker.stale_seconds,
        grace_seconds=worker.grace_seconds,
    )


async def drain_jobs(*, stale_seconds: float = 3600.0) -> int:
    """Do all jobs that are due now, one after the other, in this process; for tests.

    Jobs that fail are put back as in a worker; they are due later. Returns: how many attempts were made.
    """
    from tortoise.connection import get_connection

    client: Any = get_connection("default")
    await client.execute_query("SELECT 1")
    pool = cast(asyncpg.Pool, client._pool)
    queries = CarefulQueries(AsyncpgPoolDriver(pool), *queue.builders())
    kinds = job_kinds()
    everything = {QueueEntrypoint(kind): EntrypointExecutionParameter(concurrency_limit=0) for kind in kinds}
    worker, made = QueueManagerId(uuid4()), 0
    while True:
        await queue.bring_forward(pool, clock.now())
        taken = await queries.dequeue(10, everything, worker, None, timedelta(seconds=stale_seconds))
        if not taken:
            return made
        for queued in taken:
            made += 1
            again = await Attempt(kinds[queued.entrypoint], *queue.referred(queued.payload)).run(_headers(queued))
            if again is not None:
                await queries.retry_job(queued, again, None)
            else:
                queries.over.add(queued.id)
                await queries.log_jobs([(queued, "successful", None)])
