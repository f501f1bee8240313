"""Plugins' jobs are done only where the plugin is enabled, and their schedules come and go with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.plugins import disable_plugin, enable_plugin
from evenhand.db.session import reading, transaction
from evenhand.jobs import RunningJob, drain_jobs, enqueue
from evenhand.jobs.models import Job, JobState, Schedule
from evenhand.jobs.registry import job_kinds
from evenhand.plugins.host import PluginHost, use_host
from evenhand.plugins.manifest import JobSpec, PluginManifest
from evenhand.tenancy.context import acting_as
from evenhand.testing import Clock, SomeTenant

DONE: list[UUID] = []


async def sweep(job: RunningJob, payload: dict[str, Any]) -> None:
    """What the plugin's job does."""
    async with job.finishing():
        DONE.append(job.id)


class Hooks:
    """A plugin without hooks."""


MANIFEST = PluginManifest(
    slug="sweeper",
    title={"en": "Sweeper", "zh": "清扫"},
    api=">=0.1",
    hooks=f"{__name__}:Hooks",
    jobs=(
        JobSpec(kind="sweeper.sweep", target=f"{__name__}:sweep", title={"en": "Sweep"}, schedule="0 5 * * *"),
        JobSpec(kind="sweeper.gone", target="there.is.no:module", title={"en": "Gone"}),
    ),
)


@pytest.fixture(autouse=True)
def host() -> Iterator[PluginHost]:
    """A host with this plugin."""
    DONE.clear()
    made = PluginHost([])
    made.load(MANIFEST, Hooks())
    assert made.failures == {}
    with use_host(made):
        yield made


async def found(tenant: SomeTenant, job_id: UUID) -> Job:
    with acting_as(tenant.system):
        async with reading():
            return await Job.get(id=job_id)


async def test_a_handler_that_cannot_be_imported_leaves_the_others(host: PluginHost) -> None:
    kinds = job_kinds()
    assert "sweeper.sweep" in kinds
    assert "sweeper.gone" not in kinds
    assert kinds["sweeper.sweep"].plugin == "sweeper"


async def test_it_waits_until_the_plugin_is_enabled(clock: Clock, tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with transaction():
            job_id = await enqueue("sweeper.sweep", {}, title="Sweep")
        await drain_jobs()
        job = await found(tenant, job_id)
        assert (job.state, job.message) == (JobState.QUEUED, "Waits: the plugin sweeper is not enabled.")
        await enable_plugin("sweeper")
        clock.advance(timedelta(minutes=6))
        await drain_jobs()
        assert (await found(tenant, job_id)).state is JobState.DONE
        assert job_id in DONE


async def test_it_does_not_wait_for_ever(clock: Clock, tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with transaction():
            job_id = await enqueue("sweeper.sweep", {}, title="Sweep")
    clock.advance(timedelta(days=8))
    await drain_jobs()
    job = await found(tenant, job_id)
    assert (job.state, job.error) == (JobState.CANCELLED, "The plugin sweeper was not enabled for 7 days.")


async def test_its_schedules_come_and_go_with_it(tenant: SomeTenant) -> None:
    async def state() -> list[tuple[str, bool, bool]]:
        async with reading():
            rows = await Schedule.filter(kind="sweeper.sweep")
        return [(row.name, row.enabled, row.next_at is not None) for row in rows]

    with acting_as(tenant.system):
        assert await state() == []
        await enable_plugin("sweeper")
        assert await state() == [("sweeper.sweep", True, True)]
        await disable_plugin("sweeper")
        assert await state() == [("sweeper.sweep", False, False)]
        await enable_plugin("sweeper")
        assert await state() == [("sweeper.sweep", True, True)]
