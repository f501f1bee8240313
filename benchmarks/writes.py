"""Creating and assigning leads: one at a time against set-based, in one run on one database."""

from __future__ import annotations

import statistics
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from rich.table import Table

from evenhand.actions.assignment import assign_records
from evenhand.actions.journal import writing
from evenhand.actions.plugins import set_plugin
from evenhand.actions.records import create_record, create_records
from evenhand.db.session import open_database
from evenhand.entities.registry import entity
from evenhand.tenancy.context import acting_as
from evenhand.testing import make_tenant
from evenhand.testing.server import temporary_database

REPS = 80
LEADS = 1000
ROUNDS = 3

Work = Callable[[], Awaitable[object]]


def _draft(number: int) -> dict[str, object]:
    return {"name": f"客户 {number}", "company": f"Company {number}", "region": "East", "value_estimate": number}


async def _create_singly() -> list[UUID]:
    return [await create_record("lead", _draft(number)) for number in range(LEADS)]


async def _create_together() -> list[UUID]:
    async with writing("create_leads") as journal:
        return await create_records(entity("lead"), [_draft(number) for number in range(LEADS)], journal=journal)


async def _assign_singly(ids: list[UUID]) -> None:
    for lead in ids:
        await assign_records("lead", [lead])


async def _seconds(work: Work) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def run(options: Namespace) -> Table:
    """Measure and compare. Returns: a table of leads per second, medians of three rounds, with ratios."""
    figures: dict[str, list[float]] = {}

    async def note(name: str, work: Work) -> None:
        figures.setdefault(name, []).append(LEADS / await _seconds(work))

    async with temporary_database("bench") as config, open_database(config):
        tenant = await make_tenant()
        with acting_as(tenant.system):
            async with writing("create_users") as journal:
                reps = [{"name": f"Rep {number}"} for number in range(REPS - 1)]
                await create_records(entity("user"), reps, journal=journal)
            await set_plugin("assignment", enabled=True)
            for _ in range(ROUNDS):
                await note("create one at a time", _create_singly)
                await note("create 1,000 at once", _create_together)
                batch, singles = await _create_together(), await _create_together()
                await note("assign one at a time", partial(_assign_singly, singles))
                await note("assign 1,000 at once", partial(assign_records, "lead", batch))
    table = Table("What", "leads/s", "ratio", title=f"{LEADS:,} leads, {REPS} reps, with journal, ledger and verdicts")
    medians = {name: statistics.median(values) for name, values in figures.items()}
    for name, value in medians.items():
        base = medians[f"{name.split()[0]} one at a time"]
        table.add_row(name, f"{value:,.0f}", f"{value / base:.1f}")
    return table
