"""`evenhand handover`: plan, look at, execute, undo and cancel hand-overs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import cancel_handover, plan_handover
from evenhand.actions.handovers.preview import preview_handover
from evenhand.actions.handovers.undoing import undo_handover
from evenhand.cli.accounts import find_user
from evenhand.cli.runtime import TenantOption, console, run, tenant_actor
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.entities import User
from evenhand.entities.enums import HandoverMethod
from evenhand.ownership.handovers.reading import ENTITIES
from evenhand.ownership.handovers.rules import Step
from evenhand.ownership.models import Pool
from evenhand.tenancy.context import acting_as

_ID = typer.Argument(help="Id of the hand-over, as 'evenhand handover plan' prints it.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    handovers = typer.Typer(help="Hand a leaver's or mover's book over.", no_args_is_help=True)
    for name, command in (
        ("plan", handover_plan),
        ("show", handover_show),
        ("execute", handover_execute),
        ("undo", handover_undo),
        ("cancel", handover_cancel),
    ):
        handovers.command(name)(command)
    app.add_typer(handovers, name="handover")


def handover_plan(
    tenant: str = TenantOption,
    user: str = typer.Option(..., "--from", help="Who hands over: name, e-mail or id."),
    to: list[str] = typer.Option([], help="Among whom; repeat for several. By default those in the same team."),
    policy: str | None = typer.Option(None, help="Let this policy of a plugin decide, as plugin:name."),
    collaborators: bool = typer.Option(False, help="First to those who work on a record already."),
    entity: list[str] = typer.Option(list(ENTITIES), help="Only such records; repeat for several."),
    note: str | None = typer.Option(None, help="Why; kept in the ledger."),
    seed: int | None = typer.Option(None, help="For ties; random by default."),
    watch: bool = typer.Option(False, help="Who hands over stays as a watcher."),
) -> None:
    """Plan a hand-over by even books, or by a policy; nothing changes hands yet."""

    async def main(_: DatabaseConfig) -> tuple[UUID, Mapping[str, Any], Mapping[str, str]]:
        with acting_as(await tenant_actor(tenant)):
            heirs = tuple([await find_user(one) for one in to])
            method = HandoverMethod.POLICY if policy is not None else HandoverMethod.BALANCE
            steps = [Step(HandoverMethod.COLLABORATOR)] if collaborators else []
            steps += [Step(HandoverMethod.FOLLOW_ACCOUNT), Step(method, heirs, policy=policy)]
            plan = await plan_handover(
                await find_user(user), steps, entities=entity, note=note, seed=seed, keep_watching=watch
            )
            return plan, await preview_handover(plan), await _names()

    plan, shown, names = run(main)
    console.print(f"Hand-over {plan} is planned.", highlight=False)
    _print(shown, names)
    console.print(f"Next: evenhand handover execute {plan} --tenant {tenant}", highlight=False, soft_wrap=True)


def handover_show(handover: UUID = _ID, tenant: str = TenantOption) -> None:
    """Show the books before and after, and what stands against it."""

    async def main(_: DatabaseConfig) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        with acting_as(await tenant_actor(tenant)):
            return await preview_handover(handover), await _names()

    _print(*run(main))


def handover_execute(
    handover: UUID = _ID,
    tenant: str = TenantOption,
    override: str | None = typer.Option(None, help="Why limits may be passed over; kept in the ledger."),
) -> None:
    """Let the records change hands, all or nothing."""

    async def main(_: DatabaseConfig) -> str:
        with acting_as(await tenant_actor(tenant)):
            done = await execute_handover(handover, override=override)
            work = f"{done.tasks} open tasks and tickets"
            return f"{done.moved} records and {work} changed hands, {done.stale} were left alone."

    console.print(run(main), highlight=False)


def handover_undo(
    handover: UUID = _ID,
    tenant: str = TenantOption,
    pool: UUID | None = typer.Option(None, help="Id of the pool for records whose former owner cannot hold any."),
) -> None:
    """Give back what nobody moved since."""

    async def main(_: DatabaseConfig) -> str:
        with acting_as(await tenant_actor(tenant)):
            done = await undo_handover(handover, pool_id=pool)
            return f"{done.returned} records and {done.tasks} open tasks went back, {done.kept} were left alone."

    console.print(run(main), highlight=False)


def handover_cancel(handover: UUID = _ID, tenant: str = TenantOption) -> None:
    """Give up a draft."""

    async def main(_: DatabaseConfig) -> None:
        with acting_as(await tenant_actor(tenant)):
            await cancel_handover(handover)

    run(main)
    console.print("The hand-over is cancelled.")


async def _names() -> dict[str, str]:
    async with reading():
        users = {str(user.id): user.name for user in await User.all()}
        return users | {str(pool.id): f"{pool.name} (pool)" for pool in await Pool.all()}


def _money(book: Mapping[str, Any]) -> str:
    return ", ".join(f"{Decimal(amount):,.2f} {currency}" for currency, amount in book["values"].items()) or "0"


def _counts(book: Mapping[str, Any]) -> Sequence[str]:
    return [str(book["records"].get(name, 0)) for name in ENTITIES]


def _print(shown: Mapping[str, Any], names: Mapping[str, str]) -> None:
    table = Table("Who", "Book before", "Book after", "Accounts", "Leads", "Deals", "", box=None)
    for one in shown["holders"]:
        state = "cannot hold records" if not one["eligible"] else "away today" if one["absent"] else ""
        counts = zip(_counts(one["before"]), _counts(one["after"]), strict=True)
        cells = [names.get(one["user"] or one["pool"], "?"), _money(one["before"]), _money(one["after"])]
        table.add_row(*map(escape, [*cells, *(f"{old} > {new}" for old, new in counts), state]))
    console.print(table, highlight=False)
    console.print(
        f"{shown['moving']} records move, {shown['undecided']} stay, {shown['stale']} changed since, "
        f"{shown['tasks']} open tasks and {shown.get('tickets', 0)} open tickets go along.",
        highlight=False,
    )
    if shown.get("loose"):
        where = "go to the superior" if shown["loose_user"] else "stay"
        console.print(f"{shown['loose']} other open tasks and tickets {where}.", highlight=False)
    for one in shown["too_often"]:
        reason = f": {one['override_reason']}" if one["override_reason"] else ""
        said = f"{one['entity']} {one['record_id']} got another owner {one['changes']} times within a year{reason}"
        console.print(escape(said), highlight=False)
    for one in shown["refused"]:
        console.print(escape(f"{one['entity']} {one['record_id']}: {one['message']}"), highlight=False)
