"""`evenhand reclaim`: what the next run takes, and a run at once."""

from __future__ import annotations

from datetime import date, datetime

import typer
from rich.table import Table

from evenhand.actions.reclaims.reclaiming import reclaim_batch
from evenhand.cli.runtime import TenantOption, console, errors, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.ownership.clocks.due import MOST, Due, reclaim_preview
from evenhand.ownership.clocks.reading import OWNABLE
from evenhand.ownership.clocks.wording import explain
from evenhand.tenancy.context import acting_as


def register(app: typer.Typer) -> None:
    """Add the commands."""
    reclaim = typer.Typer(help="Records that go back to their pools.", no_args_is_help=True)
    reclaim.callback()(_group)
    reclaim.command("preview")(preview)
    reclaim.command("run")(run_now)
    app.add_typer(reclaim, name="reclaim")


def _group() -> None:
    """Records that go back to their pools."""


def preview(
    tenant: str = TenantOption,
    on: datetime | None = typer.Option(None, formats=["%Y-%m-%d"], help="The day of the run; now when left out."),
    first: int = typer.Option(50, min=0, max=MOST, help="So many are listed; all are counted."),
    language: str = typer.Option("en", help="Language of the reasons: en or zh."),
) -> None:
    """Show what a run would take, and why; nothing is changed."""
    day: date | None = None if on is None else on.date()

    async def work(_: DatabaseConfig) -> Due:
        with acting_as(await tenant_actor(tenant)):
            return await reclaim_preview(day, first=first)

    due = run(work)
    table = Table(title=f"{due.count:,} records go back until {due.moment:%Y-%m-%d %H:%M} UTC", title_justify="left")
    for heading in ("record", "name", "since", "why"):
        table.add_column(heading, overflow="fold")
    for name, held in due.records:
        if held.deadline is not None:
            why = explain(held.deadline)["zh" if language.startswith("zh") else "en"]
            table.add_row(f"{name} {held.record_id}", held.name, f"{held.held_since:%Y-%m-%d}", why)
    console.print(table)


def run_now(tenant: str = TenantOption) -> None:
    """Take back what is due at once, as the daily run does."""

    async def work(_: DatabaseConfig) -> tuple[int, int]:
        taken = kept = 0
        with acting_as(await tenant_actor(tenant)):
            for name in OWNABLE:
                one = await reclaim_batch(name)
                taken, kept = taken + len(one.taken), kept + one.kept
                while one.after is not None:
                    one = await reclaim_batch(name, one.after)
                    taken, kept = taken + len(one.taken), kept + one.kept
        return taken, kept

    taken, kept = run(work)
    console.print(f"{taken:,} records went back.")
    if kept:
        errors.print(f"{kept:,} more were due, but something holds them back.")
