"""A tenant's plugins are read once, and again when something about them changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from evenhand.actions.plugins import disable_plugin, enable_plugin, reorder_plugins, set_plugin
from evenhand.db.session import in_open_transaction, raw_connection, reading, transaction
from evenhand.plugins.contract import Kpi
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.host import PluginHost, Snapshot, tenant_context, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements


class Figures:
    @hookimpl
    def kpi_calculators(self) -> list[Kpi]:
        return []


def host() -> PluginHost:
    made = PluginHost([])
    for slug in ("one", "two"):
        made.load(PluginManifest(slug=slug, title={"en": slug}, api="", hooks="nowhere:nothing"), Figures())
    return made


@contextmanager
def asking(tenant: SomeTenant) -> Iterator[PluginHost]:
    with use_host(host()) as made, acting_as(tenant.system):
        yield made


async def slugs(host: PluginHost) -> list[str]:
    return _slugs(await host.snapshot(await tenant_context()))


def _slugs(snapshot: Snapshot) -> list[str]:
    return [plugin.manifest.slug for plugin in snapshot.enabled]


async def test_what_is_known_is_not_read_again(tenant: SomeTenant) -> None:
    with asking(tenant) as host:
        await enable_plugin("one")
        await host.kpi_calculators(await tenant_context())
        with watch_statements() as seen:
            ctx = await tenant_context()
            await host.kpi_calculators(ctx)
            await host.plugin_health(ctx)
        assert len(seen) == 1


async def test_every_change_is_seen_by_the_next_operation(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with asking(tenant) as host, asking(tenant) as other_process:
        for host_ in (host, other_process):
            assert await slugs(host_) == []
        with use_host(host):
            await enable_plugin("one")
        assert await slugs(other_process) == ["one"]
        with use_host(host):
            await enable_plugin("two")
            await reorder_plugins(["two"])
        assert await slugs(other_process) == ["two", "one"]
        with use_host(host):
            await disable_plugin("two")
        assert await slugs(other_process) == ["one"]
        async with transaction() as client:
            # Also by a hand that knows nothing of versions.
            await raw_connection(client).execute(
                "UPDATE tenant_plugins SET enabled = false WHERE tenant_id = $1", tenant.id
            )
        assert await slugs(other_process) == []
        with acting_as(other_tenant.system):
            assert await slugs(other_process) == []


async def test_a_change_that_is_rolled_back_leaves_no_trace(tenant: SomeTenant) -> None:
    with asking(tenant) as host:
        await enable_plugin("one")

        async def undone() -> None:
            async with transaction():
                await disable_plugin("one")
                assert await slugs(host) == []
                raise LookupError

        for _ in range(2):
            with pytest.raises(LookupError):
                await undone()
            assert await slugs(host) == ["one"]


async def test_two_changes_in_one_transaction_are_two(tenant: SomeTenant) -> None:
    with asking(tenant) as host:
        async with transaction():
            await enable_plugin("one")
            assert await slugs(host) == ["one"]
            await disable_plugin("one")
            assert await slugs(host) == []
            await enable_plugin("one")
            assert await slugs(host) == ["one"]


async def test_changes_and_questions_at_the_same_time(tenant: SomeTenant) -> None:
    with asking(tenant) as host:
        await set_plugin("one", enabled=True)

        async def change(number: int) -> None:
            for turn in range(10):
                await set_plugin("two", enabled=bool((turn + number) % 2))

        async def ask() -> None:
            for _ in range(40):
                ctx = await tenant_context()
                assert _slugs(await host.snapshot(ctx)) in (["one"], ["one", "two"])

        await asyncio.gather(change(0), change(1), ask(), ask())
        async with reading():
            two = await TenantPlugin.get(slug="two")
        assert await slugs(host) == (["one", "two"] if two.enabled else ["one"])
        assert not in_open_transaction()
