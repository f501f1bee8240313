"""Jobs: progress is seen while the work runs, and every end is noted once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from evenhand.actions.jobs import finish_job, running_job, start_job
from evenhand.db.session import reading, transaction
from evenhand.errors import EvenhandError
from evenhand.jobs import running
from evenhand.jobs.errors import JobEnded
from evenhand.jobs.models import Job, JobState
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


async def _job(tenant: SomeTenant, job_id: UUID) -> Job:
    with acting_as(tenant.system):
        async with reading():
            return await Job.get(id=job_id)


async def test_progress_is_seen_while_it_runs(tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "WRITE_EVERY", 0.05)
    with acting_as(tenant.system):
        async with running_job("import", "leads.csv") as job:
            seen = await _job(tenant, job.id)
            assert (seen.state, seen.done, seen.total) == (JobState.RUNNING, 0, None)
            job.advance(10, 30, "Importing")
            # Also while the work itself is in a long transaction.
            async with transaction():
                seen = await _job(tenant, job.id)
                for _ in range(200):
                    if seen.done == 10:
                        break
                    await asyncio.sleep(0.05)
                    seen = await _job(tenant, job.id)
            assert (seen.total, seen.message) == (30, "Importing")
            assert seen.heartbeat_at is not None
            job.advance(30)
    seen = await _job(tenant, job.id)
    assert (seen.state, seen.done, seen.error) == (JobState.DONE, 30, None)
    assert seen.finished_at is not None


class Broken(EvenhandError):
    code = "BROKEN"


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (Broken("The file ends early.", hint="Send it again."), JobState.FAILED, "The file ends early."),
        (ValueError("a customer's name"), JobState.FAILED, "Internal error (ValueError)."),
        (asyncio.CancelledError(), JobState.CANCELLED, None),
    ],
)
async def test_every_end_is_noted(tenant: SomeTenant, error: BaseException, state: JobState, said: str | None) -> None:
    with acting_as(tenant.system):
        started: list[UUID] = []

        async def work() -> None:
            async with running_job("import", "leads.csv", total=5) as job:
                started.append(job.id)
                job.advance(3)
                raise error

        with pytest.raises(type(error)):
            await work()
        (job_id,) = started
        seen = await _job(tenant, job_id)
        assert (seen.state, seen.error, seen.done) == (state, said, 3)
        with pytest.raises(JobEnded):
            await finish_job(job_id, JobState.DONE)
        assert (await _job(tenant, job_id)).state is state


async def test_a_job_ends_once_also_in_parallel(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        job_id = await start_job("import", "leads.csv")
        ends = await asyncio.gather(
            *(finish_job(job_id, state) for state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)),
            return_exceptions=True,
        )
    assert len([one for one in ends if one is None]) == 1
    assert len([one for one in ends if isinstance(one, JobEnded)]) == 2


async def test_the_dead_are_found_by_the_next(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        killed, alive = await start_job("import", "killed.csv"), await start_job("import", "alive.csv")
        async with transaction():
            await Job.filter(id=killed).update(heartbeat_at=datetime.now(UTC) - timedelta(minutes=6))
    with acting_as(other_tenant.system):
        await start_job("import", "elsewhere.csv")
    assert (await _job(tenant, killed)).state is JobState.RUNNING
    with acting_as(tenant.system):
        await start_job("import", "next.csv")
    assert (await _job(tenant, killed)).state is JobState.FAILED
    assert (await _job(tenant, alive)).state is JobState.RUNNING
