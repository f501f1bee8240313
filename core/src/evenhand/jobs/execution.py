"""Do one job that the queue named: begin, run its handler, note how it ended."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from evenhand import clock
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.errors import EvenhandError
from evenhand.jobs.errors import JobCancelled, JobLost
from evenhand.jobs.models import JobState
from evenhand.jobs.registry import JobKind
from evenhand.jobs.running import RunningJob, tell
from evenhand.tenancy.context import acting_as, system_actor

log = structlog.get_logger(__name__)
_tracer = trace.get_tracer("evenhand.jobs")

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
"""Between two attempts of a job that fails; each pause is twice the one before."""
MOST_DEATHS = 20
"""So often a worker may die over a job before the job is given up."""
ASK_AGAIN = timedelta(minutes=5)
"""How often it is looked whether a job's plugin is enabled again."""
WAIT_FOR_PLUGIN = timedelta(days=7)
"""So long a job waits for its plugin."""

_BEGIN = """
UPDATE jobs SET state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, $3), heartbeat_at = $3,
    error = NULL
WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'running') AND cancel_requested_at IS NULL
RETURNING title, payload, cursor, attempts, failures
"""
_BACK = """
UPDATE jobs SET state = 'queued', failures = failures + $4, scheduled_at = $5, error = $6,
    message = coalesce($7, message), heartbeat_at = NULL
WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND attempts = $3 AND cancel_requested_at IS NULL
RETURNING true
"""
_END = """
UPDATE jobs SET state = $4, error = $5, done = coalesce($6, done), total = coalesce($7, total),
    message = coalesce($8, message), heartbeat_at = $9, finished_at = $9
WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'running') AND attempts = $3
RETURNING true
"""
_WAIT = """
UPDATE jobs SET state = 'queued', message = $3
WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'running') AND cancel_requested_at IS NULL
RETURNING attempts, coalesce(scheduled_at, created_at) AS wanted_at
"""
_CANCEL_DEAD = """
UPDATE jobs SET state = 'cancelled', heartbeat_at = $3, finished_at = $3
WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'running') AND cancel_requested_at IS NOT NULL
"""


@dataclass(frozen=True)
class _Failure:
    """Why an attempt failed, in words for the tenant."""

    reason: str


def pause_after(failures: int) -> timedelta:
    """How long a job rests after it failed so often: 5 s, 10 s, … one hour, give or take a tenth."""
    pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 30), LONGEST_PAUSE)
    return pause * random.uniform(0.9, 1.1)  # noqa: S311 - spreads attempts, keeps no secret


class Attempt:
    """One attempt at a job: who does it for whom, and what becomes of it."""

    def __init__(self, kind: JobKind, tenant_id: UUID, job_id: UUID) -> None:
        self.kind = kind
        self.tenant_id = tenant_id
        self.job_id = job_id
        self.job: RunningJob | None = None
        self._task: asyncio.Task[None] | None = None
        self._handed_back = False

    def request_end(self) -> None:
        """Somebody cancelled the job; its next step sees it."""
        if self.job is not None:
            self.job.request_end()

    def hand_back(self) -> None:
        """Stop the handler where it is; the job is put back into the queue."""
        self._handed_back = True
        if self._task is not None:
            self._task.cancel()

    async def run(self, headers: Mapping[str, str] | None = None) -> timedelta | None:
        """Do it.

        Returns: None when the job is over, so that the queue can forget it; else after what time it is to be looked at
        again.

        Raises:
            JobLost: another worker does it now; the queue keeps it. Other errors say that the database cannot be
                reached; then the queue gives the job to another worker when this one's signs of life end.
        """
        with acting_as(system_actor(self.tenant_id, via=f"job:{self.kind.kind}")):
            context = propagate.extract(headers) if headers else None
            with (
                structlog.contextvars.bound_contextvars(job=str(self.job_id), kind=self.kind.kind),
                _tracer.start_as_current_span(f"job {self.kind.kind}", context, SpanKind.CONSUMER) as span,
            ):
                span.set_attribute("evenhand.tenant", str(self.tenant_id))
                span.set_attribute("evenhand.job", str(self.job_id))
                if not await self._plugin_enabled():
                    return await self._wait_for_plugin()
                begun = await self._begin()
                if begun is None:
                    return None
                again = await self._attempt(begun)
                if again is not None:
                    span.set_status(Status(StatusCode.ERROR))
                return again

    async def _plugin_enabled(self) -> bool:
        if self.kind.plugin is None:
            return True
        # Here and not above: the host imports much that imports jobs.
        from evenhand.plugins.host import current_host

        async with reading():
            return any(plugin.manifest.slug == self.kind.plugin for plugin in await current_host().enabled())

    async def _wait_for_plugin(self) -> timedelta | None:
        """A job whose plugin is not enabled waits, but not for ever."""
        slug, now = self.kind.plugin, clock.now()
        async with transaction() as client:
            connection = raw_connection(client)
            message = f"Waits: the plugin {slug} is not enabled."
            row = await connection.fetchrow(_WAIT, self.tenant_id, self.job_id, message)
            if row is None:
                await connection.execute(_CANCEL_DEAD, self.tenant_id, self.job_id, now)
            elif now - row["wanted_at"] > WAIT_FOR_PLUGIN:
                error = f"The plugin {slug} was not enabled for {WAIT_FOR_PLUGIN.days} days."
                values = (row["attempts"], JobState.CANCELLED, error, None, None, None, now)
                await connection.fetchval(_END, self.tenant_id, self.job_id, *values)
            else:
                return ASK_AGAIN
            await tell(client, self.job_id, now)
        return None

    async def _begin(self) -> Any:
        """Take the job as ours: from now on no earlier attempt can write. None when there is nothing to do."""
        now = clock.now()
        async with transaction() as client:
            connection = raw_connection(client)
            row = await connection.fetchrow(_BEGIN, self.tenant_id, self.job_id, now)
            if row is None:
                # It is over, or its end was asked for and the worker that was to see it died.
                await connection.execute(_CANCEL_DEAD, self.tenant_id, self.job_id, now)
            await tell(client, self.job_id, now)
        return row

    async def _attempt(self, begun: Any) -> timedelta | None:
        cursor = None if begun["cursor"] is None else orjson.loads(begun["cursor"])
        self.job = job = RunningJob(self.job_id, attempt=begun["attempts"], cursor=cursor)
        if begun["attempts"] - 1 - begun["failures"] > MOST_DEATHS:
            await self._end(JobState.FAILED, f"Its worker ended before the work did, {MOST_DEATHS} times.")
            return None
        payload = orjson.loads(begun["payload"]) if begun["payload"] is not None else {}
        keeper = asyncio.create_task(job.keep_writing())
        try:
            failure = await self._handle(job, payload)
        finally:
            job.end()
            await keeper
        if job.finished:
            return None
        if failure is None and not self._handed_back:
            await self._end(JobState.DONE, None)
            return None
        if job.end_requested:
            await self._end(JobState.CANCELLED, None)
            return None
        if self._handed_back:
            return await self._back(None, timedelta())
        reason = failure.reason if failure is not None else ""
        if begun["failures"] >= self.kind.retries:
            await self._end(JobState.FAILED, reason)
            return None
        return await self._back(reason, pause_after(begun["failures"] + 1))

    async def _handle(self, job: RunningJob, payload: dict[str, Any]) -> _Failure | None:
        """Run the handler. Returns: why it failed, if it did.

        Raises:
            JobLost.
        """
        self._task = task = asyncio.ensure_future(self.kind.handler(job, payload))
        if self._handed_back:
            task.cancel()
        limit = self.kind.timeout.total_seconds() if self.kind.timeout is not None else None
        try:
            await asyncio.wait({task}, timeout=limit)
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
                return None if job.finished else _Failure(f"It took longer than {self.kind.timeout}.")
            task.result()
        except JobCancelled:
            job.request_end()
            return _Failure("")
        except JobLost:
            raise
        except EvenhandError as error:
            log.warning("job.failed", error=error.message, code=error.code)
            return _Failure(error.message)
        except asyncio.CancelledError:
            if not task.done():
                # We ourselves are to stop at once.
                task.cancel()
                raise
            return _Failure("It was interrupted.")
        except Exception as error:
            # What went wrong inside may hold customers' values; they are for the log.
            log.exception("job.failed")
            return _Failure(f"Internal error ({type(error).__name__}).")
        return None

    async def _end(self, state: JobState, error: str | None) -> None:
        """Note how it ended, unless another attempt has begun."""
        if self.job is None:
            raise RuntimeError("a job that was not begun cannot end")
        now, progress = clock.now(), self.job.end()
        values = (state, error, *(progress.get(name) for name in ("done", "total", "message")), now)
        async with transaction() as client:
            if not await raw_connection(client).fetchval(_END, self.tenant_id, self.job_id, self.job.attempt, *values):
                raise JobLost(f"Job {self.job_id} was begun again.", hint="Nothing is to be done.")
            await tell(client, self.job_id, now)
        if state is not JobState.DONE:
            log.info("job.ended", state=state.value, error=error)

    async def _back(self, error: str | None, pause: timedelta) -> timedelta | None:
        """Put it back for another attempt; one whose end was asked for meanwhile ends instead."""
        if self.job is None:
            raise RuntimeError("a job that was not begun cannot be put back")
        now = clock.now()
        message = None if error is None else "Failed; it will be tried again."
        values = (int(error is not None), now + pause, error, message)
        async with transaction() as client:
            connection = raw_connection(client)
            back = await connection.fetchval(_BACK, self.tenant_id, self.job_id, self.job.attempt, *values)
            if not back:
                ended = await connection.execute(_CANCEL_DEAD, self.tenant_id, self.job_id, now)
                if ended.endswith(" 0"):
                    raise JobLost(f"Job {self.job_id} was begun again.", hint="Nothing is to be done.")
            await tell(client, self.job_id, now)
        return pause if back else None
