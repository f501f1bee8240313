"""The worker: jobs are done, stopped, put back and tried again, and one service that fails stops nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand import worker
from evenhand.actions.jobs import cancel_job
from evenhand.actions.records import create_record
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities import Account
from evenhand.errors import NotFound
from evenhand.jobs import RunningJob, enqueue, execution, registry
from evenhand.jobs.consuming import do_jobs
from evenhand.jobs.errors import JobEnded, JobLost
from evenhand.jobs.models import Job, JobState
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.worker import WorkerConfig, run_worker


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds that a test declares are gone after it."""
    registry.job_kinds()
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))


@asynccontextmanager
async def working(database: DatabaseConfig, **options: Any) -> AsyncIterator[asyncio.Event]:
    """A worker for the length of the block."""
    stop = asyncio.Event()
    config = WorkerConfig(database, **{"concurrency": 4, "stale_seconds": 2.0, "grace_seconds": 0.5, **options})
    task = asyncio.create_task(run_worker(config, stop, services={"jobs": do_jobs}))
    try:
        yield stop
    finally:
        stop.set()
        await task


async def put(tenant: SomeTenant, kind: str, role: Role | None = None, **options: Any) -> UUID:
    with acting_as(tenant.actor(role) if role is not None else tenant.system):
        async with transaction():
            return await enqueue(kind, options.pop("payload", {}), title="A test", **options)


async def found(tenant: SomeTenant, job_id: UUID) -> Job:
    with acting_as(tenant.system):
        async with reading():
            return await Job.get(id=job_id)


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - it is the database that changes
            await asyncio.sleep(0.02)


async def in_state(tenant: SomeTenant, job_id: UUID, *states: JobState) -> Job:
    async def reached() -> bool:
        return (await found(tenant, job_id)).state in states

    await until(reached)
    return await found(tenant, job_id)


async def queued(tenant: SomeTenant) -> int:
    with acting_as(tenant.system):
        async with transaction() as client:
            count: int = await raw_connection(client).fetchval(
                "SELECT count(*) FROM evenhand_pgqueuer WHERE payload LIKE $1", f"{tenant.id}%".encode()
            )
            return count


async def test_jobs_are_done_at_once_and_leave_the_queue(database: DatabaseConfig, tenant: SomeTenant) -> None:
    @registry.job("quick")
    async def quick(job: RunningJob, payload: dict[str, Any]) -> None:
        job.advance(1, 1)
        async with job.finishing():
            await create_record("Account", {"name": payload["name"]})

    async with working(database):
        ids = [await put(tenant, "quick", payload={"name": f"A{number}"}) for number in range(20)]
        for job_id in ids:
            job = await in_state(tenant, job_id, JobState.DONE)
            assert (job.attempts, job.done, job.error) == (1, 1, None)

        async def left() -> bool:
            return await queued(tenant) == 0

        await until(left)
    with acting_as(tenant.system):
        async with reading():
            assert await Account.all().count() == 20


async def test_steps_go_on_where_the_last_attempt_ended(
    database: DatabaseConfig, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "FIRST_PAUSE", timedelta(milliseconds=50))
    cursors: list[Any] = []

    @registry.job("steps", retries=3)
    async def steps(job: RunningJob, payload: dict[str, Any]) -> None:
        cursors.append(job.cursor)
        for number in range(job.cursor or 0, 4):
            async with job.step(number + 1):
                await create_record("Account", {"name": f"Step {number}"})
                if number == 2 and job.attempt == 1:
                    raise ValueError("the third step fails once")
        async with job.finishing():
            pass

    async with working(database):
        job = await in_state(tenant, await put(tenant, "steps"), JobState.DONE)
    assert (job.attempts, job.failures, cursors) == (2, 1, [None, 2])
    with acting_as(tenant.system):
        async with reading():
            names = [account.name for account in await Account.all().order_by("name")]
    assert names == [f"Step {number}" for number in range(4)]


async def test_it_is_tried_so_often_and_then_fails(
    database: DatabaseConfig, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "FIRST_PAUSE", timedelta(milliseconds=20))

    @registry.job("broken", retries=2)
    async def broken(job: RunningJob, payload: dict[str, Any]) -> None:
        raise ValueError("a customer's name")

    @registry.job("slow", retries=0, timeout=timedelta(milliseconds=50))
    async def slow(job: RunningJob, payload: dict[str, Any]) -> None:
        await asyncio.sleep(60)

    async with working(database):
        broken_id, slow_id = await put(tenant, "broken"), await put(tenant, "slow")
        job = await in_state(tenant, broken_id, JobState.FAILED)
        assert (job.attempts, job.error) == (3, "Internal error (ValueError).")
        job = await in_state(tenant, slow_id, JobState.FAILED)
        assert (job.attempts, job.error) == (1, "It took longer than 0:00:00.050000.")


async def test_a_running_job_is_cancelled_at_its_next_step(database: DatabaseConfig, tenant: SomeTenant) -> None:
    @registry.job("long")
    async def long(job: RunningJob, payload: dict[str, Any]) -> None:
        for number in range(10_000):
            job.advance(number)
            await asyncio.sleep(0.01)

    async with working(database):
        job_id = await put(tenant, "long")
        await in_state(tenant, job_id, JobState.RUNNING)
        with acting_as(tenant.actor(Role.MANAGER)):
            assert await cancel_job(job_id) is JobState.RUNNING
            assert await cancel_job(job_id) in (JobState.RUNNING, JobState.CANCELLED)
        job = await in_state(tenant, job_id, JobState.CANCELLED)
    assert (job.attempts, job.error, job.finished_at is not None) == (1, None, True)
    assert await queued(tenant) == 0


async def test_a_waiting_job_is_cancelled_at_once_by_who_may(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    @registry.job("waiting")
    async def waiting(job: RunningJob, payload: dict[str, Any]) -> None:
        raise AssertionError("it was cancelled")

    job_id = await put(tenant, "waiting", Role.MANAGER)
    own = await put(tenant, "waiting", Role.REP)
    with acting_as(other_tenant.system), pytest.raises(NotFound):
        await cancel_job(job_id)
    for role in (Role.REP, Role.READ_ONLY):
        with acting_as(tenant.actor(role)), pytest.raises(PermissionDenied):
            await cancel_job(job_id)
    assert await queued(tenant) == 2
    with acting_as(tenant.actor(Role.REP)):
        assert await cancel_job(own) is JobState.CANCELLED
    with acting_as(tenant.actor(Role.ADMIN)):
        assert await cancel_job(job_id) is JobState.CANCELLED
        assert await cancel_job(job_id) is JobState.CANCELLED
    assert await queued(tenant) == 0
    assert (await found(tenant, job_id)).finished_at is not None


async def test_what_is_over_cannot_be_cancelled(database: DatabaseConfig, tenant: SomeTenant) -> None:
    @registry.job("over")
    async def over(job: RunningJob, payload: dict[str, Any]) -> None:
        """Do nothing."""

    async with working(database):
        job_id = await put(tenant, "over")
        await in_state(tenant, job_id, JobState.DONE)
    with acting_as(tenant.system), pytest.raises(JobEnded):
        await cancel_job(job_id)


async def test_a_worker_that_stops_hands_back_what_it_does(database: DatabaseConfig, tenant: SomeTenant) -> None:
    go_on = asyncio.Event()

    @registry.job("endless")
    async def endless(job: RunningJob, payload: dict[str, Any]) -> None:
        async with job.step(job.attempt):
            await create_record("Account", {"name": f"Attempt {job.attempt}"})
        await go_on.wait()
        async with job.finishing():
            pass

    async with working(database):
        job_id = await put(tenant, "endless")

        async def began() -> bool:
            return bool((await found(tenant, job_id)).cursor == 1)

        await until(began)
    job = await found(tenant, job_id)
    assert (job.state, job.failures, job.error) == (JobState.QUEUED, 0, None)
    go_on.set()
    async with working(database):
        job = await in_state(tenant, job_id, JobState.DONE)
    assert (job.attempts, job.cursor) == (2, 2)


async def test_an_attempt_that_was_overtaken_writes_nothing(tenant: SomeTenant) -> None:
    @registry.job("fenced")
    async def fenced(job: RunningJob, payload: dict[str, Any]) -> None:
        """Never called."""

    job_id = await put(tenant, "fenced")
    with acting_as(tenant.system):
        attempts = [execution.Attempt(registry.job_kind("fenced"), tenant.id, job_id) for _ in range(2)]
        first, second = [RunningJob(job_id, attempt=(await one._begin())["attempts"]) for one in attempts]
        with pytest.raises(JobLost):
            async with first.finishing():
                await create_record("Account", {"name": "By the first"})
        async with second.finishing():
            await create_record("Account", {"name": "By the second"})
        with pytest.raises(JobLost):
            async with second.step():
                pass
        async with reading():
            assert [account.name for account in await Account.all()] == ["By the second"]


async def test_a_service_that_fails_is_started_again_beside_the_others(
    database: DatabaseConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.02)
    runs, well = [0], asyncio.Event()

    async def breaks(stop: asyncio.Event) -> None:
        runs[0] += 1
        if runs[0] < 4:
            raise ValueError("broken")
        well.set()
        await stop.wait()

    async def steady(stop: asyncio.Event) -> None:
        await stop.wait()
        steady_ended.set()

    async def deaf(stop: asyncio.Event) -> None:
        await asyncio.sleep(3600)

    steady_ended, stop = asyncio.Event(), asyncio.Event()
    before = worker.restarts["breaks"]
    services = {"breaks": breaks, "steady": steady, "deaf": deaf}
    config = WorkerConfig(database, grace_seconds=0.1)
    task = asyncio.create_task(run_worker(config, stop, services=services))
    async with asyncio.timeout(10):
        await well.wait()
        stop.set()
        await task
    assert steady_ended.is_set()
    assert worker.restarts["breaks"] - before == 3
