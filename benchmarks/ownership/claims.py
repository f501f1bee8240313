"""Claims: how many single records a second 16 reps get out of a pool, all limits, ledger, audit and events included."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from argparse import Namespace
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psutil
from rich.table import Table

from evenhand.actions.bulk import create_many
from evenhand.actions.pools.claims import claim_records
from evenhand.actions.pools.items import ClaimStatus
from evenhand.actions.records import create_record
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.db.session import open_database
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.queries import watch_statements
from evenhand.testing.server import temporary_database

REPS = 16
CLAIMS = 4000
WARM = 8
"""So many claims a process makes before it is measured."""
LIMITS = {"freeze_days": 3, "cool_down_days": 30, "claims_per_day": 1000, "holding_cap": 1000}


@dataclass(frozen=True)
class Measured:
    """Of one run; milliseconds of processor time are those of one claim."""

    a_second: float
    statements: int
    python_ms: float
    postgres_ms: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    group = parser.add_argument_group("claims")
    group.add_argument("--claim-processes", type=int, default=1, help="processes that claim at the same time")


async def _setup(tenant: SomeTenant, limits: dict[str, int]) -> tuple[list[UUID], list[UUID]]:
    with acting_as(tenant.system):
        pool = await create_record("Pool", {"name": "Pool"})
        await create_record("PoolRule", {"name": "All", "pool_id": pool, "entity": "Lead", **limits})
        reps = await create_many("User", [{"name": f"Rep {number}", "role": "rep"} for number in range(REPS)])
        leads: list[UUID] = []
        for start in range(0, CLAIMS, 1000):
            drafts = [
                {
                    "name": f"Lead {number}",
                    "company": f"Firm {number} Ltd",
                    "email": f"lead{number}@firm{number}.example",
                    "phone": f"+86 138 {number:08d}",
                    "pool_id": pool,
                }
                for number in range(start, start + 1000)
            ]
            leads += [one.record_id for one in await create_many("Lead", drafts) if one.record_id is not None]
    return [one.record_id for one in reps if one.record_id is not None], leads


async def _work(tenant_id: UUID, reps: list[UUID], leads: list[UUID]) -> None:
    waiting = iter(leads)

    async def work(rep: UUID) -> None:
        with acting_as(Actor(tenant_id=tenant_id, user_id=rep, role=Role.REP, via="benchmark")):
            for lead in waiting:
                (item,) = await claim_records("Lead", [lead])
                if item.status is not ClaimStatus.CLAIMED:
                    raise RuntimeError(f"a claim did not get its record: {item.error}")

    await asyncio.gather(*(work(rep) for rep in reps))


def _process(
    config: DatabaseConfig, tenant_id: UUID, reps: list[UUID], leads: list[UUID], steps: Any, results: Any
) -> None:
    """One process that claims, when all others are ready."""

    async def run() -> None:
        async with open_database(config, everywhere=True):
            await _work(tenant_id, reps, leads[:WARM])
            with watch_statements(frame=True) as seen:
                await _work(tenant_id, reps[:1], leads[WARM : WARM + 1])
            await asyncio.to_thread(steps.wait)
            processor = time.process_time()
            await _work(tenant_id, reps, leads[WARM + 1 :])
            results.put((time.process_time() - processor, len(seen)))
            await asyncio.to_thread(steps.wait)
            await asyncio.to_thread(steps.wait)

    try:
        asyncio.run(run())
    except BaseException:
        steps.abort()
        raise


async def _of_postgres(config: DatabaseConfig) -> float:
    """Seconds of processor time that the connections to the database have used; zero for a server elsewhere."""
    connection = await connect(config)
    try:
        rows = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    finally:
        await connection.close()
    seconds = 0.0
    for row in rows:
        with suppress(psutil.Error):
            times = psutil.Process(row["pid"]).cpu_times()
            seconds += times.user + times.system
    return seconds


async def _measure(config: DatabaseConfig, limits: dict[str, int], processes: int) -> Measured:
    tenant = await make_tenant()
    reps, leads = await _setup(tenant, limits)
    context = multiprocessing.get_context("spawn")
    steps, results = context.Barrier(processes + 1), context.Queue()
    workers = [
        context.Process(
            target=_process,
            args=(config, tenant.id, reps[part::processes], leads[part::processes], steps, results),
            daemon=True,
        )
        for part in range(processes)
    ]
    for worker in workers:
        worker.start()
    # Ready when the last one is: then the clock runs until the last one has claimed its share.
    while steps.n_waiting < processes:
        if steps.broken:
            raise RuntimeError("a process that claims has failed")
        await asyncio.sleep(0.05)
    before = await _of_postgres(config)
    started = time.perf_counter()
    await asyncio.to_thread(steps.wait)
    await asyncio.to_thread(steps.wait)
    seconds = time.perf_counter() - started
    used = await _of_postgres(config) - before
    found = [results.get() for _ in workers]
    await asyncio.to_thread(steps.wait)
    for worker in workers:
        worker.join()
    done = CLAIMS - processes * (WARM + 1)
    return Measured(done / seconds, found[0][1], 1000 * sum(one[0] for one in found) / done, 1000 * used / done)


async def run(options: Namespace) -> Table:
    """Measure. Returns: claims a second, and what one costs."""
    processes = options.claim_processes
    named = "one process" if processes == 1 else f"{processes} processes"
    table = Table(
        "Claims",
        "a second",
        "statements",
        "Python, ms",
        "PostgreSQL, ms",
        title=f"Single claims by {REPS} reps, {named}",
        title_justify="left",
    )
    async with temporary_database("claims") as config, open_database(config, everywhere=True):
        for name, limits in (("without limits", {}), ("with freeze, cool-down, daily limit and cap", LIMITS)):
            found = await _measure(config, limits, processes)
            table.add_row(
                name,
                f"{found.a_second:,.0f}",
                str(found.statements),
                f"{found.python_ms:.2f}",
                f"{found.postgres_ms:.2f}",
            )
    return table
