"""Asking plugins: our dispatcher beside pluggy's own call and beside reading the tenant's plugins each time."""

from __future__ import annotations

import statistics
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import replace
from inspect import isawaitable
from typing import Any

import pluggy
from rich.table import Table

from evenhand.actions.plugins import set_plugin
from evenhand.db.session import open_database, transaction
from evenhand.plugins.contract import Kpi, TenantContext
from evenhand.plugins.hooks import GROUPS, PROJECT, hookimpl
from evenhand.plugins.host import PluginHost, tenant_context, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import acting_as
from evenhand.testing import make_tenant
from evenhand.testing.server import temporary_database

INSTALLED = 30
ENABLED = 5
ROUNDS = 40
CALLS = 400
KPIS = [Kpi("deals", {"en": "Deals", "zh": "成交数"}, "count", lambda deals: [])]

Ask = Callable[[TenantContext], Awaitable[object]]


class Plain:
    """A plain hook."""

    @hookimpl
    def kpi_calculators(self, ctx: TenantContext) -> list[Kpi]:
        return KPIS


class Waiting:
    """The same as a coroutine."""

    @hookimpl
    async def kpi_calculators(self, ctx: TenantContext) -> list[Kpi]:
        return KPIS


def _host(kind: type) -> PluginHost:
    host = PluginHost([])
    for number in range(INSTALLED):
        slug = f"plugin_{number:02}"
        manifest = PluginManifest(slug=slug, title={"en": slug}, api="", hooks="nowhere:nothing")
        host.load(manifest, kind())
    return host


def _pluggy(count: int) -> Ask:
    """pluggy's own call of as many plugins: no tenant, no guard, no check of answers."""
    manager = pluggy.PluginManager(PROJECT)
    for group in GROUPS:
        manager.add_hookspecs(group)
    for _ in range(count):
        manager.register(Plain())

    async def ask(ctx: TenantContext) -> object:
        return manager.hook.kpi_calculators(ctx=ctx)

    return ask


def _read_each_time(host: PluginHost) -> Ask:
    """As it was done before there was a snapshot: the tenant's plugins are read for each call."""

    async def ask(ctx: TenantContext) -> object:
        answers = []
        for plugin in await host.enabled():
            implementation: Any = host._installed.implementation("kpi_calculators", plugin.manifest.slug)
            value = implementation.function(ctx=replace(ctx, settings=plugin.settings))
            answers.append(await value if isawaitable(value) else value)
        return answers

    return ask


async def _microseconds(ask: Ask, ctx: TenantContext, calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        await ask(ctx)
    return (time.perf_counter() - started) / calls * 1e6


async def _measure(asked: dict[str, tuple[Ask, bool, int]], ctx: TenantContext) -> dict[str, list[float]]:
    """Every contender once in each round, so that what else the machine does hits all."""
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, (ask, inside, calls) in asked.items():
            if inside:
                async with transaction():
                    found[name].append(await _microseconds(ask, ctx, calls))
            else:
                found[name].append(await _microseconds(ask, ctx, calls))
    return found


async def run(options: Namespace) -> Table:
    """Measure and compare. Returns: a table of microseconds per dispatch; the ratios are of the best rounds."""
    async with temporary_database("bench") as config, open_database(config):
        tenant = await make_tenant()
        plain, waiting = _host(Plain), _host(Waiting)
        with acting_as(tenant.system), use_host(plain):
            for number in range(ENABLED):
                await set_plugin(f"plugin_{number * 6:02}", enabled=True)
            ctx = await tenant_context()
            if len(await plain.kpi_calculators(ctx)) != ENABLED or len(await waiting.kpi_calculators(ctx)) != ENABLED:
                raise RuntimeError(f"not {ENABLED} plugins answered")
            few = CALLS // 20
            asked = {
                "plain hooks, outside a transaction": (plain.kpi_calculators, False, CALLS),
                "plain hooks, inside": (plain.kpi_calculators, True, CALLS),
                "async hooks, outside": (waiting.kpi_calculators, False, CALLS),
                "async hooks, inside: a savepoint each": (waiting.kpi_calculators, True, few),
                f"pluggy's call, {ENABLED} registered": (_pluggy(ENABLED), False, CALLS),
                f"pluggy's call, {INSTALLED} registered": (_pluggy(INSTALLED), False, CALLS),
                "reading the tenant's plugins for each call": (_read_each_time(plain), False, few),
                "the tenant's context alone: one statement": (lambda _: tenant_context(), False, few),
            }
            found = await _measure(asked, ctx)
    title = f"One hook, {INSTALLED} plugins installed, {ENABLED} enabled"
    table = Table("What", "µs, best round", "median", "ratio", title=title)
    best = {name: min(values) for name, values in found.items()}
    base = next(iter(best.values()))
    for name, value in best.items():
        table.add_row(name, f"{value:,.1f}", f"{statistics.median(found[name]):,.1f}", f"{value / base:.2f}")
    return table
