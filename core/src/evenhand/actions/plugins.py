"""Enable, disable and configure plugins for the current tenant."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from evenhand.actions.journal import writing
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.errors import EvenhandError, InvalidInput, Problem
from evenhand.plugins.host import current_host
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import current_actor


class PluginNotInstalled(EvenhandError):
    """There is no usable plugin of this name in this installation."""

    code = "PLUGIN_NOT_INSTALLED"


def _checked_settings(slug: str, settings: dict[str, Any]) -> dict[str, Any]:
    try:
        model = current_host().check_settings(slug, settings)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            where = ".".join(str(part) for part in ("settings", *item["loc"]))
            problems.append(Problem(where, item["type"].upper(), f"{where}: {item['msg']}.", "Correct the setting."))
        raise InvalidInput(problems) from error
    if model is None and settings:
        message = f"settings: plugin {slug} has no settings."
        raise InvalidInput([Problem("settings", "NO_SETTINGS", message, "Leave the settings out.")])
    return {} if model is None else model.model_dump(mode="json")


async def set_plugin(
    slug: str, *, enabled: bool | None = None, settings: dict[str, Any] | None = None, position: int | None = None
) -> None:
    """Enable, disable, configure or move a plugin for the current tenant; effective at once.

    Args:
        settings: the whole settings; checked against the plugin's model. Disabling keeps them.
        position: place in the tenant's order, lowest first.

    Raises:
        PluginNotInstalled, InvalidInput, PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, "TenantPlugin")
    host = current_host()
    if slug not in host.manifests:
        why = f": {host.failures[slug]}" if slug in host.failures else "."
        names = ", ".join(sorted(host.manifests)) or "none"
        raise PluginNotInstalled(f"No usable plugin {slug!r} is installed{why}", hint=f"Installed: {names}.")
    if position is not None:
        position = require_value(TenantPlugin, "position", position)
    checked = _checked_settings(slug, settings) if settings is not None else None
    async with writing("set_plugin") as journal:
        _, created = await TenantPlugin.get_or_create(
            slug=slug,
            defaults={
                "tenant_id": journal.actor.tenant_id,
                "settings": checked if checked is not None else _checked_settings(slug, {}),
                "settings_version": host.manifests[slug].settings_version,
            },
        )
        row = await TenantPlugin.filter(slug=slug).select_for_update(no_key=True).get()
        wanted: dict[str, Any] = {"enabled": enabled, "settings": checked, "position": position}
        new = {name: value for name, value in wanted.items() if value is not None and getattr(row, name) != value}
        if not new and not created:
            return
        before = {name: getattr(row, name) for name in new}
        row.update_from_dict(new)
        row.version += 0 if created else 1
        await row.save()
        journal.record("TenantPlugin", row.id, before=before, after={"slug": slug, **new})
