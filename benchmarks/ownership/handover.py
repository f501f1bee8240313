"""A book of 10,000 records: planned, previewed, handed over and taken back, each in one go."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Awaitable
from typing import Any, TypeVar
from uuid import UUID

from rich.table import Table

from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import plan_handover
from evenhand.actions.handovers.preview import preview_handover
from evenhand.actions.handovers.undoing import undo_handover
from evenhand.actions.journal import writing
from evenhand.actions.plugins import set_plugin
from evenhand.actions.records import create_records
from evenhand.db.session import open_database
from evenhand.entities.enums import HandoverMethod
from evenhand.entities.registry import entity
from evenhand.ownership.handovers.rules import Step
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.server import temporary_database

RECORDS = 10_000
HEIRS = 20
CHUNK = 1_000

T = TypeVar("T")


async def _fill(tenant: SomeTenant) -> UUID:
    """A leaver with 4,000 accounts, 4,000 deals and 2,000 leads, a task for every fifth. Returns: the leaver's id."""
    leaver = tenant.users[Role.REP]

    async def create(name: str, drafts: list[dict[str, Any]]) -> list[UUID]:
        made: list[UUID] = []
        for start in range(0, len(drafts), CHUNK):
            async with writing("fill") as journal:
                made += await create_records(entity(name), drafts[start : start + CHUNK], journal=journal)
        return made

    await create("User", [{"name": f"Heir {number}"} for number in range(HEIRS)])
    tiers = ("a", "b", "c")
    accounts = await create(
        "Account",
        [{"name": f"Account {n}", "tier": tiers[n % 3], "owner_id": leaver} for n in range(RECORDS * 4 // 10)],
    )
    deals = [
        {"name": f"Deal {n}", "account_id": account, "amount": 100 + n * 7 % 9_000, "owner_id": leaver}
        for n, account in enumerate(accounts)
    ]
    await create("Opportunity", deals)
    await create("Lead", [{"name": f"Lead {n}", "owner_id": leaver} for n in range(RECORDS * 2 // 10)])
    tasks = [{"subject": "Call", "account_id": account, "assignee_id": leaver} for account in accounts[::2]]
    await create("Task", tasks)
    return leaver


async def run(options: Namespace) -> Table:
    """Measure. Returns: a table of seconds."""
    table = Table(
        "What", "seconds", title=f"A book of {RECORDS:,} records with 2,000 open tasks, to {HEIRS} colleagues"
    )

    async def note(name: str, work: Awaitable[T]) -> T:
        started = time.perf_counter()
        found = await work
        table.add_row(name, f"{time.perf_counter() - started:.2f}")
        return found

    async with temporary_database("bench") as config, open_database(config):
        tenant = await make_tenant()
        with acting_as(tenant.system):
            leaver = await _fill(tenant)
            await set_plugin("assignment", enabled=True)
            for name, step in (
                ("balance by book value", Step(HandoverMethod.BALANCE)),
                ("by policy, in turns", Step(HandoverMethod.POLICY)),
            ):
                plan = await note(f"plan: {name}", plan_handover(leaver, [step]))
                await note("preview", preview_handover(plan))
                executed = await note("execute", execute_handover(plan))
                undone = await note("undo", undo_handover(plan))
                if (executed.moved, undone.returned) != (RECORDS, RECORDS):
                    raise RuntimeError(f"{executed.moved} moved and {undone.returned} came back, not {RECORDS}")
    return table
