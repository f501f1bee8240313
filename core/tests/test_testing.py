"""The kit for plugin authors finds what it is there to find."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Any

import pytest

from evenhand.actions.plugins import enable_plugin
from evenhand.actions.records import update_record
from evenhand.api import TenantContext, hookimpl
from evenhand.db.session import reading
from evenhand.entities import Account
from evenhand.events.base import Event
from evenhand.plugins.hooks import SPECS
from evenhand.plugins.host import PluginHost
from evenhand.plugins.loader import load_target
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import acting_as
from evenhand.testing import PluginContract, SomeTenant, count_queries, drain
from evenhand.testing.spying import Spied


class Careless:
    """Hooks that hold everybody up."""

    @hookimpl
    async def kpi_calculators(self, ctx: Any) -> list[Any]:
        await asyncio.sleep(0)
        time.sleep(0.001)  # noqa: ASYNC251 - what must be found
        return []

    @hookimpl
    def importers(self) -> list[Any]:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", 1), timeout=1)
        return []

    @hookimpl
    async def plugin_health(self, ctx: Any) -> list[Any]:
        await asyncio.sleep(0)
        ends = time.thread_time() + 0.3
        while time.thread_time() < ends:
            pass
        return []

    @hookimpl
    async def assignment_policies(self, ctx: Any) -> list[Any]:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(time.sleep, 0.01)
        return []


async def test_hooks_that_block_are_named() -> None:
    spied: Any = Spied(Careless())
    await spied.kpi_calculators(ctx=1)
    spied.importers()
    await spied.plugin_health(ctx=1)
    await spied.assignment_policies(ctx=1)
    assert spied.watch.calls == ["kpi_calculators", "importers", "plugin_health", "assignment_policies"]
    found = spied.watch.offences
    assert any("kpi_calculators calls time.sleep" in one for one in found)
    assert any("importers calls socket.connect" in one for one in found)
    assert any("plugin_health computes" in one for one in found)
    assert not any("assignment_policies" in one for one in found)


async def test_errors_of_a_watched_hook_reach_it_and_its_caller() -> None:
    class Patient:
        @hookimpl
        async def importers(self) -> list[Any]:
            try:
                await asyncio.wait_for(asyncio.Event().wait(), 0.01)
            except TimeoutError:
                raise LookupError("nothing came") from None
            return []

    spied: Any = Spied(Patient())
    with pytest.raises(LookupError):
        await spied.importers()


def test_a_watched_plugin_is_one_for_the_host(host: PluginHost) -> None:
    host.load(PluginManifest(slug="careless", title={"en": "x"}, api=">=0", hooks="builtins:object"), Spied(Careless()))
    assert host.failures == {}


async def test_too_many_statements_fail(tenant: SomeTenant) -> None:
    await tenant.create("Account", name="Acme")
    with acting_as(tenant.system):
        with count_queries(most=1):
            async with reading():
                assert await Account.all().count() == 1
        with pytest.raises(AssertionError, match="2 statements"):
            await _twice()


async def test_draining_delivers_what_happened(tenant: SomeTenant, host: PluginHost) -> None:
    heard: list[tuple[str, Any]] = []

    class Ear:
        @hookimpl
        async def on_event(self, ctx: TenantContext, event: Event) -> None:
            heard.append((event.type, event.record_id))

    manifest = PluginManifest(
        slug="ear", title={"en": "Ear"}, api=">=0", hooks="builtins:object", events=("AccountCreated", "AccountUpdated")
    )
    host.load(manifest, Ear())
    with acting_as(tenant.system):
        await enable_plugin("ear")
        account = await tenant.create("Account", name="Acme")
        await update_record("Account", account, {"name": "Acme Ltd"})
    assert heard == []
    assert await drain() >= 2
    assert heard == [("AccountCreated", account), ("AccountUpdated", account)]
    await drain()
    assert len(heard) == 2


async def _twice() -> None:
    with count_queries(most=1):
        async with reading():
            await Account.all().count()
            await Account.all().count()


def _tests_of(contract: type) -> Sequence[str]:
    return [name for name in dir(contract) if name.startswith("test_")]


def test_the_contract_is_of_some_size_and_every_part_says_what_it_is_about() -> None:
    names = _tests_of(PluginContract)
    assert len(names) >= 25
    assert [name for name in names if not (getattr(PluginContract, name).__doc__ or "").strip()] == []


def test_the_contract_finds_what_is_wrong_with_a_manifest() -> None:
    class Forgetful:
        def on_event(self, ctx: Any) -> None:
            """Without the mark."""

    class Broken(PluginContract):
        manifest = PluginManifest(slug="broken", title={"en": "Broken"}, api=">=0.1", hooks=f"{__name__}:Forgetful")

    globals()["Forgetful"] = Forgetful
    broken = Broken()
    for test in (
        broken.test_the_plugin_is_found_by_its_slug,
        broken.test_it_takes_this_api_and_no_later_break,
        broken.test_words_for_people_are_in_english_and_chinese,
    ):
        with pytest.raises(AssertionError):
            test()
    assert "on_event" in SPECS
    assert load_target("evenhand.plugins.hooks:SPECS") is SPECS
