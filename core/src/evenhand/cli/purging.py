"""`evenhand plugin purge`: remove what a plugin keeps, for one tenant or from the whole installation."""

from __future__ import annotations

from collections.abc import Mapping

import typer
from rich.table import Table

from evenhand.actions.plugins import usable_plugin
from evenhand.actions.purge import PluginStillEnabled, plugin_rows, purge_plugin
from evenhand.cli.runtime import console, readable_errors, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import migrate
from evenhand.db.session import reading
from evenhand.errors import InvalidInput, Problem
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import Actor, acting_as, system_actor
from evenhand.tenancy.directory import tenant_ids


def plugin_purge(
    slug: str = typer.Argument(help="The plugin's name."),
    tenant: str | None = typer.Option(None, "--tenant", "-t", envvar="EVENHAND_TENANT", help="Slug of the tenant."),
    all_tenants: bool = typer.Option(False, help="Of every tenant of this installation."),
    drop_tables: bool = typer.Option(False, help="With --all-tenants: also take the plugin's tables back."),
    dry_run: bool = typer.Option(False, help="Only tell what would be removed."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Remove what a disabled plugin keeps: its rows, settings and secrets. This cannot be undone."""
    with readable_errors():
        _check(tenant, all_tenants=all_tenants, drop_tables=drop_tables)

    async def look(_: DatabaseConfig) -> dict[str, int]:
        usable_plugin(slug)
        return await _count(slug, await _actors(tenant, all_tenants=all_tenants))

    counted = run(look)
    where = "all tenants" if all_tenants else str(tenant)
    _print(counted, f"{slug}, {where}")
    if dry_run:
        return
    if not yes:
        typer.confirm(f"Remove this for {where}? It cannot be undone.", abort=True, err=True)

    async def remove(config: DatabaseConfig) -> int:
        removed = 0
        for actor in await _actors(tenant, all_tenants=all_tenants):
            with acting_as(actor):
                removed += sum((await purge_plugin(slug)).values())
        if drop_tables:
            await migrate(config, targets=[(slug, "__first__")])
        return removed

    console.print(f"{run(remove)} rows are removed.", highlight=False)
    if drop_tables:
        console.print(
            f"The tables are gone. Uninstall the package now: evenhand migrate would make them again for {slug}.",
            highlight=False,
        )


def _check(tenant: str | None, *, all_tenants: bool, drop_tables: bool) -> None:
    if all_tenants == (tenant is not None):
        message = "tenant: name one tenant, or all of them."
        raise InvalidInput([Problem("tenant", "WHICH_TENANT", message, "Use --tenant SLUG or --all-tenants.")])
    if drop_tables and not all_tenants:
        message = "drop_tables: the tables are those of all tenants."
        raise InvalidInput([Problem("drop_tables", "TABLES_ARE_SHARED", message, "Add --all-tenants.")])


async def _actors(tenant: str | None, *, all_tenants: bool) -> list[Actor]:
    if not all_tenants and tenant is not None:
        return [await tenant_actor(tenant)]
    return [system_actor(one, via="cli") for one in await tenant_ids()]


async def _count(slug: str, actors: list[Actor]) -> dict[str, int]:
    """The rows by table; refuses before anything is asked when one of the tenants has the plugin enabled."""
    counted: dict[str, int] = {}
    enabled = 0
    for actor in actors:
        with acting_as(actor):
            for table, count in (await plugin_rows(slug)).items():
                counted[table] = counted.get(table, 0) + count
            async with reading():
                enabled += await TenantPlugin.filter(slug=slug, enabled=True).count()
    if enabled:
        raise PluginStillEnabled(
            f"Plugin {slug} is enabled for {enabled} tenant{'s' if enabled > 1 else ''}; nothing was removed.",
            hint=f"Disable it first: evenhand plugin disable {slug} --tenant SLUG",
        )
    return counted


def _print(counted: Mapping[str, int], title: str) -> None:
    table = Table("Table", "Rows", box=None, title=title, title_justify="left")
    for name, count in sorted(counted.items()):
        table.add_row(name, str(count))
    console.print(table if counted else f"{title}: there is nothing to remove.", highlight=False)
