"""The handle of work that runs: its progress, its steps and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand import clock
from evenhand.db.bulk import to_json
from evenhand.db.session import raw_connection, transaction
from evenhand.jobs.errors import JobCancelled, JobLost
from evenhand.jobs.models import JobState
from evenhand.live.notices import ChangeOperation, Notice
from evenhand.live.presence import send
from evenhand.tenancy.context import current_actor

log = structlog.get_logger(__name__)

WRITE_EVERY = 0.5
"""Seconds between two writes of progress."""
SIGN_EVERY = 10.0
"""Seconds between two signs of life of a job without progress."""

_PROGRESS = """
UPDATE jobs SET done = coalesce($4, done), total = coalesce($5, total), message = coalesce($6, message),
    heartbeat_at = $7
WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND attempts = $3
RETURNING cancel_requested_at IS NOT NULL
"""
_STEP = """
UPDATE jobs SET cursor = $4, heartbeat_at = $5
WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND attempts = $3 AND cancel_requested_at IS NULL
RETURNING true
"""
_FINISH = """
UPDATE jobs SET state = 'done', done = coalesce($4, done), total = coalesce($5, total), message = coalesce($6, message),
    result = $7, error = NULL, heartbeat_at = $8, finished_at = $8
WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND attempts = $3 AND cancel_requested_at IS NULL
RETURNING true
"""
_STANDING = "SELECT state, attempts, cancel_requested_at FROM jobs WHERE tenant_id = $1 AND id = $2"


@dataclass
class Step:
    """What a step leaves behind.

    Attributes:
        cursor: how far the job is with it; any JSON. May be set inside the step.
    """

    cursor: Any = None


@dataclass
class Finish:
    """What came of a job.

    Attributes:
        result: for programs; an object as JSON holds it. May be set inside the block.
    """

    result: Mapping[str, Any] | None = None


async def tell(client: TransactionWrapper, job_id: UUID, now: datetime) -> None:
    """Tell subscribers, with the commit, that a job went on."""
    actor = current_actor()
    await send(
        client,
        actor.tenant_id,
        [Notice(actor.tenant_id, "Job", ChangeOperation.UPDATED, (job_id,), actor.user_id, now)],
    )


class RunningJob:
    """The handle of work that runs; `advance` costs nothing, the writing is done beside the work.

    Attributes:
        cursor: what the last step that was committed left; None at the first start. A job that is begun again,
            because it failed or its worker died, goes on from there.
        attempt: how often a worker has begun with it, this time included; 0 for work that no worker does.
    """

    def __init__(self, job_id: UUID, *, attempt: int = 0, cursor: Any = None) -> None:
        self.id = job_id
        self.attempt = attempt
        self.cursor = cursor
        self.finished = False
        self._progress: dict[str, Any] = {}
        self._ended = asyncio.Event()
        self._cancelled = False

    def advance(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Say how far the work is; what is left out stays as it was.

        Raises:
            JobCancelled: somebody asked for the job's end.
        """
        self.check()
        self._progress["done"] = done
        if total is not None:
            self._progress["total"] = total
        if message is not None:
            self._progress["message"] = message[:500]

    def request_end(self) -> None:
        """Let the next `advance`, `check` or step raise `JobCancelled`."""
        self._cancelled = True

    @property
    def end_requested(self) -> bool:
        """Whether somebody asked for the job's end."""
        return self._cancelled

    def check(self) -> None:
        """Raise `JobCancelled` when somebody asked for the job's end."""
        if self._cancelled:
            raise JobCancelled("Somebody cancelled this job.", hint="Start a new one.")

    @asynccontextmanager
    async def step(self, cursor: Any = None) -> AsyncIterator[Step]:
        """One transaction of the job: what the block writes, and the cursor, are there together or not at all.

        Args:
            cursor: how far the job is after it; any JSON. Or set `cursor` of what it yields inside the block.

        Raises:
            JobCancelled: somebody asked for the job's end. JobLost: another worker does the job now. In both cases
                nothing of the block stays.
        """
        self.check()
        mark = Step(cursor)
        async with transaction() as client:
            yield mark
            values = (None if mark.cursor is None else to_json(mark.cursor), clock.now())
            await self._mark(raw_connection(client), _STEP, *values)
        self.cursor = mark.cursor

    @asynccontextmanager
    async def finishing(self, result: Mapping[str, Any] | None = None) -> AsyncIterator[Finish]:
        """The last transaction of the job: what the block writes is there exactly when the job is done.

        Raises:
            JobCancelled, JobLost: as `step` does.
        """
        self.check()
        finish = Finish(result)
        async with transaction() as client:
            yield finish
            now = clock.now()
            progress = [self._progress.get(name) for name in ("done", "total", "message")]
            came = None if finish.result is None else to_json(finish.result)
            await self._mark(raw_connection(client), _FINISH, *progress, came, now)
            await tell(client, self.id, now)
        self.finished = True

    async def _mark(self, connection: asyncpg.Connection, statement: str, *values: Any) -> None:
        tenant = current_actor().tenant_id
        if await connection.fetchval(statement, tenant, self.id, self.attempt, *values):
            return
        row = await connection.fetchrow(_STANDING, tenant, self.id)
        if row is not None and row["cancel_requested_at"] is not None and row["attempts"] == self.attempt:
            self._cancelled = True
            self.check()
        state = "not there" if row is None else JobState(row["state"]).value
        raise JobLost(
            f"Job {self.id} is {state} or done by another worker; attempt {self.attempt} may not go on.",
            hint="Stop; what the open step wrote is taken back.",
        )

    async def keep_writing(self) -> None:
        """Write progress when there is some, and signs of life, until `end`; an error of it stops no work."""
        signed = asyncio.get_running_loop().time()
        while not self._ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITE_EVERY):
                    await self._ended.wait()
            now = asyncio.get_running_loop().time()
            if self._ended.is_set() or not (self._progress or now - signed > SIGN_EVERY):
                continue
            progress, self._progress = self._progress, {}
            try:
                await self._write(progress)
                signed = now
            except Exception as error:
                self._progress = {**progress, **self._progress}
                log.warning("job.progress_not_written", job=str(self.id), error=str(error))

    async def _write(self, progress: Mapping[str, Any]) -> None:
        """One statement; a job that ended meanwhile stays as it ended."""
        now = clock.now()
        values = [progress.get(name) for name in ("done", "total", "message")]
        async with transaction() as client:
            cancelled = await raw_connection(client).fetchval(
                _PROGRESS, current_actor().tenant_id, self.id, self.attempt, *values, now
            )
            if cancelled is not None:
                await tell(client, self.id, now)
        self._cancelled = self._cancelled or bool(cancelled)

    def end(self) -> dict[str, Any]:
        """Stop writing. Returns: progress that was not written."""
        self._ended.set()
        return self._progress
