"""`evenhand events`: what waits to be delivered, what could not be, and its replay."""

from __future__ import annotations

from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from evenhand.actions.deliveries import DeadLetter, Waiting, dead_letters, replay_dead_letters, subscribers_waiting
from evenhand.cli.runtime import TenantOption, console, readable_errors, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.errors import InvalidInput, Problem
from evenhand.tenancy.context import acting_as

_KIND = typer.Option(None, "--kind", help="Only subscribers of this kind: plugin, webhook or automation.")
_NAME = typer.Option(None, "--name", help="Only the subscriber of this name: a slug, an endpoint's id, rules.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    events = typer.Typer(help="Events: what waits to be delivered, and dead letters.", no_args_is_help=True)
    events.command("waiting")(events_waiting)
    events.command("dead")(events_dead)
    events.command("replay")(events_replay)
    app.add_typer(events, name="events")


def events_waiting(tenant: str = TenantOption) -> None:
    """List who subscribes to a tenant's events, and how many deliveries wait or are dead."""

    async def main(_: DatabaseConfig) -> list[Waiting]:
        with acting_as(await tenant_actor(tenant)):
            return await subscribers_waiting()

    table = Table("Kind", "Name", "State", "Waiting", "Dead", box=None)
    for one in run(main):
        state = "active" if one.active else "inactive"
        table.add_row(one.kind, escape(one.name), state, str(one.pending), str(one.dead))
    console.print(table)


def events_dead(
    tenant: str = TenantOption,
    kind: str | None = _KIND,
    name: str | None = _NAME,
    most: int = typer.Option(100, "--most", min=1, max=1000, help="How many at most."),
) -> None:
    """List events that a subscriber did not take, those that failed last first."""

    async def main(_: DatabaseConfig) -> list[DeadLetter]:
        with acting_as(await tenant_actor(tenant)):
            return await dead_letters(kind=kind, name=name, most=most)

    table = Table("Id", "Event", "Subscriber", "Attempts", "Last error", box=None)
    for one in run(main):
        error = escape((one.last_error or "")[:200])
        table.add_row(str(one.id), one.type, escape(f"{one.kind}:{one.name}"), str(one.attempts), error)
    console.print(table)


def events_replay(
    tenant: str = TenantOption,
    ids: list[str] | None = typer.Argument(None, help="Ids of dead letters."),
    kind: str | None = _KIND,
    name: str | None = _NAME,
) -> None:
    """Deliver dead letters again: those that are named, or all of one subscriber."""
    with readable_errors():
        chosen = [_id(text) for text in ids] if ids else None

    async def main(_: DatabaseConfig) -> int:
        subscriber = (kind or "", name or "") if kind is not None or name is not None else None
        with acting_as(await tenant_actor(tenant)):
            return await replay_dead_letters(chosen, subscriber=subscriber)

    console.print(f"{run(main)} will be delivered again.", highlight=False)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        hint = "Copy ids from `evenhand events dead`."
        raise InvalidInput([Problem("ids", "BAD_ID", f"{text!r} is no id.", hint)]) from error
