"""`evenhand duplicates`: make the keys by which duplicates are found anew."""

from __future__ import annotations

import typer

from evenhand.actions.duplicates.keys import rebuild_keys
from evenhand.cli.runtime import TenantOption, console, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import acting_as


def register(app: typer.Typer) -> None:
    """Add the commands."""
    duplicates = typer.Typer(help="The keys by which duplicates are found.", no_args_is_help=True)
    duplicates.callback()(_group)
    duplicates.command("rebuild")(rebuild)
    app.add_typer(duplicates, name="duplicates")


def _group() -> None:
    """The keys by which duplicates are found."""


def rebuild(tenant: str = TenantOption) -> None:
    """Make all keys of a tenant anew: once after an upgrade that adds them. People can go on working."""

    async def work(_: DatabaseConfig) -> int:
        with acting_as(await tenant_actor(tenant)):
            return await rebuild_keys()

    console.print(f"The keys of {run(work):,} records are up to date.")
