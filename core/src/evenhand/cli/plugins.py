"""`evenhand plugin`: what is installed, and what a tenant has enabled."""

from __future__ import annotations

import json
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from evenhand.actions.plugins import set_plugin
from evenhand.cli import authoring
from evenhand.cli.runtime import TenantOption, console, readable_errors, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.errors import InvalidInput, Problem
from evenhand.plugins.host import PluginHost
from evenhand.plugins.loader import installed_plugins
from evenhand.plugins.models import PluginState, TenantPlugin
from evenhand.tenancy.context import acting_as


def register(app: typer.Typer) -> None:
    """Add the commands."""
    plugin = typer.Typer(help="Plugins: installed for all, enabled per tenant.", no_args_is_help=True)
    plugin.command("list")(plugin_list)
    plugin.command("enable")(plugin_enable)
    plugin.command("disable")(plugin_disable)
    authoring.register(plugin)
    app.add_typer(plugin, name="plugin")


def plugin_list(
    tenant: str | None = typer.Option(None, "--tenant", "-t", envvar="EVENHAND_TENANT", help="Slug of a tenant."),
) -> None:
    """List installed plugins, the broken ones with their error, and what a tenant has enabled."""

    async def states(_: DatabaseConfig) -> dict[str, str]:
        if tenant is None:
            return {}
        with acting_as(await tenant_actor(tenant)):
            async with reading():
                rows = await TenantPlugin.all()
        return {row.slug: _state(row) for row in rows}

    per_tenant = run(states) if tenant is not None else {}
    host = PluginHost(installed_plugins())
    table = Table("Plugin", "Distribution", "State", box=None)
    for plugin in installed_plugins():
        failure = host.failures.get(plugin.name)
        usable = per_tenant.get(plugin.name, "not enabled") if tenant is not None else "installed"
        table.add_row(plugin.name, plugin.distribution, f"[red]{escape(failure)}[/red]" if failure else usable)
    console.print(table)


def _state(row: TenantPlugin) -> str:
    if row.state is PluginState.ENABLED:
        return f"enabled, position {row.position}"
    if row.state is PluginState.SUSPENDED:
        return f"[red]suspended[/red] since {row.suspended_at:%Y-%m-%d %H:%M} UTC: {escape(row.reason or '')}"
    return row.state.value


_SETTINGS_HINT = "Give an object such as '{\"percent\": 5}'."


def _settings(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"settings: not JSON at character {error.pos + 1}: {error.msg}."
        raise InvalidInput(
            [Problem("settings", "BAD_JSON", message, "Give an object such as '{\"percent\": 5}'.")]
        ) from error
    if not isinstance(data, dict):
        message = f"settings: {text} is not an object."
        raise InvalidInput([Problem("settings", "WRONG_TYPE", message, _SETTINGS_HINT)])
    return data


def plugin_enable(
    slug: str = typer.Argument(help="The plugin's name."),
    tenant: str = TenantOption,
    settings: str | None = typer.Option(None, help="Its settings as a JSON object; checked before they are kept."),
    position: int | None = typer.Option(None, min=0, help="Place in the tenant's order, lowest first."),
) -> None:
    """Enable a plugin for a tenant, effective at once."""
    with readable_errors():
        data = _settings(settings)

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await set_plugin(slug, enabled=True, settings=data, position=position)

    run(main)
    console.print(f"{slug} is enabled for {tenant}.", highlight=False)


def plugin_disable(slug: str = typer.Argument(help="The plugin's name."), tenant: str = TenantOption) -> None:
    """Disable a plugin for a tenant; its data and settings stay."""

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await set_plugin(slug, enabled=False)

    run(main)
    console.print(f"{slug} is disabled for {tenant}.", highlight=False)
