"""Schedules start their jobs at the tenant's times: once, whoever looks, and once for all that was missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.connection import get_connection

from evenhand import clock as clocks
from evenhand.actions.schedules import set_default_schedules
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading, transaction
from evenhand.errors import InvalidInput
from evenhand.jobs import RunningJob, drain_jobs, registry, scheduling, set_schedule
from evenhand.jobs.errors import InvalidCron, UnknownJobKind
from evenhand.jobs.models import Job, Schedule
from evenhand.jobs.scheduling import start_due
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.directory import tenant_ids
from evenhand.testing import Clock, SomeTenant, make_tenant


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that does nothing, and is gone after the test."""
    registry.job_kinds()
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))

    @registry.job("nothing")
    async def nothing(job: RunningJob, payload: dict[str, Any]) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
async def alone(database: DatabaseConfig) -> None:
    """No other tenant's schedules: a look takes a limited number of them."""
    await get_connection("default").execute_query("DELETE FROM schedule_times")


async def schedule(tenant: SomeTenant, name: str) -> Schedule:
    with acting_as(tenant.system):
        async with reading():
            return await Schedule.get(name=name)


async def jobs(tenant: SomeTenant) -> int:
    with acting_as(tenant.system):
        async with reading():
            return await Job.filter(kind="nothing").count()


async def test_a_schedule_starts_its_job_in_the_tenants_zone(database: DatabaseConfig, clock: Clock) -> None:
    tenant = await make_tenant(time_zone="Asia/Shanghai")
    clock.set(datetime(2026, 6, 1, 0, 0, tzinfo=UTC))
    with acting_as(tenant.system):
        await set_schedule("morning", "nothing", "30 8 * * *", {"a": 1})
    assert (await schedule(tenant, "morning")).next_at == datetime(2026, 6, 1, 0, 30, tzinfo=UTC)
    await start_due()
    assert await jobs(tenant) == 0
    clock.set(datetime(2026, 6, 1, 0, 30, tzinfo=UTC))
    # Several workers look at once.
    await asyncio.gather(*(start_due() for _ in range(4)))
    assert await jobs(tenant) == 1
    row = await schedule(tenant, "morning")
    assert (row.next_at, row.last_at) == (datetime(2026, 6, 2, 0, 30, tzinfo=UTC), clocks.now())


async def test_what_was_missed_is_made_up_for_once(clock: Clock, tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        await set_schedule("often", "nothing", "*/5 * * * *")
    clock.advance(timedelta(days=3))
    await start_due()
    assert await jobs(tenant) == 1
    # While its job has not ended, no other is started.
    clock.advance(timedelta(minutes=5))
    await start_due()
    assert await jobs(tenant) == 1
    await drain_jobs()
    clock.advance(timedelta(minutes=5))
    await start_due()
    assert await jobs(tenant) == 2


async def test_a_schedule_is_changed_and_put_off(clock: Clock, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    for one in (tenant, other_tenant):
        with acting_as(one.system):
            await set_schedule("s", "nothing", "0 0 * * *")
    before = await schedule(tenant, "s")
    with acting_as(tenant.system):
        await set_schedule("s", "nothing", "0 0 * * *")
    assert (await schedule(tenant, "s")).updated_at == before.updated_at
    with acting_as(tenant.system):
        await set_schedule("s", "nothing", "0 0 * * *", enabled=False)
    assert (await schedule(tenant, "s")).next_at is None
    clock.advance(timedelta(days=2))
    await start_due()
    assert (await jobs(tenant), await jobs(other_tenant)) == (0, 1)


async def test_one_that_fails_is_put_off(clock: Clock, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with acting_as(tenant.system):
        await set_schedule("s", "nothing", "0 0 * * *")
    clock.advance(timedelta(days=2))

    async def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("not today")

    with monkeypatch.context() as patch:
        patch.setattr(scheduling, "enqueue", breaks)
        assert await start_due() == 0
    assert await start_due() == 0
    clock.advance(scheduling.AFTER_FAILURE)
    assert await start_due() >= 1
    assert await jobs(tenant) == 1


async def test_only_admins_and_only_what_can_be(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(PermissionDenied):
        await set_schedule("s", "nothing", "0 0 * * *")
    with acting_as(tenant.actor(Role.ADMIN)):
        with pytest.raises(InvalidCron):
            await set_schedule("s", "nothing", "daily")
        with pytest.raises(UnknownJobKind):
            await set_schedule("s", "nobody-does-this", "0 0 * * *")
        with pytest.raises(InvalidInput):
            await set_schedule("", "nothing", "0 0 * * *")
        await set_schedule("s", "nothing", "0 0 * * *")


async def test_every_tenant_gets_the_default_schedules_and_keeps_its_own(tenant: SomeTenant) -> None:
    assert tenant.id in await tenant_ids()
    assert (await schedule(tenant, "housekeeping")).enabled
    with acting_as(tenant.system):
        await set_schedule("housekeeping", "housekeeping", "0 1 * * *")
        assert await set_default_schedules() == 0
        async with transaction():
            await Schedule.filter(name="housekeeping").delete()
        assert await set_default_schedules() == 1
    assert (await schedule(tenant, "housekeeping")).cron == "30 3 * * *"
