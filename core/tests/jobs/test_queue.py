"""Jobs are put into the queue with the caller's transaction, and done as often as they say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.records import create_record
from evenhand.db.session import reading, transaction
from evenhand.entities import Account
from evenhand.errors import InvalidInput
from evenhand.jobs import RunningJob, drain_jobs, enqueue, registry
from evenhand.jobs.errors import UnknownJobKind
from evenhand.jobs.models import Job, JobState
from evenhand.tenancy.context import acting_as, current_actor
from evenhand.testing import SomeTenant


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds that a test declares are gone after it."""
    registry.job_kinds()
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))


pytestmark = pytest.mark.usefixtures("kinds")


async def found(tenant: SomeTenant, job_id: UUID) -> Job:
    with acting_as(tenant.system):
        async with reading():
            return await Job.get(id=job_id)


async def put(tenant: SomeTenant, kind: str, payload: dict[str, Any] | None = None, **options: Any) -> UUID:
    with acting_as(tenant.system):
        async with transaction():
            return await enqueue(kind, payload or {}, title="A test", **options)


async def test_a_job_is_done_with_its_payload_as_the_tenants_system(tenant: SomeTenant) -> None:
    seen: list[Any] = []

    @registry.job("once")
    async def once(job: RunningJob, payload: dict[str, Any]) -> None:
        seen.append((current_actor(), payload))
        async with job.finishing({"answer": 42}):
            await create_record("Account", {"name": "Made by a job"})

    job_id = await put(tenant, "once", {"name": "李雷", "n": [1, 2]})
    assert (await found(tenant, job_id)).state is JobState.QUEUED
    assert await drain_jobs() >= 1
    actor, payload = seen[0]
    assert (actor.tenant_id, actor.user_id, actor.via) == (tenant.id, None, "job:once")
    assert payload == {"name": "李雷", "n": [1, 2]}
    job = await found(tenant, job_id)
    assert (job.state, job.attempts, job.result, job.error) == (JobState.DONE, 1, {"answer": 42}, None)
    with acting_as(tenant.system):
        async with reading():
            assert await Account.filter(name="Made by a job").count() == 1
    assert await drain_jobs() == 0


async def test_what_is_rolled_back_is_not_done(tenant: SomeTenant) -> None:
    @registry.job("never")
    async def never(job: RunningJob, payload: dict[str, Any]) -> None:
        raise AssertionError("it was rolled back")

    with acting_as(tenant.system):
        with pytest.raises(UnknownJobKind):  # noqa: PT012
            async with transaction():
                await enqueue("never", {}, title="A test")
                await enqueue("nobody-does-this", {}, title="A test")
        with pytest.raises(RuntimeError):
            await enqueue("never", {}, title="A test")
        async with reading():
            assert await Job.all().count() == 0
    assert await drain_jobs() == 0


async def test_a_key_is_there_once_while_its_job_has_not_ended(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    done: list[UUID] = []

    @registry.job("keyed")
    async def keyed(job: RunningJob, payload: dict[str, Any]) -> None:
        done.append(job.id)

    ids = await asyncio.gather(*(put(tenant, "keyed", key="k") for _ in range(8)))
    assert len(set(ids)) == 1
    assert await put(tenant, "keyed", key="other") not in ids
    assert await put(other_tenant, "keyed", key="k") not in ids
    await drain_jobs()
    assert len(done) == 3
    assert await put(tenant, "keyed", key="k") not in ids


async def test_later_and_more_important(tenant: SomeTenant) -> None:
    order: list[str] = []

    @registry.job("ordered")
    async def ordered(job: RunningJob, payload: dict[str, Any]) -> None:
        order.append(payload["name"])

    await put(tenant, "ordered", {"name": "usual"})
    await put(tenant, "ordered", {"name": "later"}, run_at=datetime.now(UTC) + timedelta(hours=1))
    await put(tenant, "ordered", {"name": "urgent"}, priority=5)
    await drain_jobs()
    assert order == ["urgent", "usual"]


async def test_bad_jobs_are_refused_in_words(tenant: SomeTenant) -> None:
    with pytest.raises(UnknownJobKind):
        await put(tenant, "nobody-does-this")
    with pytest.raises(InvalidInput) as refused:
        await put(tenant, "housekeeping", run_at=datetime(2026, 1, 1), priority=5000)  # noqa: DTZ001
    assert [problem.field for problem in refused.value.problems] == ["run_at", "priority"]
