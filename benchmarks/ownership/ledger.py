"""The ledger: who held a record at a moment, and somebody's book at a moment, over a million intervals."""

from __future__ import annotations

import random
import statistics
import time
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from rich.table import Table

from benchmarks.output import console
from evenhand.db.session import open_database, raw_connection, transaction
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.server import temporary_database
from evenhand_schema.http.app import create_app
from evenhand_schema.testing import Api

RECORDS = 100_000
EACH = 10
USERS = 50
QUESTIONS = 1_000
BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 1_000

_USERS = """
INSERT INTO users (id, tenant_id, name, role, level, skills, regions, languages, working_hours, is_active, custom,
                   version, created_at, updated_at)
SELECT uuidv7(), $1, 'rep ' || n, 'rep', 'senior', '[]', '[]', '[]', '{}', true, '{}', 1, now(), now()
FROM generate_series(1, $2) AS n
RETURNING id
"""
# Each record changes hands every hundred days, each on days of its own.
_LINES = """
INSERT INTO ownership_entries (id, tenant_id, entity, record_id, owner_id, started_at, reason, via)
SELECT uuidv7(), $1, 'Account', record, ($2::uuid[])[1 + (hashint8(n * 1000 + k) & 1073741823) % $3],
       $4::timestamptz + make_interval(days => k * 100 + n % 100), 'manual', 'benchmark'
FROM generate_series(1, $5::int) AS n
CROSS JOIN LATERAL (SELECT uuidv7() AS record, n AS same) AS one
CROSS JOIN LATERAL generate_series(0, $6::int - 1) AS k
"""
_AS_OF = (
    "query ($id: ID!, $at: DateTime!) { ownerAsOf(id: $id, at: $at) { startedAt endedAt reason owner { id name } } }"
)
_BOOK = """query ($id: ID!, $at: DateTime!) {
  user(id: $id) { ownershipHistory(heldAt: $at, first: 50) { totalCount nodes { recordId startedAt } } }
}"""


async def _fill(tenant: SomeTenant) -> tuple[list[UUID], list[UUID]]:
    """Returns: some of the records, and the users."""
    async with transaction() as client:
        connection = raw_connection(client)
        users = [row["id"] for row in await connection.fetch(_USERS, tenant.id, USERS)]
        await connection.execute(_LINES, tenant.id, users, USERS, BEGIN, RECORDS, EACH)
        rows = await connection.fetch(
            "SELECT record_id FROM ownership_entries WHERE tenant_id = $1 LIMIT $2", tenant.id, 10 * QUESTIONS
        )
    return sorted({row["record_id"] for row in rows}), users


async def _ask(api: Api, tenant: SomeTenant, query: str, ids: list[UUID], count: int) -> list[float]:
    """Milliseconds of each answer."""
    chance = random.Random(1)
    took: list[float] = []
    for number in range(count + 20):
        at = BEGIN + timedelta(days=chance.randrange(100, DAYS))
        asked: dict[str, Any] = {"id": str(chance.choice(ids)), "at": at.isoformat()}
        started = time.perf_counter()
        data = await api.data(tenant, query, Role.ADMIN, **asked)
        if number >= 20:
            took.append((time.perf_counter() - started) * 1000)
        if not any(data.values()):
            raise AssertionError(f"nobody held {asked}")
    return took


async def run(options: Namespace) -> Table:
    """Measure, over HTTP inside the process. Returns: a table with a line for each question."""
    table = Table(title=f"The ledger with {RECORDS * EACH:,} intervals", title_justify="left")
    for heading in ("question", "asked", "median", "p99", "bound"):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    async with temporary_database("bench_ledger") as config, open_database(config, everywhere=True):
        tenant = await make_tenant()
        with acting_as(tenant.system):
            console.print(f"{RECORDS * EACH:,} intervals …")
            records, users = await _fill(tenant)
            async with transaction() as client:
                await raw_connection(client).execute("ANALYZE ownership_entries")
        transport = httpx.ASGITransport(create_app(None))
        async with httpx.AsyncClient(transport=transport, base_url="http://evenhand.test") as http:
            api = Api(http)
            for title, query, ids, count, bound in (
                ("ownerAsOf of one record", _AS_OF, records, QUESTIONS, "5 ms"),
                ("a person's book at a moment, the first 50 and how many", _BOOK, users, 50, "-"),
            ):
                took = sorted(await _ask(api, tenant, query, ids, count))
                p99 = took[int(len(took) * 0.99) - 1]
                table.add_row(title, f"{count:,}", f"{statistics.median(took):.2f} ms", f"{p99:.2f} ms", bound)
    return table
