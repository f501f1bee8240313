"""Jobs: long work that says how far it is, visible to everybody while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from evenhand import clock
from evenhand.actions.journal import Journal, writing
from evenhand.actions.values import require_value
from evenhand.db.session import transaction
from evenhand.errors import EvenhandError
from evenhand.jobs.models import FINAL, Job, JobState
from evenhand.live.notices import ChangeOperation, Notice
from evenhand.live.presence import send
from evenhand.tenancy.context import current_actor

log = structlog.get_logger(__name__)

WRITE_EVERY = 0.5
"""Seconds between two writes of progress."""
SIGN_EVERY = 10.0
"""Seconds between two signs of life of a job without progress."""
DEAD_AFTER = timedelta(minutes=5)
"""A running job without a sign for so long was killed."""
_NOT_FINAL = (JobState.QUEUED, JobState.RUNNING)


class JobEnded(EvenhandError):
    """A job that is over cannot go on or end once more."""

    code = "JOB_ENDED"


class RunningJob:
    """The handle of work that runs; `advance` costs nothing, the writing is done beside the work."""

    def __init__(self, job_id: UUID) -> None:
        self.id = job_id
        self._progress: dict[str, Any] = {}
        self._ended = asyncio.Event()

    def advance(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Say how far the work is; what is left out stays as it was."""
        self._progress["done"] = done
        if total is not None:
            self._progress["total"] = total
        if message is not None:
            self._progress["message"] = message

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
                await _write_progress(self.id, progress)
                signed = now
            except Exception as error:
                self._progress = {**progress, **self._progress}
                log.warning("job.progress_not_written", job=str(self.id), error=str(error))

    def end(self) -> dict[str, Any]:
        """Stop writing. Returns: progress that was not written."""
        self._ended.set()
        return self._progress


async def _write_progress(job_id: UUID, progress: dict[str, Any]) -> None:
    """One statement; a job that ended meanwhile stays as it ended."""
    actor, now = current_actor(), clock.now()
    async with transaction() as client:
        written = await Job.filter(id=job_id, state=JobState.RUNNING).update(**progress, heartbeat_at=now)
        if written:
            notice = Notice(actor.tenant_id, "Job", ChangeOperation.UPDATED, (job_id,), actor.user_id, now)
            await send(client, actor.tenant_id, [notice])


async def start_job(kind: str, title: str, *, total: int | None = None) -> UUID:
    """Note that work runs from now on. Returns: the job's id.

    Jobs of the tenant that were killed, and so could not say how they ended, are noted as failed.
    """
    title = require_value(Job, "title", title)
    async with writing("start_job") as journal:
        await _bury_dead(journal)
        job = await Job.create(
            kind=kind,
            title=title,
            state=JobState.RUNNING,
            total=total,
            created_by_id=journal.actor.user_id,
            started_at=journal.now,
            heartbeat_at=journal.now,
        )
        journal.record("Job", job.id, before=None, after={"kind": kind, "title": title, "state": JobState.RUNNING})
    return job.id


async def _bury_dead(journal: Journal) -> None:
    dead = Job.filter(state=JobState.RUNNING, heartbeat_at__lt=journal.now - DEAD_AFTER)
    ids = [job.id for job in await dead.order_by("id").select_for_update(skip_locked=True)]
    if ids:
        after = {"state": JobState.FAILED, "error": "The process that ran it ended before the work did."}
        await Job.filter(id__in=ids).update(**after, finished_at=journal.now)
        for job_id in ids:
            journal.record("Job", job_id, before={"state": JobState.RUNNING}, after=after)


async def finish_job(
    job_id: UUID, state: JobState, *, error: str | None = None, progress: dict[str, Any] | None = None
) -> None:
    """Note how a job ended: one conditional statement, so that it ends once.

    Args:
        state: done, failed or cancelled.
        error: why it failed, in words.
        progress: last values of `done`, `total` and `message`.

    Raises:
        JobEnded: it is over already, or not there.
    """
    if state not in FINAL:
        raise ValueError(f"{state} is no end of a job")
    async with writing("finish_job") as journal:
        ended = {"state": state, "error": error, "finished_at": journal.now, "heartbeat_at": journal.now}
        changed = await Job.filter(id=job_id, state__in=_NOT_FINAL).update(**ended, **(progress or {}))
        if not changed:
            raise JobEnded(f"Job {job_id} is over already.", hint="Start a new one.")
        after = {"state": state, "error": error}
        journal.record("Job", job_id, before={"state": JobState.RUNNING}, after=after)


@asynccontextmanager
async def running_job(kind: str, title: str, *, total: int | None = None) -> AsyncIterator[RunningJob]:
    """Run the block as a job; its end is noted whatever it is.

    Must not be entered inside a transaction: others are to see the progress while the work runs.
    """
    job = RunningJob(await start_job(kind, title[:300], total=total))
    keeper = asyncio.create_task(job.keep_writing())
    state, reason = JobState.DONE, None
    try:
        yield job
    except (asyncio.CancelledError, KeyboardInterrupt):
        state = JobState.CANCELLED
        raise
    except EvenhandError as error:
        state, reason = JobState.FAILED, error.message
        raise
    except BaseException as error:
        # What went wrong inside may hold customers' values; it goes to the log of whoever ran it.
        state, reason = JobState.FAILED, f"Internal error ({type(error).__name__})."
        raise
    finally:
        progress = job.end()
        await keeper
        try:
            await finish_job(job.id, state, error=reason, progress=progress)
        except Exception as error:
            # What came of the work itself matters more; a job that cannot say its end is found dead later.
            log.warning("job.end_not_written", job=str(job.id), error=str(error))
