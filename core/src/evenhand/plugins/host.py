"""The plugin host: asks the plugins that a tenant has enabled, in its order, and nobody else.

One typed method per hook; the specifications are in `evenhand.plugins.hooks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import structlog
from pydantic import BaseModel

from evenhand.errors import Problem
from evenhand.plugins.checks import PluginProblem, describe
from evenhand.plugins.context import tenant_context
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
from evenhand.plugins.dispatch import Binding, Dispatcher, Outcome, PluginFailed, PluginSuspended
from evenhand.plugins.guard import Limits
from evenhand.plugins.hooks import GROUPS, HookSpec, Policy
from evenhand.plugins.importing import Importer
from evenhand.plugins.installed import Installed
from evenhand.plugins.loader import Discovered, installed_plugins
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.results import Check, result_check
from evenhand.plugins.settings import read_settings
from evenhand.plugins.snapshot import EnabledPlugin, PluginRow, Snapshot, Snapshots, read_rows
from evenhand.tenancy.context import current_tenant

log = structlog.get_logger(__name__)


class PluginHost:
    """Holds the installed plugins' hooks; one typed method per hook.

    Args:
        plugins: what was discovered.
        limits: how much patience it has.
        groups: classes of hook specifications (tests add their own).
    """

    def __init__(
        self, plugins: Sequence[Discovered], *, limits: Limits | None = None, groups: Iterable[type] = GROUPS
    ) -> None:
        groups = tuple(groups)
        self._installed = Installed(groups)
        self.dispatcher = Dispatcher(limits or Limits())
        self._checks: dict[str, Check] = {
            name: result_check(spec.function) for name, spec in self._installed.specs.items()
        }
        self._snapshots = Snapshots()
        for plugin in plugins:
            self._installed.take(plugin)

    @property
    def manifests(self) -> Mapping[str, PluginManifest]:
        """The manifests of the plugins that can be used, by slug."""
        return self._installed.manifests

    @property
    def problems(self) -> Mapping[str, PluginProblem]:
        """Why the other plugins cannot be used, by slug."""
        return self._installed.problems

    @property
    def failures(self) -> dict[str, str]:
        """The problems in words, by slug."""
        return {slug: str(problem) for slug, problem in self._installed.problems.items()}

    def load(self, manifest: PluginManifest, hooks: object | None = None) -> None:
        """Take a plugin in; what keeps it from being used is kept in `problems` and never raised.

        Args:
            hooks: the object with its hooks, instead of the manifest's (tests).
        """
        self._installed.load(manifest, hooks)
        self._snapshots.clear()

    def hooks_of(self, slug: str) -> tuple[str, ...]:
        """The names of the hooks that a plugin implements, sorted; none for one that cannot be used."""
        return self._installed.hooks_of(slug)

    async def enabled(self) -> list[EnabledPlugin]:
        """The current tenant's enabled plugins in its order; installed ones that work. One statement."""
        return list((await self._read_snapshot()).enabled)

    async def snapshot(self, ctx: TenantContext) -> Snapshot:
        """The tenant's plugins as the operation began with them; no statement when they are known already."""
        found = self._snapshots.get(ctx.tenant_id, ctx.plugins_version)
        return found if found is not None else await self._read_snapshot()

    async def _read_snapshot(self) -> Snapshot:
        tenant_id = current_tenant()
        version, rows = await read_rows()
        known = self._snapshots.get(tenant_id, version)
        if known is not None:
            return known
        enabled: list[EnabledPlugin] = []
        suspended: dict[str, str] = {}
        for row in rows:
            if row.slug not in self.manifests:
                continue
            if row.suspended:
                suspended[row.slug] = row.reason or ""
                continue
            plugin, problem = self._usable(row)
            if plugin is None:
                suspended[row.slug] = problem
            else:
                enabled.append(plugin)
        snapshot = Snapshot(version, tuple(enabled), suspended)
        self._snapshots.keep(tenant_id, snapshot)
        return snapshot

    def _usable(self, row: PluginRow) -> tuple[EnabledPlugin | None, str]:
        """The plugin with its settings, or why they cannot be used, which is told and not counted as a failure."""
        manifest = self.manifests[row.slug]
        try:
            found = read_settings(manifest, row.settings, row.settings_version, row.secrets)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            problem = describe(error)
        else:
            if not found.problems:
                return EnabledPlugin(manifest, found.value), ""
            problem = " ".join(one.message for one in found.problems)
        log.warning("plugin.bad_settings", plugin=row.slug, version=row.settings_version, problem=problem)
        return None, problem

    def _binding(self, spec: HookSpec, plugin: EnabledPlugin) -> Binding | None:
        found = self._installed.implementation(spec.name, plugin.manifest.slug)
        if found is None:
            return None
        # An argument with a default is given all the same: pluggy would leave it out.
        named = [*found.argnames, *(name for name in found.kwargnames if name in spec.arguments)]
        return Binding(plugin, found.function, tuple(name for name in named if name != "ctx"), "ctx" in named)

    def _bindings(self, spec: HookSpec, snapshot: Snapshot) -> tuple[Binding, ...]:
        found: tuple[Binding, ...] | None = snapshot.memory.get(spec.name)
        if found is None:
            made = (self._binding(spec, plugin) for plugin in snapshot.enabled)
            found = snapshot.memory[spec.name] = tuple(one for one in made if one is not None)
        return found

    async def ask(self, hook: str, ctx: TenantContext, *, only: str | None = None, **arguments: Any) -> list[Outcome]:
        """Ask the enabled plugins that implement a hook, in the tenant's order. Use the typed methods below.

        Args:
            only: the slug of the one plugin to ask.

        Returns: one outcome per plugin that was asked; with the policy "deny" also for suspended ones.

        Raises:
            PluginFailed, or a plugin's own EvenhandError: with the policy "abort".
        """
        spec = self._installed.specs[hook]
        found = self._snapshots.get(ctx.tenant_id, ctx.plugins_version)
        snapshot = found if found is not None else await self._read_snapshot()
        asked: Sequence[Binding] = self._bindings(spec, snapshot)
        if only is not None:
            asked = [binding for binding in asked if binding.plugin.manifest.slug == only]
        outcomes = await self.dispatcher.ask(spec, self._checks[hook], ctx, asked, arguments) if asked else []
        if spec.policy is Policy.DENY and snapshot.suspended:
            outcomes += self._denied(spec, snapshot)
        return outcomes

    def _denied(self, spec: HookSpec, snapshot: Snapshot) -> list[Outcome]:
        """A plugin that guards something and is suspended goes on guarding it."""
        return [
            Outcome(slug, None, _suspended(slug, reason), 0.0, True)
            for slug, reason in snapshot.suspended.items()
            if self._installed.implementation(spec.name, slug) is not None
        ]

    async def validate_settings(
        self, ctx: TenantContext, slug: str, *, old: BaseModel | None, new: BaseModel | None
    ) -> Sequence[Problem]:
        """What the plugin finds wrong with settings that its model accepted; it is asked also while it is disabled.

        Call it inside the transaction of the change.

        Raises:
            PluginFailed, or the plugin's own EvenhandError.
        """
        spec = self._installed.specs["validate_settings"]
        binding = self._binding(spec, EnabledPlugin(self.manifests[slug], new))
        if binding is None:
            return []
        arguments = {"old": old, "new": new}
        (outcome,) = await self.dispatcher.ask(spec, self._checks[spec.name], ctx, [binding], arguments)
        problems: Sequence[Problem] = outcome.value
        return problems

    async def plugin_health(self, ctx: TenantContext) -> list[tuple[str, Finding]]:
        """What keeps enabled plugins from being of use, with their slugs."""
        outcomes = await self.ask("plugin_health", ctx)
        return [(outcome.plugin, finding) for outcome in outcomes for finding in outcome.value or ()]

    def validates(self, entity: str) -> bool:
        """Whether a plugin that is installed checks records of this entity; whether it is enabled is not asked."""
        return any(
            (manifest.validates is None or entity in manifest.validates)
            and self._installed.implementation("validate_record", slug) is not None
            for slug, manifest in self.manifests.items()
        )

    async def validate_record(
        self, ctx: TenantContext, *, changes: Sequence[RecordChange]
    ) -> list[tuple[str, FieldProblem]]:
        """Why enabled plugins refuse changes of one entity's records, with their slugs; empty: all are accepted.

        Call it inside the transaction of the write, once for all records of an entity.

        Raises:
            PluginFailed, or a plugin's own EvenhandError: the write must be given up.
        """
        outcomes = await self.ask("validate_record", ctx, changes=changes)
        return [(outcome.plugin, problem) for outcome in outcomes for problem in outcome.value or ()]

    async def deliver_event(self, ctx: TenantContext, slug: str, *, event: HappenedEvent) -> Outcome | None:
        """Tell one plugin what happened; inside a transaction its failure undoes only what it wrote itself.

        Returns: the outcome, with `error` set when the delivery is to be repeated (never raised): also while the
        plugin is suspended. None when the plugin is not enabled for the tenant or takes no events.
        """
        snapshot = await self.snapshot(ctx)
        if slug in snapshot.suspended:
            return Outcome(slug, None, _suspended(slug, snapshot.suspended[slug]), 0.0)
        outcomes = await self.ask("on_event", ctx, only=slug, event=event)
        return outcomes[0] if outcomes else None

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
        if policy is not None and not name:
            return None
        outcomes = await self.ask(
            "resolve_owner",
            ctx,
            only=slug or None,
            records=records,
            candidates=candidates,
            policy=name or None,
        )
        if not outcomes or outcomes[-1].value is None:
            return None
        return outcomes[-1].plugin, outcomes[-1].value

    async def assignment_policies(self, ctx: TenantContext) -> list[tuple[str, AssignmentPolicy]]:
        """All policies that enabled plugins offer by name, with their slugs."""
        outcomes = await self.ask("assignment_policies", ctx)
        return [(outcome.plugin, policy) for outcome in outcomes for policy in outcome.value or ()]

    async def importers(self, ctx: TenantContext) -> list[tuple[str, Importer]]:
        """All importers with their plugins' slugs."""
        outcomes = await self.ask("importers", ctx)
        return [(outcome.plugin, importer) for outcome in outcomes for importer in outcome.value or ()]

    async def kpi_calculators(self, ctx: TenantContext) -> list[tuple[str, Kpi]]:
        """All KPI calculators with their plugins' slugs."""
        outcomes = await self.ask("kpi_calculators", ctx)
        return [(outcome.plugin, kpi) for outcome in outcomes for kpi in outcome.value or ()]

    async def commission_lines(
        self, ctx: TenantContext, *, deals: Sequence[Deal], period: Period
    ) -> list[tuple[str, CommissionLine]]:
        """All commission lines with their plugins' slugs."""
        outcomes = await self.ask("commission_lines", ctx, deals=deals, period=period)
        return [(outcome.plugin, line) for outcome in outcomes for line in outcome.value or ()]


def _suspended(slug: str, reason: str) -> PluginSuspended:
    return PluginSuspended(
        f"Plugin {slug} is suspended: {reason}",
        hint="An admin can enable it again when the cause is mended.",
        plugin=slug,
    )


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


__all__ = [
    "EnabledPlugin",
    "Limits",
    "Outcome",
    "PluginFailed",
    "PluginHost",
    "PluginSuspended",
    "Snapshot",
    "current_host",
    "tenant_context",
    "use_host",
]
