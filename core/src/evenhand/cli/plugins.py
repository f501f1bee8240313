"""`evenhand plugin`: what is installed, and how a tenant has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from evenhand.actions.plugins import (
    disable_plugin,
    reorder_plugins,
    set_plugin,
    update_plugin_settings,
    upgrade_plugin_settings,
)
from evenhand.cli import authoring, purging
from evenhand.cli.runtime import TenantOption, console, readable_errors, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.errors import InvalidInput, Problem
from evenhand.plugins.host import current_host
from evenhand.plugins.loader import installed_plugins
from evenhand.plugins.overview import PluginCondition, PluginView, plugin_views
from evenhand.plugins.presentation import settings_schema
from evenhand.tenancy.context import acting_as

SlugArgument = typer.Argument(help="The plugin's name.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    plugin = typer.Typer(help="Plugins: installed for all, enabled per tenant.", no_args_is_help=True)
    commands: Mapping[str, Callable[..., None]] = {
        "list": plugin_list,
        "show": plugin_show,
        "enable": plugin_enable,
        "disable": plugin_disable,
        "configure": plugin_configure,
        "order": plugin_order,
        "upgrade": plugin_upgrade,
        "purge": purging.plugin_purge,
    }
    for name, command in commands.items():
        plugin.command(name)(command)
    authoring.register(plugin)
    app.add_typer(plugin, name="plugin")


def _views(tenant: str) -> list[PluginView]:
    async def main(_: DatabaseConfig) -> list[PluginView]:
        with acting_as(await tenant_actor(tenant)):
            return await plugin_views()

    return run(main)


def plugin_list(
    tenant: str | None = typer.Option(None, "--tenant", "-t", envvar="EVENHAND_TENANT", help="Slug of a tenant."),
) -> None:
    """List installed plugins, the broken ones with their error, and what a tenant has enabled."""
    table = Table("Plugin", "Distribution", "State", box=None)
    if tenant is not None:
        for view in _views(tenant):
            table.add_row(view.slug, f"{view.distribution} {view.release}".strip(), _state(view))
    else:
        host = current_host()
        for plugin in installed_plugins():
            failure = host.failures.get(plugin.name)
            table.add_row(plugin.name, plugin.distribution, f"[red]{escape(failure)}[/red]" if failure else "installed")
    console.print(table)


def _state(view: PluginView) -> str:
    if view.state is PluginCondition.ENABLED:
        return f"enabled, position {view.position}"
    if view.state is PluginCondition.DISABLED:
        return "not enabled" if view.version is None else "disabled"
    if view.suspended_at is not None:
        return f"[red]suspended[/red] since {view.suspended_at:%Y-%m-%d %H:%M} UTC: {escape(view.problem or '')}"
    word = view.state.value.replace("_", " ")
    return f"[red]{word}[/red]: {escape(view.problem or '')}"


def plugin_show(slug: str = SlugArgument, tenant: str = TenantOption) -> None:
    """Show a plugin: what it does, its state for the tenant, and every setting with its help."""
    view = next((one for one in _views(tenant) if one.slug == slug), None)
    if view is None:
        names = ", ".join(sorted(plugin.name for plugin in installed_plugins())) or "none"
        console.print(f"[red]There is no plugin {escape(slug)}.[/red] Installed: {names}.", highlight=False)
        raise typer.Exit(1)
    language = "en"
    console.print(f"[bold]{escape(view.words('title', language))}[/bold] ({slug}): {_state(view)}", highlight=False)
    console.print(escape(view.words("description", language)), highlight=False)
    console.print(f"Package: {view.distribution} {view.release}".rstrip(), highlight=False)
    for permission in view.manifest.permissions if view.manifest else ():
        console.print(f"- {escape(permission)}", highlight=False)
    if view.hooks:
        console.print(f"Hooks: {', '.join(view.hooks)}", highlight=False)
    if view.manifest is not None and view.manifest.settings is not None:
        console.print(_settings_table(view, settings_schema(view.manifest, language) or {}))


def _settings_table(view: PluginView, schema: Mapping[str, Any]) -> Table:
    table = Table("Setting", "Value", "What it does", box=None)
    data = view.read.data if view.read is not None else {}
    for name, about in schema.get("properties", {}).items():
        if name in view.secrets:
            value = "(set, secret)" if view.secrets[name] else "(not set, secret)"
        elif name in data:
            value = json.dumps(data[name], ensure_ascii=False)
        else:
            value = f"(default) {json.dumps(about.get('default'), ensure_ascii=False)}"
        table.add_row(name, escape(value), escape(f"{about.get('title', '')}: {about.get('description', '')}"))
    return table


_SETTINGS_HINT = "Give an object such as '{\"percent\": 5}'."


def _settings(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"settings: not JSON at character {error.pos + 1}: {error.msg}."
        raise InvalidInput([Problem("settings", "BAD_JSON", message, _SETTINGS_HINT)]) from error
    if not isinstance(data, dict):
        message = f"settings: {text} is not an object."
        raise InvalidInput([Problem("settings", "WRONG_TYPE", message, _SETTINGS_HINT)])
    return data


def _assigned(pairs: list[str]) -> dict[str, Any]:
    """`name=value` pairs; a value that is no JSON is a text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name:
            message = f"set: {pair!r} is not name=value."
            raise InvalidInput([Problem("set", "NO_VALUE", message, "Write it as --set percent=6.")])
        try:
            found[name] = json.loads(text)
        except json.JSONDecodeError:
            found[name] = text
    return found


def plugin_enable(
    slug: str = SlugArgument,
    tenant: str = TenantOption,
    settings: str | None = typer.Option(None, help="All its settings as a JSON object; checked before they are kept."),
    position: int | None = typer.Option(None, min=0, help="Place in the tenant's order, lowest first."),
) -> None:
    """Enable a plugin for a tenant, effective at once; a suspended one starts afresh."""
    with readable_errors():
        data = _settings(settings)

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await set_plugin(slug, enabled=True, settings=data, position=position)

    run(main)
    console.print(f"{slug} is enabled for {tenant}.", highlight=False)


def plugin_disable(slug: str = SlugArgument, tenant: str = TenantOption) -> None:
    """Disable a plugin for a tenant; its data and settings stay."""

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await disable_plugin(slug)

    run(main)
    console.print(f"{slug} is disabled for {tenant}.", highlight=False)


def plugin_configure(
    slug: str = SlugArgument,
    tenant: str = TenantOption,
    assigned: list[str] = typer.Option([], "--set", help="A setting as name=value; the value as JSON or a text."),
    settings: str | None = typer.Option(None, help="Settings as a JSON object."),
    secret: list[str] = typer.Option([], help="Name of a secret setting; its value is asked for and not shown."),
    replace: bool = typer.Option(False, help="These are all settings; others go back to their defaults."),
) -> None:
    """Change settings of a plugin; those that are not named stay. Null puts a setting back to its default."""
    with readable_errors():
        given = {**(_settings(settings) or {}), **_assigned(assigned)}
    for name in secret:
        # Not an argument: the shell would keep it, and other users of the machine could see it.
        given[name] = typer.prompt(name, hide_input=True, err=True)

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await update_plugin_settings(slug, given, replace=replace)

    run(main)
    console.print(f"The settings of {slug} are kept for {tenant}.", highlight=False)


def plugin_order(
    slugs: list[str] = typer.Argument(help="Who is asked first, in order; the others follow as they were."),
    tenant: str = TenantOption,
) -> None:
    """Put a tenant's plugins into an order."""

    async def main(_: DatabaseConfig) -> list[PluginView]:
        with acting_as(await tenant_actor(tenant)):
            await reorder_plugins(slugs)
            return await plugin_views()

    order = [view.slug for view in run(main) if view.version is not None]
    console.print(f"{tenant}: {', '.join(order)}", highlight=False)


def plugin_upgrade(slug: str = SlugArgument, tenant: str = TenantOption) -> None:
    """Store a tenant's settings at the installed plugin's version; they are read so anyway."""

    async def main(_: DatabaseConfig) -> bool:
        with acting_as(await tenant_actor(tenant)):
            return await upgrade_plugin_settings(slug)

    changed = run(main)
    console.print("The settings are upgraded." if changed else "The settings are up to date.", highlight=False)
