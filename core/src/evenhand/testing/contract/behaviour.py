"""The part of the contract about what the plugin does in tenants that use it, and in those that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from evenhand import clock
from evenhand.actions.purge import purge_plugin
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.events.base import Event
from evenhand.events.catalogue import event_types, read_event
from evenhand.plugins.host import PluginHost, current_host, tenant_context, use_host
from evenhand.plugins.loader import load_target
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing.contract.base import ContractBase, in_session_loop
from evenhand.testing.draining import drain
from evenhand.testing.everyday import everyday
from evenhand.testing.rows import tenant_models
from evenhand.testing.spying import Spied, Watch
from evenhand.testing.tenants import SomeTenant, make_tenant

_BOOKKEEPING = frozenset(
    {
        "audit_entries",
        "audit_pending",
        "event_deliveries",
        "event_subscribers",
        "idempotency_keys",
        "job_attempts",
        "jobs",
        "outbox_events",
        "tenant_plugins",
    }
)
"""Tables of the core that grow with every delivery and call."""

Rows = dict[str, list[str]]
"""Rows as text by table."""


class BehaviourContract(ContractBase):
    """What holds while it runs. Override `exercise` to have it do more."""

    async def exercise(self, tenant: SomeTenant) -> None:
        """Do in a tenant what the plugin reacts to; it is called with the plugin enabled and disabled alike.

        By default a day at the office (`evenhand.testing.everyday`): records of all kinds are created, changed,
        assigned and won, all hooks that collect are asked, and all events arrive.
        """
        await everyday(tenant)

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """Let a host with nothing but this plugin take over, and watch its hooks."""
        host, spied = PluginHost([]), Spied(load_target(self.manifest.hooks))
        host.load(self.manifest, spied)
        assert host.failures == {}
        with use_host(host):
            yield spied.watch

    async def enable(self, tenant: SomeTenant) -> None:
        """Enable the plugin with `settings`."""
        await tenant.enable(self.manifest.slug, **self.settings)

    async def disable(self, tenant: SomeTenant) -> None:
        """Disable it."""
        await tenant.disable(self.manifest.slug)

    async def own_rows(self, tenant: SomeTenant) -> Rows:
        """The tenant's rows in the plugin's tables."""
        return await _rows(tenant, [model._meta.db_table for model in self.own_models()])

    async def all_rows(self, tenant: SomeTenant) -> Rows:
        """The tenant's rows in all tables, less those that only keep books."""
        tables = {model._meta.db_table for model in tenant_models()} - _BOOKKEEPING
        return await _rows(tenant, sorted(tables))

    async def events(self, tenant: SomeTenant) -> list[Event]:
        """The tenant's events of the types that the plugin wants, in order."""
        with acting_as(tenant.system):
            async with reading() as client:
                found = await raw_connection(client).fetch(
                    "SELECT * FROM outbox_events WHERE tenant_id = $1 AND (type = ANY($2) OR $2 = '{*}') "
                    "ORDER BY sequence",
                    tenant.id,
                    list(self.manifest.events),
                )
        return [read_event(_row(row)) for row in found]

    async def deliver(self, tenant: SomeTenant, event: Event) -> None:
        """Hand it one event as the worker does; an error of the plugin fails the test."""
        with acting_as(tenant.system):
            async with transaction():
                ctx = await tenant_context()
                outcome = await current_host().deliver_event(ctx, self.manifest.slug, event=event)
        assert outcome is not None, "the plugin takes no events"
        if outcome.error is not None:
            raise outcome.error

    @pytest.mark.parametrize("locale", ["en", "zh-CN"])
    @in_session_loop
    async def test_it_works_in_english_and_in_chinese(self, database: DatabaseConfig, locale: str) -> None:
        """Whatever the tenant's language, currency and time zone: nothing fails, no hook is skipped."""
        zone = {"en": ("USD", "America/Los_Angeles"), "zh-CN": ("CNY", "Asia/Shanghai")}[locale]
        tenant = await make_tenant(locale=locale, currency=zone[0], time_zone=zone[1])
        with self.watched(), _no_failures():
            await self.enable(tenant)
            await self.exercise(tenant)

    @in_session_loop
    async def test_disabled_it_is_never_called_and_writes_nothing(self, tenant: SomeTenant) -> None:
        """Not before it is enabled, and not after it was disabled."""
        with self.watched() as watch:
            await self.exercise(tenant)
            assert watch.calls == []
            assert not any((await self.own_rows(tenant)).values())
            await self.enable(tenant)
            await self.disable(tenant)
            watch.calls.clear()
            before = await self.own_rows(tenant)
            await self.exercise(tenant)
            assert watch.calls == []
            assert await self.own_rows(tenant) == before

    @in_session_loop
    async def test_another_tenant_sees_and_loses_nothing(self, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
        """Enabled in both: what happens in one changes no row of the other."""
        with self.watched():
            await self.enable(tenant)
            await self.enable(other_tenant)
            await self.exercise(other_tenant)
            before = await self.all_rows(other_tenant)
            await self.exercise(tenant)
            await drain()
            assert await self.all_rows(other_tenant) == before

    @in_session_loop
    async def test_an_event_that_comes_twice_changes_nothing_more(self, tenant: SomeTenant) -> None:
        """Events are delivered at least once: be idempotent on `event.id`."""
        if not self.manifest.events:
            pytest.skip("the plugin wants no events")
        with self.watched():
            await self.enable(tenant)
            await self.exercise(tenant)
            events = await self.events(tenant)
            assert events, "exercise() makes no event of the types that the plugin wants"
            for event in events:
                await self.deliver(tenant, event)
            before = await self.all_rows(tenant)
            for event in events:
                await self.deliver(tenant, event)
            assert await self.all_rows(tenant) == before

    @in_session_loop
    async def test_an_event_about_a_record_that_is_gone_does_no_harm(self, tenant: SomeTenant) -> None:
        """Between an event and its delivery, its record may be merged away."""
        if not self.manifest.events:
            pytest.skip("the plugin wants no events")
        names = event_types() if "*" in self.manifest.events else self.manifest.events
        with self.watched():
            await self.enable(tenant)
            for name in names:
                await self.deliver(tenant, _out_of_nowhere(tenant, name))

    @in_session_loop
    async def test_it_never_blocks_the_event_loop(self, tenant: SomeTenant) -> None:
        """No sleep, no blocking network call, no process, no long computation between two awaits."""
        with self.watched() as watch:
            await self.enable(tenant)
            # The first time modules may be loaded.
            await self.exercise(tenant)
            watch.offences.clear()
            await self.exercise(tenant)
            assert watch.offences == []

    @in_session_loop
    async def test_its_data_stays_while_it_is_disabled(self, tenant: SomeTenant) -> None:
        """Enable, disable, enable: rows and settings are as they were."""
        with self.watched():
            await self.enable(tenant)
            await self.exercise(tenant)
            before, settings = await self.own_rows(tenant), await _settings(tenant, self.manifest.slug)
            await self.disable(tenant)
            assert await self.own_rows(tenant) == before
            await tenant.enable(self.manifest.slug)
            assert await self.own_rows(tenant) == before
            assert await _settings(tenant, self.manifest.slug) == settings

    @in_session_loop
    async def test_purging_leaves_nothing_here_and_everything_elsewhere(
        self, tenant: SomeTenant, other_tenant: SomeTenant
    ) -> None:
        """What it kept for a tenant can be removed on request: rows, settings and secrets."""
        with self.watched():
            for one in (tenant, other_tenant):
                await self.enable(one)
                await self.exercise(one)
            before = await self.all_rows(other_tenant)
            await self.disable(tenant)
            with acting_as(tenant.system):
                await purge_plugin(self.manifest.slug)
                async with reading():
                    assert not await TenantPlugin.filter(slug=self.manifest.slug).exists()
            assert not any((await self.own_rows(tenant)).values())
            assert await self.all_rows(other_tenant) == before

    @in_session_loop
    async def test_a_rollback_takes_its_effects_back(self, tenant: SomeTenant) -> None:
        """What it writes inside an operation's transaction goes when the operation fails."""
        if not self.manifest.events:
            pytest.skip("the plugin wants no events")
        with self.watched():
            await self.enable(tenant)
            await self.exercise(tenant)
            events = await self.events(tenant)
            before = await self.all_rows(tenant)
            async with _rolled_back(tenant):
                for event in events:
                    ctx = await tenant_context()
                    fresh = event.model_copy(update={"id": uuid7()})
                    await current_host().deliver_event(ctx, self.manifest.slug, event=fresh)
            assert await self.all_rows(tenant) == before


class _GivenUp(Exception):
    """Ends a transaction that was only tried."""


@asynccontextmanager
async def _rolled_back(tenant: SomeTenant) -> AsyncIterator[None]:
    with acting_as(tenant.system), suppress(_GivenUp):
        async with transaction():
            yield
            raise _GivenUp


@contextmanager
def _no_failures() -> Iterator[None]:
    """Fails when the core logs inside the block that a plugin failed."""
    with capture_logs() as logs:
        yield
    assert [line for line in logs if str(line["event"]).startswith("plugin.")] == []


async def _rows(tenant: SomeTenant, tables: list[str]) -> Rows:
    with acting_as(tenant.system):
        async with reading() as client:
            connection = raw_connection(client)
            return {
                table: [
                    row[0]
                    for row in await connection.fetch(
                        f'SELECT row_to_json(held)::text FROM "{table}" AS held WHERE tenant_id = $1 ORDER BY id',
                        tenant.id,
                    )
                ]
                for table in tables
            }


async def _settings(tenant: SomeTenant, slug: str) -> Any:
    with acting_as(tenant.system):
        async with reading():
            kept = await TenantPlugin.get(slug=slug)
    return kept.settings, kept.settings_version, kept.secrets


def _row(row: Any) -> Mapping[str, Any]:
    found = dict(row)
    found["payload"] = orjson.loads(found["payload"]) if isinstance(found["payload"], str) else found["payload"]
    return found


def _out_of_nowhere(tenant: SomeTenant, name: str) -> Event:
    """An event of this type about a record that is not there."""
    entity = next((text for text in ("Account", "Contact", "Lead", "Opportunity") if name.startswith(text)), "Account")
    row = {
        "id": uuid7(),
        "type": name,
        "tenant_id": tenant.id,
        "entity": entity,
        "record_id": uuid7(),
        "payload": {"before": {}, "after": {}},
        "user_id": None,
        "via": "test",
        "occurred_at": clock.now(),
    }
    return read_event(row)
