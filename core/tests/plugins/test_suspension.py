from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from rich.text import Text

from evenhand.actions.plugins import disable_plugin, enable_plugin, set_plugin
from evenhand.actions.suspension import count_failure
from evenhand.audit.models import AuditEntry
from evenhand.cli.plugins import _state
from evenhand.clock import system_clock, use_clock
from evenhand.db.session import reading, transaction
from evenhand.plugins.contract import Kpi, RecordChange
from evenhand.plugins.guard import Limits
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.host import PluginFailed, PluginHost, PluginSuspended, tenant_context, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import PluginState, TenantPlugin
from evenhand.plugins.overview import PluginCondition, PluginView
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


class Moody:
    """Works or fails as told."""

    broken = True

    @hookimpl
    async def kpi_calculators(self) -> list[Kpi]:
        if self.broken:
            raise RuntimeError("no figures today")
        return []

    @hookimpl
    async def validate_record(self, changes: Sequence[RecordChange]) -> list[Any]:
        raise RuntimeError("cannot judge")

    @hookimpl
    async def on_event(self) -> None:
        if self.broken:
            raise RuntimeError("deaf")


@contextmanager
def moody(tenant: SomeTenant, failures: int = 3) -> Iterator[tuple[PluginHost, Moody]]:
    host, hooks = PluginHost([], limits=Limits(failures=failures, window=60)), Moody()
    host.load(PluginManifest(slug="moody", title={"en": "Moody"}, api="", hooks="nowhere:nothing"), hooks)
    with use_host(host), acting_as(tenant.system):
        yield host, hooks


async def row() -> TenantPlugin:
    async with reading():
        return await TenantPlugin.get(slug="moody")


async def test_repeated_failures_suspend_until_an_admin_enables_again(
    tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    with moody(tenant) as (host, hooks):
        await enable_plugin("moody")
        with acting_as(other_tenant.system):
            await enable_plugin("moody")
        for failures in (1, 2, 3):
            assert (await row()).state is PluginState.ENABLED
            assert await host.kpi_calculators(await tenant_context()) == []
            assert (await row()).failures == failures
        suspended = await row()
        assert suspended.state is PluginState.SUSPENDED
        assert suspended.enabled
        assert suspended.reason == (
            "It failed 3 times within 1 minutes. The last time: kpi_calculators: RuntimeError: no figures today"
        )
        hooks.broken = False
        assert await host.enabled() == []
        assert (await host.snapshot(await tenant_context())).suspended == {"moody": suspended.reason}
        with acting_as(other_tenant.system):
            assert [plugin.manifest.slug for plugin in await host.enabled()] == ["moody"]
            assert (await row()).failures == 0
        await enable_plugin("moody")
        again = await row()
        assert (again.state, again.failures, again.reason, again.failing_since) == (PluginState.ENABLED, 0, None, None)
        assert [plugin.manifest.slug for plugin in await host.enabled()] == ["moody"]
        async with reading():
            (entry,) = await AuditEntry.filter(action="suspend_plugin")
        assert (entry.user_id, entry.via, entry.after["reason"]) == (None, "plugins", suspended.reason)


async def test_failures_count_although_the_operation_is_rolled_back(tenant: SomeTenant) -> None:
    change = RecordChange("Lead", uuid7(), None, {"name": "Li"})
    with moody(tenant, failures=2) as (host, _):
        await enable_plugin("moody")
        for _ in range(2):
            with pytest.raises(PluginFailed):
                async with transaction():
                    await host.validate_record(await tenant_context(), changes=[change])
        assert (await row()).state is PluginState.SUSPENDED
        async with transaction():
            assert await host.validate_record(await tenant_context(), changes=[change]) == []


async def test_old_failures_are_forgotten(tenant: SomeTenant) -> None:
    with moody(tenant, failures=3) as (host, _):
        await enable_plugin("moody")
        start = system_clock()

        def at(seconds: float) -> Any:
            def read() -> datetime:
                return start + timedelta(seconds=seconds)

            return use_clock(read)

        for seconds, counted in ((0, 1), (30, 2), (61, 1), (100, 2), (122, 1)):
            with at(seconds):
                await host.kpi_calculators(await tenant_context())
            assert (await row()).failures == counted
        assert (await row()).state is PluginState.ENABLED


async def test_failures_at_the_same_time_are_all_counted(tenant: SomeTenant) -> None:
    with moody(tenant) as (_, _hooks):
        await enable_plugin("moody")
        window = timedelta(minutes=1)
        suspended = await asyncio.gather(
            *(count_failure(tenant.id, "moody", "at once", most=8, window=window) for _ in range(12))
        )
        assert sum(suspended) == 1
        assert ((await row()).failures, (await row()).state) == (8, PluginState.SUSPENDED)
        async with reading():
            assert await AuditEntry.filter(action="suspend_plugin").count() == 1


async def test_a_disabled_plugin_is_not_suspended(tenant: SomeTenant) -> None:
    with moody(tenant):
        await enable_plugin("moody")
        await disable_plugin("moody")
        assert not await count_failure(tenant.id, "moody", "late", most=1, window=timedelta(minutes=1))
        assert not await count_failure(tenant.id, "unknown", "late", most=1, window=timedelta(minutes=1))
        assert ((await row()).state, (await row()).failures) == (PluginState.DISABLED, 0)


async def test_events_wait_for_a_suspended_plugin_and_skip_a_disabled_one(tenant: SomeTenant) -> None:
    class Happened:
        id = record_id = uuid7()
        type, entity = "LeadCreated", "Lead"
        payload: Mapping[str, Any] = MappingProxyType({})
        user_id = None
        occurred_at = system_clock()
        tenant_id = tenant.id

    event = Happened()
    with moody(tenant, failures=1) as (host, hooks):
        assert await host.deliver_event(await tenant_context(), "moody", event=event) is None
        await set_plugin("moody", enabled=True)
        failed = await host.deliver_event(await tenant_context(), "moody", event=event)
        assert failed is not None
        assert str(failed.error) == "deaf"
        hooks.broken = False
        waits = await host.deliver_event(await tenant_context(), "moody", event=event)
        assert waits is not None
        assert isinstance(waits.error, PluginSuspended)
        await set_plugin("moody", enabled=True)
        delivered = await host.deliver_event(await tenant_context(), "moody", event=event)
        assert delivered is not None
        assert delivered.error is None
        await set_plugin("moody", enabled=False)
        assert await host.deliver_event(await tenant_context(), "moody", event=event) is None


def test_people_see_why_a_plugin_is_suspended() -> None:
    view = PluginView("moody", None, "", "", PluginCondition.ENABLED, None, True, 2, 1, None, {}, ())
    assert _state(view) == "enabled, position 2"
    suspended = replace(
        view,
        state=PluginCondition.SUSPENDED,
        suspended_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        problem="It failed [red]often[/red]",
    )
    said = Text.from_markup(_state(suspended)).plain
    assert said == "suspended since 2026-01-02 03:04 UTC: It failed [red]often[/red]"
    assert _state(replace(view, state=PluginCondition.DISABLED, enabled=False)) == "disabled"
