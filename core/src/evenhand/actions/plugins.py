"""Enable, disable, configure and order plugins for the current tenant; effective with the commit, in every process."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.actions.errors import VersionConflict
from evenhand.actions.journal import Journal, writing
from evenhand.actions.schedules import schedule_plugin
from evenhand.actions.suspension import RESUMED
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.entities import Tenant
from evenhand.errors import EvenhandError, InvalidInput, Problem
from evenhand.events.subscribers import set_subscriber
from evenhand.plugins.host import current_host, tenant_context
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import TenantPlugin
from evenhand.plugins.settings import NewSettings, change_settings, read_settings
from evenhand.tenancy.context import current_actor, current_tenant

ENTITY = "TenantPlugin"


class PluginNotInstalled(EvenhandError):
    """There is no usable plugin of this name in this installation."""

    code = "PLUGIN_NOT_INSTALLED"


class PluginSettingsNewer(EvenhandError):
    """The stored settings are of a newer version than the installed plugin's."""

    code = "PLUGIN_SETTINGS_NEWER"


def usable_plugin(slug: str) -> PluginManifest:
    """The manifest of an installed plugin.

    Raises:
        PluginNotInstalled: there is none of this name, or it cannot be used; says why.
    """
    host = current_host()
    if slug not in host.manifests:
        why = f": {host.failures[slug]}" if slug in host.failures else "."
        names = ", ".join(sorted(host.manifests)) or "none"
        raise PluginNotInstalled(f"No usable plugin {slug!r} is installed{why}", hint=f"Installed: {names}.")
    return host.manifests[slug]


async def enable_plugin(slug: str, *, settings: Mapping[str, Any] | None = None, version: int | None = None) -> None:
    """Let the tenant use an installed plugin. One that was never used before comes last in the tenant's order.

    Args:
        settings: changes to its settings, as for `update_plugin_settings`.
        version: the version of the tenant's plugin that the caller saw; None for any.

    Raises:
        PluginNotInstalled, VersionConflict, PluginSettingsNewer, PermissionDenied.
        InvalidInput: the settings, also those stored before, cannot be used.
    """
    await _change("enable_plugin", slug, enabled=True, settings=settings, version=version)


async def disable_plugin(slug: str, *, version: int | None = None) -> None:
    """Let the tenant do without a plugin, also one that is broken or gone; its settings and data stay.

    Raises:
        PluginNotInstalled, VersionConflict, PermissionDenied.
    """
    await _change("disable_plugin", slug, enabled=False, version=version)


async def update_plugin_settings(
    slug: str, settings: Mapping[str, Any], *, replace: bool = False, version: int | None = None
) -> None:
    """Change a plugin's settings for the tenant, whether it is enabled or not.

    Args:
        settings: by name. Null puts a setting back to its default, where it may not be null itself, and removes
            a secret.
        replace: these are all settings; others go back to their defaults. Secrets stay until they are named.
        version: the version of the tenant's plugin that the caller saw; None for any.

    Raises:
        PluginNotInstalled, VersionConflict, PluginSettingsNewer, PermissionDenied.
        InvalidInput: with every problem, in the tenant's language.
    """
    await _change("update_plugin_settings", slug, settings=settings, replace=replace, version=version)


async def upgrade_plugin_settings(slug: str) -> bool:
    """Store the tenant's settings of a plugin at the installed plugin's version.

    Returns: whether they were older, or had to be written anew.

    Raises:
        PluginNotInstalled, PluginSettingsNewer, PermissionDenied. InvalidInput: they cannot be used.
    """
    return await _change("upgrade_plugin_settings", slug, settings={}, create=False)


async def set_plugin(
    slug: str, *, enabled: bool | None = None, settings: Mapping[str, Any] | None = None, position: int | None = None
) -> None:
    """Enable or disable, configure and place a plugin in one go, for set-up by programs.

    Args:
        settings: all of its settings; others go back to their defaults. Secrets stay until they are named.
        position: place in the tenant's order, lowest first.

    Raises:
        PluginNotInstalled, InvalidInput, PluginSettingsNewer, PermissionDenied.
    """
    if position is not None:
        position = require_value(TenantPlugin, "position", position)
    replace = settings is not None
    await _change("set_plugin", slug, enabled=enabled, settings=settings, replace=replace, position=position)


async def reorder_plugins(slugs: Sequence[str]) -> None:
    """Put the tenant's plugins into an order: those named first, then the others as they were.

    Raises:
        PluginNotInstalled: one is neither usable nor known to the tenant. PermissionDenied.
        InvalidInput: one is named twice.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if twice:
        message = f"slugs: {', '.join(twice)} named more than once."
        raise InvalidInput([Problem("slugs", "NAMED_TWICE", message, "Name each plugin once.")])
    async with writing("reorder_plugins") as journal:
        new = set()
        for slug in sorted(slugs):
            if not await TenantPlugin.filter(slug=slug).exists() and await _ensure_row(usable_plugin(slug), journal):
                new.add(slug)
        # In the order of their slugs, so that two who reorder never wait for each other in a circle.
        rows = await TenantPlugin.all().order_by("slug").select_for_update(no_key=True)
        known = {row.slug: row for row in rows}
        rest = sorted((row for row in rows if row.slug not in slugs), key=lambda row: (row.position, row.slug))
        for place, row in enumerate([*(known[slug] for slug in slugs), *rest]):
            await _write(row, {"position": place}, journal, created=row.slug in new)


async def _change(
    action: str,
    slug: str,
    *,
    enabled: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    replace: bool = False,
    position: int | None = None,
    version: int | None = None,
    create: bool = True,
) -> bool:
    """One change of the tenant's row of a plugin, under its lock. Returns: whether anything is different now."""
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    manifest = None if enabled is False and settings is None else usable_plugin(slug)
    async with writing(action) as journal:
        created = False
        row: TenantPlugin | None
        if manifest is not None and create:
            row, created = await lock_row(manifest, journal)
        else:
            row = await _locked(slug)
        if row is None:
            usable_plugin(slug)
            return False
        if not created and version is not None and version != row.version:
            raise VersionConflict(
                f"Plugin {slug} is at version {row.version}, the change was made on {version}.",
                hint="Read it again, look at what changed, and send the change with the new version.",
                current=row.version,
            )
        new: dict[str, Any] = {"enabled": enabled, "position": position}
        new = {name: value for name, value in new.items() if value is not None} | (RESUMED if enabled else {})
        if manifest is not None and (settings is not None or (enabled and not row.enabled)):
            new |= await _new_settings(manifest, row, settings or {}, replace=replace)
        return await _write(row, new, journal, created=created)


async def lock_row(manifest: PluginManifest, journal: Journal) -> tuple[TenantPlugin, bool]:
    """Lock the tenant's row of a plugin. Returns: the row, and whether it was made for this."""
    while True:
        created = await _ensure_row(manifest, journal)
        row = await _locked(manifest.slug)
        # Another transaction may purge it while we wait for the lock.
        if row is not None:
            return row, created


async def _locked(slug: str) -> TenantPlugin | None:
    return await TenantPlugin.filter(slug=slug).select_for_update(no_key=True).get_or_none()


async def _ensure_row(manifest: PluginManifest, journal: Journal) -> bool:
    """Make the tenant's row of a plugin, last in its order. Returns: whether there was none."""
    last = await TenantPlugin.all().order_by("-position").first()
    _, created = await TenantPlugin.get_or_create(
        slug=manifest.slug,
        defaults={
            "tenant_id": journal.actor.tenant_id,
            "position": 0 if last is None else last.position + 1,
            "settings_version": manifest.settings_version,
        },
    )
    return created


async def _new_settings(
    manifest: PluginManifest, row: TenantPlugin, given: Mapping[str, Any], *, replace: bool
) -> dict[str, Any]:
    """The columns of changed settings; refuses those that cannot be used."""
    tenant = await Tenant.get(id=current_tenant())
    now = read_settings(manifest, row.settings, row.settings_version, row.secrets, locale=tenant.locale)
    if now.value is None and now.problems and not replace and _cannot_be_patched(now.problems):
        if now.version > manifest.settings_version:
            raise PluginSettingsNewer(now.problems[0].message, hint=now.problems[0].hint, plugin=manifest.slug)
        raise InvalidInput(now.problems)
    changed = change_settings(manifest, now, given, replace=replace, locale=tenant.locale)
    if not isinstance(changed, NewSettings):
        raise InvalidInput(changed)
    old = now.value if row.settings else None
    ctx = await tenant_context()
    found = await current_host().validate_settings(ctx, manifest.slug, old=old, new=changed.value)
    if found:
        raise InvalidInput([dataclasses.replace(one, field=f"settings.{one.field}") for one in found])
    columns: dict[str, Any] = {"settings_version": manifest.settings_version}
    # Sets are written in any order: the same values are no change.
    if now.value is None or now.upgraded or changed.value != now.value or not row.settings:
        columns["settings"] = changed.data
    if changed.changed_secrets:
        columns["secrets"] = changed.secrets
    elif now.upgraded:
        columns["secrets"] = dict(now.secrets)
    return columns


def _cannot_be_patched(problems: Sequence[Problem]) -> bool:
    return any(problem.code in ("SETTINGS_NEWER", "UPGRADE_FAILED") for problem in problems)


def _wanted_events(slug: str) -> tuple[str, ...]:
    manifest = current_host().manifests.get(slug)
    return manifest.events if manifest is not None else ()


async def _write(row: TenantPlugin, new: Mapping[str, Any], journal: Journal, *, created: bool) -> bool:
    """Write what is different, with its audit entry and events. Returns: whether anything was."""
    different = {name: value for name, value in new.items() if getattr(row, name) != value}
    if not different and not created:
        return False
    before = {name: getattr(row, name) for name in different if name != "secrets"}
    after = {name: value for name, value in different.items() if name != "secrets"}
    if "secrets" in different:
        # Which secrets changed is told, never their values: not even sealed ones leave the row.
        names = {name for name in {*row.secrets, *new["secrets"]} if row.secrets.get(name) != new["secrets"].get(name)}
        after["secrets"] = dict.fromkeys(sorted(names), "changed")
    row.update_from_dict(different)
    row.version += 0 if created else 1
    await row.save(update_fields=[*different, "version", "updated_at"])
    if created:
        after |= {"position": row.position}
    journal.record(ENTITY, row.id, before=None if created else before, after={"slug": row.slug, **after})
    if created or "enabled" in different:
        await set_subscriber("plugin", row.slug, _wanted_events(row.slug), active=row.enabled)
    if "enabled" in different:
        await schedule_plugin(journal, row.slug, enabled=row.enabled)
        journal.emit("PluginEnabled" if row.enabled else "PluginDisabled", ENTITY, row.id, {"slug": row.slug})
    if different.keys() & {"settings", "secrets", "settings_version"}:
        journal.emit("PluginSettingsUpdated", ENTITY, row.id, {"slug": row.slug})
    return True
