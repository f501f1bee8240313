"""Housekeeping removes what is past its time, of its own tenant, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from evenhand import clock
from evenhand.db.session import reading, transaction
from evenhand.jobs import drain_jobs, enqueue, housekeeping
from evenhand.jobs.models import Job, JobState
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


async def ended(tenant: SomeTenant, days: int, count: int = 1) -> list[UUID]:
    """Jobs that ended so many days ago."""
    moment = clock.now() - timedelta(days=days)
    with acting_as(tenant.system):
        async with transaction():
            jobs = [
                await Job.create(kind="import", title="Old", state=JobState.DONE, finished_at=moment)
                for _ in range(count)
            ]
    return [job.id for job in jobs]


async def left(tenant: SomeTenant) -> set[UUID]:
    with acting_as(tenant.system):
        async with reading():
            return {job.id for job in await Job.filter(kind="import")}


async def test_old_jobs_go_in_batches_and_young_ones_stay(
    tenant: SomeTenant, other_tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 3)
    await ended(tenant, 91, 8)
    young, others = await ended(tenant, 89), await ended(other_tenant, 91)
    with acting_as(tenant.system):
        async with transaction():
            running = await Job.create(kind="import", title="Long", state=JobState.RUNNING)
            job_id = await enqueue("housekeeping", {}, title="Tidy up")
    await drain_jobs()
    assert await left(tenant) == {*young, running.id}
    assert await left(other_tenant) == set(others)
    with acting_as(tenant.system):
        async with reading():
            job = await Job.get(id=job_id)
    assert job.state is JobState.DONE
    assert job.result is not None
    assert job.result["ended jobs"] == 8
