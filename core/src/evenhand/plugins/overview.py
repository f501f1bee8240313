"""The installed plugins as one tenant has them: state, order, settings without secrets, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from evenhand.db.session import reading
from evenhand.entities import Tenant
from evenhand.plugins.host import PluginHost, current_host
from evenhand.plugins.loader import installed_plugins
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import TenantPlugin
from evenhand.plugins.settings import ReadSettings, read_settings, secret_names, settings_model
from evenhand.tenancy.context import current_tenant


class PluginCondition(StrEnum):
    """What a plugin does for a tenant at the moment."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    SUSPENDED = "suspended"
    """Enabled, but it failed too often: it is not called until an admin enables it again."""
    BROKEN = "broken"
    """It is installed, but cannot be used by anybody."""
    MISSING = "missing"
    """The tenant enabled it once, but it is not installed any more."""
    SETTINGS_INVALID = "settings_invalid"
    """Enabled, but not called until its settings are mended."""
    SETTINGS_NEWER = "settings_newer"
    """Enabled, but not called: its settings were stored by a newer release."""


@dataclass(frozen=True)
class PluginView:
    """A plugin as the current tenant has it.

    Attributes:
        distribution, release: name and version of the package it came from; "" when not known.
        problem: why it does nothing although it is installed or enabled; None when all is well.
        version: counts changes of what the tenant set; None when it never set anything.
        read: the stored settings as the plugin understands them; None when it cannot be used.
        secrets: secret settings by name, and whether they are set.
        hooks: the hooks it implements.
        suspended_at: since when it is not called because it failed too often.
    """

    slug: str
    manifest: PluginManifest | None
    distribution: str
    release: str
    state: PluginCondition
    problem: str | None
    enabled: bool
    position: int
    version: int | None
    read: ReadSettings | None
    secrets: Mapping[str, bool]
    hooks: tuple[str, ...]
    suspended_at: datetime | None = None

    def words(self, of: str, language: str) -> str:
        """The manifest's "title" or "description" in a language, in English when it lacks it."""
        texts: Mapping[str, str] = getattr(self.manifest, of, {})
        return texts.get(language) or texts.get("en") or (self.slug if of == "title" else "")


async def plugin_views() -> list[PluginView]:
    """All plugins that are installed, usable or not, or that the current tenant ever set; in the tenant's order.

    Problems are told in the tenant's language.
    """
    async with reading():
        tenant = await Tenant.get(id=current_tenant())
        rows = {row.slug: row for row in await TenantPlugin.filter(archived_at=None)}
    host = current_host()
    slugs = {**host.manifests, **host.failures, **{slug: None for slug, row in rows.items() if row.enabled}}
    packages = {plugin.name: plugin.distribution for plugin in installed_plugins()}
    views = [_view(host, slug, rows.get(slug), packages.get(slug, ""), tenant.locale) for slug in slugs]
    return sorted(views, key=lambda view: (view.version is None, view.position, view.slug))


def _view(host: PluginHost, slug: str, row: TenantPlugin | None, package: str, locale: str) -> PluginView:
    manifest = host.manifests.get(slug)
    read = None
    if manifest is not None:
        stored: Any = (row.settings, row.settings_version, row.secrets) if row else ({}, manifest.settings_version, {})
        read = read_settings(manifest, *stored, locale=locale)
    state, problem = _state(host, slug, row, read)
    model = settings_model(manifest) if manifest is not None else None
    distribution, _, release = package.rpartition(" ")
    return PluginView(
        slug=slug,
        manifest=manifest,
        distribution=distribution,
        release=release,
        state=state,
        problem=problem,
        enabled=row is not None and row.enabled and manifest is not None,
        position=row.position if row else 0,
        version=row.version if row else None,
        read=read,
        secrets={name: name in (read.secrets if read else {}) for name in sorted(secret_names(model))} if model else {},
        hooks=host.hooks_of(slug),
        suspended_at=row.suspended_at if row else None,
    )


def _state(
    host: PluginHost, slug: str, row: TenantPlugin | None, read: ReadSettings | None
) -> tuple[PluginCondition, str | None]:
    if slug in host.failures:
        return PluginCondition.BROKEN, host.failures[slug]
    if read is None:
        return PluginCondition.MISSING, f"Plugin {slug} is not installed any more."
    if row is None or not row.enabled:
        return PluginCondition.DISABLED, None
    if row.suspended_at is not None:
        return PluginCondition.SUSPENDED, row.reason
    if read.problems:
        newer = any(problem.code == "SETTINGS_NEWER" for problem in read.problems)
        state = PluginCondition.SETTINGS_NEWER if newer else PluginCondition.SETTINGS_INVALID
        return state, " ".join(problem.message for problem in read.problems)
    return PluginCondition.ENABLED, None
