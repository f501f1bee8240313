"""Sealing and verifying a long chain, and what the queue row costs those who write."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable

import asyncpg
from rich.table import Table

from benchmarks.output import console
from evenhand.actions.journal import writing
from evenhand.actions.records import create_record, create_records
from evenhand.audit.exporting import export_chain
from evenhand.audit.sealing import seal_entries
from evenhand.audit.verifying import verify_chain
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.db.session import open_database, raw_connection, transaction
from evenhand.entities.registry import entity
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.server import temporary_database

STATEMENT = 10_000
"""Entries that one statement writes."""
WRITERS, WRITES, BULK, ROUNDS = 4, 150, 5_000, 3
TRIGGERED = ("audit_entries", "ownership_entries")

# Every fifth entry is a line of the ledger.
_ENTRIES = """
INSERT INTO audit_entries (id, tenant_id, entity, record_id, action, before, after, user_id, via, occurred_at)
SELECT uuidv7(), $1, 'Lead', gen_random_uuid(), 'update_lead',
    jsonb_build_object('status', 'new', 'amount', n, 'next_step', '跟进 ' || n),
    jsonb_build_object('status', 'working', 'amount', n * 1.5, 'next_step', '报价 ' || n, 'name', '客户 ' || n),
    gen_random_uuid(), 'graphql', now() FROM generate_series(1, $2::int) AS n
"""
_LINES = """
INSERT INTO ownership_entries (id, tenant_id, entity, record_id, pool_id, started_at, reason, note, via)
SELECT uuidv7(), $1, 'Lead', gen_random_uuid(), (SELECT id FROM pools WHERE tenant_id = $1 LIMIT 1), now(),
    'released', 'note ' || n, 'graphql' FROM generate_series(1, $2::int) AS n
"""


class NotWhole(Exception):
    """The chain is broken."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    group = parser.add_argument_group("ownership: audit")
    group.add_argument("--audit-entries", type=int, default=500_000, help="how long the chain is")


async def run(options: Namespace) -> Table:
    """Measure. Returns: a table of figures per second.

    Raises:
        NotWhole: the chain is broken.
    """
    table = Table("What", "entries/s", title=f"A chain of {options.audit_entries:,} entries")
    async with temporary_database("bench_audit") as config, open_database(config):
        tenant = await make_tenant()
        with acting_as(tenant.system):
            await seal_entries()
            await _fill(tenant, options.audit_entries)
            await _analyze(config)
            for name, count in (
                ("seal", seal_entries),
                ("verify", _verify),
                ("verify again", _verify),
                ("export", _export),
            ):
                started = time.perf_counter()
                done = await count()
                table.add_row(name, f"{done / (time.perf_counter() - started):,.0f}")
        console.print(await _writes(config, await make_tenant()))
    return table


async def _fill(tenant: SomeTenant, entries: int) -> None:
    for _ in range(entries // STATEMENT):
        async with transaction() as client:
            connection = raw_connection(client)
            await connection.execute(_ENTRIES, tenant.id, STATEMENT * 4 // 5)
            await connection.execute(_LINES, tenant.id, STATEMENT // 5)


async def _analyze(config: DatabaseConfig) -> None:
    connection = await connect(config)
    try:
        await connection.execute("VACUUM ANALYZE audit_entries")
        await connection.execute("VACUUM ANALYZE ownership_entries")
    finally:
        await connection.close()


async def _verify() -> int:
    found = await verify_chain()
    if found.broken is not None:
        raise NotWhole(found.broken.message)
    return found.checked


async def _export() -> int:
    count = -1
    async for _ in export_chain():
        count += 1
    return count


async def _writes(config: DatabaseConfig, tenant: SomeTenant) -> Table:
    """Writing with and without the triggers that note what is to be sealed, in turns."""
    owner = await connect(config)
    figures: dict[tuple[str, bool], list[float]] = {}
    try:
        for _ in range(ROUNDS):
            for on in (True, False):
                await _switch(owner, on=on)
                for name, work in (("one account at a time, 4 writers", _singly), ("5,000 accounts at once", _bulk)):
                    with acting_as(tenant.system):
                        figures.setdefault((name, on), []).append(await work())
    finally:
        await _switch(owner, on=True)
        await owner.close()
    table = Table("Write", "with the queue, accounts/s", "without", "cost", title="What the queue costs")
    for name in dict.fromkeys(name for name, _ in figures):
        with_it, without = (statistics.median(figures[name, on]) for on in (True, False))
        table.add_row(name, f"{with_it:,.0f}", f"{without:,.0f}", f"{1e6 / with_it - 1e6 / without:,.0f} µs each")
    return table


async def _switch(owner: asyncpg.Connection, *, on: bool) -> None:
    for table in TRIGGERED:
        await owner.execute(f"ALTER TABLE {table} {'ENABLE' if on else 'DISABLE'} TRIGGER note_unsealed")


async def _rate(count: int, work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return count / (time.perf_counter() - started)


async def _singly() -> float:
    async def writer() -> None:
        for number in range(WRITES):
            await create_record("Account", {"name": f"A{number}"})

    async def all_of_them() -> None:
        await asyncio.gather(*(writer() for _ in range(WRITERS)))

    return await _rate(WRITERS * WRITES, all_of_them)


async def _bulk() -> float:
    async def work() -> None:
        async with writing("create_accounts") as journal:
            drafts = [{"name": f"B{number}"} for number in range(BULK)]
            await create_records(entity("Account"), drafts, journal=journal)

    return await _rate(BULK, work)
