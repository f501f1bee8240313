"""Reclaim: a hundred thousand records that are due go back to their pool in one run."""

from __future__ import annotations

import time
from argparse import Namespace
from datetime import timedelta

from rich.table import Table

from benchmarks.output import console
from evenhand import clock
from evenhand.db.session import open_database, raw_connection, reading, transaction
from evenhand.jobs import enqueue
from evenhand.jobs.models import Job
from evenhand.ownership.clocks.due import due_for_reclaim, reclaim_preview
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.draining import drain
from evenhand.testing.server import temporary_database

RECORDS = 100_000
REPS = 50

_USERS = """
INSERT INTO users (id, tenant_id, name, role, level, skills, regions, languages, working_hours, is_active, custom,
                   version, created_at, updated_at)
SELECT uuidv7(), $1, 'rep ' || n, 'rep', 'senior', '[]', '[]', '[]', '{}', true, '{}', 1, now(), now()
FROM generate_series(1, $2) AS n
RETURNING id
"""
_ACCOUNTS = """
INSERT INTO accounts (id, tenant_id, name, also_names, kind, tier, lifecycle_stage, addresses, owner_id, held_since,
                      custom, version, created_at, updated_at)
SELECT uuidv7(), $1, 'account ' || n, '[]', 'company', (ARRAY['a', 'b', 'c'])[1 + n % 3], 'prospect', '[]',
       ($2::uuid[])[1 + n % $3], $4, '{}', 1, $4, $4
FROM generate_series(1, $5::int) AS n
"""
_LINES = """
INSERT INTO ownership_entries (id, tenant_id, entity, record_id, owner_id, started_at, reason, via)
SELECT uuidv7(), $1, 'Account', id, owner_id, held_since, 'created', 'benchmark' FROM accounts WHERE tenant_id = $1
"""
_CLOCKS = """
INSERT INTO record_clocks (id, tenant_id, entity, record_id, kind, last_at)
SELECT uuidv7(), $1, 'Account', a.id, happened, a.held_since + make_interval(days => 5)
FROM accounts AS a CROSS JOIN unnest(ARRAY['call', 'visit', 'stage']) AS happened WHERE a.tenant_id = $1
"""
_WRONG = """
SELECT count(*) FROM accounts AS a WHERE a.tenant_id = $1 AND (a.pool_id IS NULL OR a.owner_id IS NOT NULL
    OR NOT EXISTS (SELECT FROM ownership_entries AS e WHERE e.tenant_id = $1 AND e.record_id = a.id
        AND e.reason = 'reclaimed' AND e.pool_id = a.pool_id AND e.started_at = a.held_since))
"""


async def _fill(tenant: SomeTenant) -> None:
    since = clock.now() - timedelta(days=400)
    with acting_as(tenant.system):
        async with transaction() as client:
            connection = raw_connection(client)
            users = [row["id"] for row in await connection.fetch(_USERS, tenant.id, REPS)]
            await connection.execute(_ACCOUNTS, tenant.id, users, REPS, since, RECORDS)
            await connection.execute(_LINES, tenant.id)
            await connection.execute(_CLOCKS, tenant.id)
        async with transaction() as client:
            await raw_connection(client).execute("ANALYZE accounts, ownership_entries, record_clocks")
    pool = await tenant.create("Pool", name="pool")
    rule = {"pool_id": pool, "entity": "Account", "valid_from": since.date(), "working_days": True}
    await tenant.create("PoolRule", name="A", tiers=["a"], idle_days=30, position=1, **rule)
    await tenant.create("PoolRule", name="rest", protect_days=20, refresh={"call": 30}, max_days=90, position=2, **rule)


async def run(options: Namespace) -> Table:
    """Measure. Returns: a table with a line for each figure."""
    table = Table(title=f"Reclaim of {RECORDS:,} records that are due", title_justify="left")
    for heading in ("what", "seconds", "records a second"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    async with temporary_database("bench_reclaim") as config, open_database(config, everywhere=True):
        tenant = await make_tenant()
        console.print(f"{RECORDS:,} records …")
        await _fill(tenant)
        with acting_as(tenant.system):
            started = time.perf_counter()
            preview = await reclaim_preview()
            _line(table, "preview of the whole run", time.perf_counter() - started, preview.count)
            started = time.perf_counter()
            mine = await due_for_reclaim(owner_id=preview.records[0][1].owner_id)
            _line(table, "what one rep loses", time.perf_counter() - started, mine.count)
            async with transaction():
                job_id = await enqueue("reclaim", {}, title="Reclaim")
            started = time.perf_counter()
            await drain()
            took = time.perf_counter() - started
            async with reading() as client:
                result = (await Job.get(id=job_id)).result or {}
                wrong = await raw_connection(client).fetchval(_WRONG, tenant.id)
            _line(table, "the run", took, result["taken"])
    if not result["taken"] == preview.count == RECORDS or wrong:
        raise AssertionError(f"{result}, {preview.count} were shown, {wrong} are wrong")
    return table


def _line(table: Table, what: str, seconds: float, count: int) -> None:
    table.add_row(what, f"{seconds:.2f}", f"{count / seconds:,.0f}")
