"""Jobs: long work that this process does itself, visible to everybody while it runs; and the end of any job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from evenhand.actions.journal import Journal, writing
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.session import raw_connection
from evenhand.errors import EvenhandError, NotFound
from evenhand.jobs.errors import JobCancelled, JobEnded
from evenhand.jobs.models import FINAL, Job, JobState
from evenhand.jobs.queue import TABLE, queries, take_out
from evenhand.jobs.running import RunningJob
from evenhand.tenancy.context import Role, current_actor

log = structlog.get_logger(__name__)

DEAD_AFTER = timedelta(minutes=5)
"""A running job of no worker without a sign for so long was killed."""
_NOT_FINAL = (JobState.QUEUED, JobState.RUNNING)


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
    # What a worker began with goes to another worker.
    dead = Job.filter(state=JobState.RUNNING, attempts=0, heartbeat_at__lt=journal.now - DEAD_AFTER)
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


async def cancel_job(job_id: UUID) -> JobState:
    """Have a job not done: one that waits ends at once, one that runs at its next step or sign of progress.

    Users may cancel what they started; managers and admins anything. A second time is the same as the first.

    Returns: cancelled, or running while its end is awaited.

    Raises:
        NotFound, PermissionDenied. JobEnded: it is over already, but was not cancelled.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "Job")
    async with writing("cancel_job") as journal:
        job = await Job.filter(id=job_id).select_for_update(no_key=True).first()
        if job is None:
            raise NotFound("Job", job_id)
        if actor.role not in (Role.ADMIN, Role.MANAGER) and job.created_by_id != actor.user_id:
            raise PermissionDenied("This job is somebody else's.", hint="Ask whoever started it, or a manager.")
        if job.state is JobState.CANCELLED or (job.state is JobState.RUNNING and job.cancel_requested_at is not None):
            return job.state
        if job.state in FINAL:
            raise JobEnded(f"Job {job_id} is over already: {job.state.value}.", hint="There is nothing to cancel.")
        before = {"state": job.state, "cancel_requested_at": None}
        after: dict[str, Any] = {"state": job.state, "cancel_requested_at": journal.now}
        if job.state is JobState.QUEUED:
            after |= {"state": JobState.CANCELLED, "finished_at": journal.now}
            await take_out(journal.client, job_id)
        else:
            await _tell_worker(journal, job_id)
        await Job.filter(id=job_id).update(**after)
        journal.record("Job", job_id, before=before, after=after)
        state: JobState = after["state"]
        return state


async def _tell_worker(journal: Journal, job_id: UUID) -> None:
    connection = raw_connection(journal.client)
    ids = await connection.fetch(f"SELECT id FROM {TABLE} WHERE dedupe_key = $1", str(job_id))
    if ids:
        await queries(connection).notify_job_cancellation([row["id"] for row in ids])


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
    except (asyncio.CancelledError, KeyboardInterrupt, JobCancelled):
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
