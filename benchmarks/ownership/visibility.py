"""Visibility: what a customer view and lists cost those who see a part of the records, beside an admin."""

from __future__ import annotations

import statistics
import time
from argparse import Namespace
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from rich.table import Table

from benchmarks.output import console
from benchmarks.reads.dataset import prepare
from benchmarks.reads.workloads import ACCOUNT_LIST, CUSTOMER360, document
from evenhand.auth.keys import create_api_key
from evenhand.db.migrate import connect
from evenhand.db.session import open_database
from evenhand.tenancy.context import Role, acting_as, system_actor
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig

EACH = 150
"""Requests of one kind by one role; their median counts."""
_COUNT = "{ accounts(first: 50) { totalCount nodes { id name } } }"
_NEWEST = "{ contacts(first: 50) { nodes { id name account { name } } } }"
_TASKS = "{ tasks(first: 50) { nodes { id subject } } }"
_SEARCH = '{ accounts(search: "ab", first: 50) { nodes { id name } } }'

_PEOPLE = """
SELECT rep.id AS rep, manager.id AS manager, admin.id AS admin, account.id AS account, account.industry
FROM users AS manager
JOIN users AS rep ON rep.tenant_id = $1 AND rep.team_id = manager.team_id AND rep.role = 'rep'
JOIN users AS admin ON admin.tenant_id = $1 AND admin.role = 'admin'
JOIN accounts AS account ON account.tenant_id = $1 AND account.owner_id = rep.id AND account.archived_at IS NULL
WHERE manager.tenant_id = $1 AND manager.role = 'manager'
AND (SELECT count(*) FROM contacts AS c WHERE c.tenant_id = $1 AND c.account_id = account.id) >= 10
ORDER BY manager.id, rep.id, account.id LIMIT 1
"""


@dataclass(frozen=True)
class _People:
    users: dict[Role, UUID]
    account: UUID
    industry: str


async def _people(connection: asyncpg.Connection, tenant: UUID) -> _People:
    """An admin, a manager and one of the manager's reps, who holds a busy account."""
    await connection.execute("SELECT set_config('app.tenant', $1, false)", str(tenant))
    row = await connection.fetchrow(_PEOPLE, tenant)
    if row is None:
        raise RuntimeError("no manager has a rep with a busy account; take a larger --scale")
    users = {Role.ADMIN: row["admin"], Role.MANAGER: row["manager"], Role.REP: row["rep"]}
    return _People(users, row["account"], row["industry"])


async def _median(http: httpx.AsyncClient, key: str, query: str, variables: dict[str, Any]) -> tuple[float, int]:
    """Milliseconds of one request, and the bytes of its answer."""
    taken, size = [], 0
    for _ in range(EACH):
        started = time.perf_counter()
        body = {"query": query, "variables": variables}
        response = await http.post("/graphql", json=body, headers={"Authorization": f"Bearer {key}"})
        taken.append((time.perf_counter() - started) * 1000)
        if response.headers["Evenhand-Executor"] != "compiled" or b'"errors"' in response.content:
            raise RuntimeError(f"{response.headers['Evenhand-Executor']}: {response.text[:300]}")
        size = len(response.content)
    return statistics.median(taken), size


async def run(options: Namespace) -> Table:
    """Measure the largest tenant of the data of the reads. Returns: milliseconds by role, and their ratio."""
    dataset = await prepare(options.scale, console.print)
    tenant = dataset.tenants[0]
    connection = await connect(dataset.config)
    try:
        people = await _people(connection, tenant.id)
    finally:
        await connection.close()
    asked = {
        "customer 360": (document("evenhand", CUSTOMER360), {"id": str(people.account)}),
        "list of 50 accounts": (document("evenhand", ACCOUNT_LIST), {"industry": people.industry}),
        "newest accounts, counted": (_COUNT, {}),
        "newest contacts": (_NEWEST, {}),
        "newest tasks": (_TASKS, {}),
        "accounts by search": (_SEARCH, {}),
    }
    table = Table(title=f"Visibility, {tenant.counts['accounts']:,} accounts: median of {EACH} requests, ms")
    for name in ("", *(role.value for role in people.users), "manager / admin", "rep / admin"):
        table.add_column(name, justify="right" if name else "left")
    async with open_database(dataset.config, everywhere=True):
        keys = {}
        with acting_as(system_actor(tenant.id)):
            for role, user in people.users.items():
                keys[role] = await create_api_key(user, "benchmark")
        transport = httpx.ASGITransport(
            create_app(None, http=HttpConfig(debug_headers=True, access_log=False, rate=None))
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://evenhand.test", timeout=60) as http:
            for name, (query, variables) in asked.items():
                found = {role: (await _median(http, key, query, variables))[0] for role, key in keys.items()}
                ratios = [found[role] / found[Role.ADMIN] for role in (Role.MANAGER, Role.REP)]
                table.add_row(name, *(f"{one:.2f}" for one in found.values()), *(f"{one:.2f}" for one in ratios))
    return table
