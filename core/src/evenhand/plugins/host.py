"""The plugin host: asks the plugins that a tenant has enabled, in its order, and nobody else."""

from __future__ import annotations

import inspect
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pluggy
import structlog
from pydantic import BaseModel

from evenhand import clock
from evenhand.db.session import reading, transaction
from evenhand.entities import Tenant
from evenhand.errors import EvenhandError, Problem
from evenhand.plugins.contract import (
    AssignmentPolicy,
    Candidate,
    CommissionLine,
    Deal,
    FieldProblem,
    Finding,
    HappenedEvent,
    Kpi,
    OpenRecord,
    Period,
    RecordChange,
    Resolution,
    TenantContext,
)
from evenhand.plugins.hooks import GROUPS, PROJECT
from evenhand.plugins.importing import Importer
from evenhand.plugins.loader import Discovered, installed_plugins, load_target
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import TenantPlugin
from evenhand.plugins.settings import read_settings, settings_model
from evenhand.tenancy.context import current_actor

log = structlog.get_logger(__name__)


class PluginFailed(EvenhandError):
    """A plugin raised where the operation cannot go on without its answer; nothing was changed."""

    code = "PLUGIN_FAILED"


@dataclass(frozen=True)
class Outcome:
    """What one plugin answered: a value or an error, and how long it took (seconds)."""

    plugin: str
    value: Any
    error: Exception | None
    elapsed: float


@dataclass(frozen=True)
class EnabledPlugin:
    """An installed plugin that the tenant has enabled, with its checked settings."""

    manifest: PluginManifest
    settings: BaseModel | None


async def tenant_context(*, seed: int | None = None, now: datetime | None = None) -> TenantContext:
    """The context of a hook call for the current tenant and actor.

    Args:
        seed: to repeat an earlier call; by default a new random one.
    """
    actor = current_actor()
    async with reading():
        tenant = await Tenant.get(id=actor.tenant_id)
    moment = now or clock.now()
    return TenantContext(
        tenant_id=tenant.id,
        slug=tenant.slug,
        locale=tenant.locale,
        time_zone=tenant.time_zone,
        currency=tenant.currency,
        actor=actor,
        now=moment,
        today=moment.astimezone(ZoneInfo(tenant.time_zone)).date(),
        seed=seed if seed is not None else secrets.randbits(62),
    )


class PluginHost:
    """Holds the installed plugins' hooks; one typed method per hook."""

    def __init__(self, plugins: Sequence[Discovered]) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        for group in GROUPS:
            self._manager.add_hookspecs(group)
        self.manifests: dict[str, PluginManifest] = {}
        self.failures: dict[str, str] = {}
        for plugin in plugins:
            if plugin.manifest is None:
                self.failures[plugin.name] = plugin.error or "unusable"
            else:
                self.load(plugin.manifest)

    def load(self, manifest: PluginManifest, hooks: object | None = None) -> None:
        """Take a plugin in; a failure is kept in `failures` and never raised.

        Args:
            hooks: the object with its hooks, instead of the manifest's (tests).
        """
        try:
            implementation = hooks if hooks is not None else load_target(manifest.hooks)
            self._manager.register(implementation, name=manifest.slug)
            self._manager.check_pending()
            settings_model(manifest)
        except Exception as error:
            if self._manager.has_plugin(manifest.slug):
                self._manager.unregister(name=manifest.slug)
            self.failures[manifest.slug] = f"{type(error).__name__}: {error}"
            log.warning("plugin.unusable", plugin=manifest.slug, error=str(error))
            return
        self.manifests[manifest.slug] = manifest

    async def enabled(self) -> list[EnabledPlugin]:
        """The current tenant's enabled plugins in its order; installed ones only."""
        async with reading():
            rows = await TenantPlugin.filter(enabled=True, archived_at=None).order_by("position", "slug")
        result: list[EnabledPlugin] = []
        for row in rows:
            if row.slug not in self.manifests:
                continue
            found = read_settings(self.manifests[row.slug], row.settings, row.settings_version, row.secrets)
            if found.problems:
                codes = [problem.code for problem in found.problems]
                log.warning("plugin.bad_settings", plugin=row.slug, problems=codes)
                continue
            result.append(EnabledPlugin(self.manifests[row.slug], found.value))
        return result

    def _implementation(self, hook: str, slug: str) -> Any:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return next((impl for impl in caller.get_hookimpls() if impl.plugin_name == slug), None)

    async def _call(self, hook: str, plugin: EnabledPlugin, ctx: TenantContext, **arguments: Any) -> Outcome | None:
        implementation = self._implementation(hook, plugin.manifest.slug)
        if implementation is None:
            return None
        given = {"ctx": replace(ctx, settings=plugin.settings), **arguments}
        started = time.perf_counter()
        value, error = None, None
        try:
            value = implementation.function(**{name: given[name] for name in implementation.argnames})
            if inspect.isawaitable(value):
                value = await value
        except Exception as raised:
            value, error = None, raised
        return Outcome(plugin.manifest.slug, value, error, time.perf_counter() - started)

    async def _first(
        self, hook: str, ctx: TenantContext, *, only: str | None = None, **arguments: Any
    ) -> Outcome | None:
        """The first answer that is not None, in the tenant's order; an error aborts (policy A)."""
        for plugin in await self.enabled():
            if only is not None and plugin.manifest.slug != only:
                continue
            async with transaction():
                outcome = await self._call(hook, plugin, ctx, **arguments)
                self._abort_on_error(hook, outcome)
            if outcome is not None and outcome.value is not None:
                return outcome
        return None

    async def _collect(self, hook: str, ctx: TenantContext, *, abort: bool, **arguments: Any) -> list[Outcome]:
        """Every answer, in the tenant's order; an error aborts or is logged and skipped (policies A and S)."""
        outcomes: list[Outcome] = []
        for plugin in await self.enabled():
            outcome = await self._call(hook, plugin, ctx, **arguments)
            if outcome is None:
                continue
            if abort:
                self._abort_on_error(hook, outcome)
            if outcome.error is not None:
                log.warning("plugin.hook_failed", plugin=outcome.plugin, hook=hook, exc_info=outcome.error)
            else:
                outcomes.append(outcome)
        return outcomes

    @staticmethod
    def _abort_on_error(hook: str, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.error is not None:
            if isinstance(outcome.error, EvenhandError):
                raise outcome.error
            raise PluginFailed(
                f"Plugin {outcome.plugin} failed in {hook}: {outcome.error}",
                hint="Nothing was changed. Disable the plugin or tell its author; the log has the details.",
                plugin=outcome.plugin,
                hook=hook,
            ) from outcome.error

    async def validate_settings(
        self, ctx: TenantContext, slug: str, *, old: BaseModel | None, new: BaseModel | None
    ) -> Sequence[Problem]:
        """What the plugin finds wrong with settings that its model accepted; it is asked also while it is disabled.

        Call it inside the transaction of the change.

        Raises:
            PluginFailed, or the plugin's own EvenhandError.
        """
        asked = EnabledPlugin(self.manifests[slug], new)
        outcome = await self._call("validate_settings", asked, ctx, old=old, new=new)
        self._abort_on_error("validate_settings", outcome)
        return [] if outcome is None else list(outcome.value)

    async def plugin_health(self, ctx: TenantContext) -> list[tuple[str, Finding]]:
        """What keeps enabled plugins from being of use, with their slugs."""
        outcomes = await self._collect("plugin_health", ctx, abort=False)
        return [(outcome.plugin, finding) for outcome in outcomes for finding in outcome.value]

    async def validate_record(
        self, ctx: TenantContext, *, changes: Sequence[RecordChange]
    ) -> list[tuple[str, FieldProblem]]:
        """Why enabled plugins refuse changes of one entity's records, with their slugs; empty: all are accepted.

        Call it inside the transaction of the write, once for all records of an entity.

        Raises:
            PluginFailed, or a plugin's own EvenhandError: the write must be given up.
        """
        outcomes = await self._collect("validate_record", ctx, abort=True, changes=changes)
        return [(outcome.plugin, problem) for outcome in outcomes for problem in outcome.value]

    async def deliver_event(self, ctx: TenantContext, slug: str, *, event: HappenedEvent) -> Outcome | None:
        """Tell one plugin what happened; inside a transaction its failure undoes only what it wrote itself.

        Returns: the outcome, with `error` set when the delivery is to be repeated (never raised); None when the
        plugin is not enabled for the tenant or takes no events: there is nothing to deliver.
        """
        plugin = next((item for item in await self.enabled() if item.manifest.slug == slug), None)
        if plugin is None:
            return None
        return await self._call("on_event", plugin, ctx, event=event)

    async def resolve_owner(
        self,
        ctx: TenantContext,
        *,
        records: Sequence[OpenRecord],
        candidates: Sequence[Candidate],
        policy: str | None = None,
    ) -> tuple[str, Sequence[Resolution]] | None:
        """The deciding plugin's slug and its resolutions; None when no enabled plugin decides.

        Args:
            policy: "<slug>:<name>" asks only this plugin, and for this one of its `assignment_policies`.
        """
        slug, _, name = (policy or "").partition(":")
        outcome = await self._first(
            "resolve_owner",
            ctx,
            only=slug or None,
            records=records,
            candidates=candidates,
            policy=name or None,
        )
        return None if outcome is None else (outcome.plugin, outcome.value)

    async def assignment_policies(self, ctx: TenantContext) -> list[tuple[str, AssignmentPolicy]]:
        """All policies that enabled plugins offer by name, with their slugs."""
        outcomes = await self._collect("assignment_policies", ctx, abort=True)
        return [(outcome.plugin, policy) for outcome in outcomes for policy in outcome.value]

    async def importers(self, ctx: TenantContext) -> list[tuple[str, Importer]]:
        """All importers with their plugins' slugs."""
        outcomes = await self._collect("importers", ctx, abort=False)
        return [(outcome.plugin, importer) for outcome in outcomes for importer in outcome.value]

    async def kpi_calculators(self, ctx: TenantContext) -> list[tuple[str, Kpi]]:
        """All KPI calculators with their plugins' slugs."""
        outcomes = await self._collect("kpi_calculators", ctx, abort=False)
        return [(outcome.plugin, kpi) for outcome in outcomes for kpi in outcome.value]

    async def commission_lines(
        self, ctx: TenantContext, *, deals: Sequence[Deal], period: Period
    ) -> list[tuple[str, CommissionLine]]:
        """All commission lines with their plugins' slugs."""
        outcomes = await self._collect("commission_lines", ctx, abort=True, deals=deals, period=period)
        return [(outcome.plugin, line) for outcome in outcomes for line in outcome.value]


@cache
def _installed_host() -> PluginHost:
    return PluginHost(installed_plugins())


_host: ContextVar[PluginHost | None] = ContextVar("evenhand_host", default=None)


def current_host() -> PluginHost:
    """The host of the running task: the installed plugins', unless `use_host` says otherwise."""
    return _host.get() or _installed_host()


@contextmanager
def use_host(host: PluginHost) -> Iterator[PluginHost]:
    """Ask this host instead, inside the block (tests)."""
    token = _host.set(host)
    try:
        yield host
    finally:
        _host.reset(token)
