"""The benchmark: jobs a second, without kills and with them, and what it costs to put a job into the queue."""

from __future__ import annotations

import argparse
import asyncio
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable

from rich.table import Table

from benchmarks.jobs.race import Race, race
from benchmarks.output import console
from evenhand.actions.journal import writing
from evenhand.actions.records import create_record
from evenhand.db.session import open_database
from evenhand.jobs import enqueue
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.server import temporary_database

WRITERS = 8
WRITES = 200


class NotExact(Exception):
    """A job was lost, or an effect is there twice."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    group = parser.add_argument_group("jobs")
    group.add_argument("--jobs", type=int, default=10_000, help="how many jobs")
    group.add_argument("--kills", type=int, default=20, help="how many workers are killed meanwhile")
    group.add_argument("--seed", type=int, default=1, help="which workers are killed, and when")
    group.add_argument("--workers", type=int, default=2, help="worker processes at once")


async def run(options: Namespace) -> Table:
    """Measure. Returns: a table with a column for each round.

    Raises:
        NotExact: a job was lost, or an effect is there twice.
    """
    rounds: list[Race] = []
    async with temporary_database("bench_jobs") as config, open_database(config):
        for kills in (0, options.kills):
            console.print(f"{options.jobs:,} jobs, {kills} kills …")
            rounds.append(
                await race(
                    config,
                    await make_tenant(),
                    jobs=options.jobs,
                    kills=kills,
                    seed=options.seed,
                    workers=options.workers,
                )
            )
        console.print(await _writes(await make_tenant()))
    table = Table(
        "", *(f"{one.kills} kills" for one in rounds), title=f"{options.jobs:,} jobs, {options.workers} workers"
    )
    for name, show in _ROWS.items():
        table.add_row(name, *(show(one) for one in rounds))
    if not all(one.exact for one in rounds):
        console.print(table)
        raise NotExact("A job was lost, or an effect is there twice.")
    return table


_ROWS: dict[str, Callable[[Race], str]] = {
    "seconds": lambda one: f"{one.seconds:.1f}",
    "jobs/s": lambda one: f"{one.per_second:,.0f}",
    "put into the queue, jobs/s": lambda one: f"{one.enqueued_per_second:,.0f}",
    "done": lambda one: f"{one.done:,}",
    "begun more than once": lambda one: f"{one.begun_again:,}",
    "effects expected": lambda one: f"{one.expected:,}",
    "effects there": lambda one: f"{one.effects:,}",
    "there more than once": lambda one: f"{one.doubled:,}",
    "left in the queue": lambda one: f"{one.left:,}",
}


async def _writes(tenant: SomeTenant) -> Table:
    """What a job costs the write that wants it done; several writers at once, since notifications stand in line."""

    async def plain(number: int) -> None:
        await create_record("Account", {"name": f"A{number}"})

    async def with_job(number: int) -> None:
        async with writing("create_account"):
            await create_record("Account", {"name": f"A{number}"})
            await enqueue("housekeeping", {}, title="A job")

    table = Table("Write", "writes/s", title=f"Creating an account, {WRITERS} writers at once")
    for name, work in (("without a job", plain), ("with a job", with_job), ("without a job, again", plain)):
        table.add_row(name, f"{await _rate(tenant, work):,.0f}")
    return table


async def _rate(tenant: SomeTenant, work: Callable[[int], Awaitable[None]]) -> float:
    async def writer() -> None:
        with acting_as(tenant.system):
            for number in range(WRITES):
                await work(number)

    started = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    return WRITERS * WRITES / (time.perf_counter() - started)
