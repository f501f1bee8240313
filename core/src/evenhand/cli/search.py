"""`evenhand search`: make what searches look through anew."""

from __future__ import annotations

import typer
from rich.progress import Progress, TaskID, TextColumn

from evenhand.actions.search import rebuild_search
from evenhand.cli.runtime import TenantOption, console, errors, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import acting_as


def register(app: typer.Typer) -> None:
    """Add the commands."""
    search = typer.Typer(help="What searches look through.", no_args_is_help=True)
    search.callback()(_group)
    search.command("reindex")(reindex)
    app.add_typer(search, name="search")


def _group() -> None:
    """What searches look through."""


def reindex(tenant: str = TenantOption) -> None:
    """Make all search entries of a tenant anew: once after an upgrade that adds them. People can go on working."""

    async def work(_: DatabaseConfig) -> int:
        columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"))
        with acting_as(await tenant_actor(tenant)), Progress(*columns, console=errors, transient=True) as bar:
            tasks: dict[str, TaskID] = {}

            def show(entity: str, more: int) -> None:
                if entity not in tasks:
                    tasks[entity] = bar.add_task(entity, total=None)
                bar.advance(tasks[entity], more)

            return await rebuild_search(progress=show)

    console.print(f"{run(work):,} records can be searched.")
