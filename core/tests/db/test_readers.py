"""Readers remember their tenant, serve those who wait in turn, and never mix or lose connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from evenhand.db.config import DatabaseConfig
from evenhand.db.readers import Readers
from evenhand.testing import SomeTenant

NAMES = "SELECT json_agg(name)::json FROM users WHERE tenant_id = $1"
ALL_NAMES = "SELECT json_agg(name)::json FROM users WHERE $1::uuid IS NOT NULL"
WHO = "SELECT pg_backend_pid() WHERE $1::uuid IS NOT NULL"
SLOW = "SELECT pg_sleep(0.05)::text WHERE $1::uuid IS NOT NULL"


@pytest_asyncio.fixture(loop_scope="session")
async def readers(database: DatabaseConfig) -> AsyncIterator[Readers]:
    made = Readers(database, 2)
    yield made
    await made.close()


async def test_json_comes_as_it_is(readers: Readers, tenant: SomeTenant) -> None:
    found = await readers.fetch(tenant.id, NAMES, [tenant.id])
    assert isinstance(found, bytes)
    assert found.startswith(b'["')


async def test_another_tenants_rows_are_never_shown(
    readers: Readers, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    for _ in range(5):
        for one, other in ((tenant, other_tenant), (other_tenant, tenant)):
            found = (await readers.fetch(one.id, ALL_NAMES, [one.id])).decode()
            assert one.slug[-6:] in found
            assert other.slug[-6:] not in found
            # Told one tenant and asked about another: row level security shows nothing.
            assert await readers.fetch(one.id, NAMES, [other.id]) is None


async def test_a_reader_is_kept_for_its_tenant(readers: Readers, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    mine = {await readers.fetch(tenant.id, WHO, [tenant.id]) for _ in range(3)}
    others = {await readers.fetch(other_tenant.id, WHO, [other_tenant.id]) for _ in range(3)}
    assert len(mine) == len(others) == 1
    assert mine != others
    assert await readers.fetch(tenant.id, WHO, [tenant.id]) in mine


async def test_many_share_few_connections_and_nobody_starves(
    readers: Readers, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    finished: list[UUID] = []

    async def ask(one: SomeTenant) -> int:
        await readers.fetch(one.id, SLOW, [one.id])
        finished.append(one.id)
        found: int = await readers.fetch(one.id, WHO, [one.id])
        return found

    crowd = [tenant] * 30
    crowd.insert(4, other_tenant)
    processes = await asyncio.gather(*(ask(one) for one in crowd))
    assert len(set(processes)) <= 2
    assert readers.in_use == 0
    assert finished.index(other_tenant.id) < 24


async def test_who_gives_up_waiting_loses_no_connection(readers: Readers, tenant: SomeTenant) -> None:
    for _ in range(10):
        asked = [asyncio.create_task(readers.fetch(tenant.id, SLOW, [tenant.id])) for _ in range(8)]
        await asyncio.sleep(0.02)
        for task in asked[::2]:
            task.cancel()
        outcome = Counter(type(one).__name__ for one in await asyncio.gather(*asked, return_exceptions=True))
        assert outcome["CancelledError"] == 4
        assert outcome["str"] == 4
    assert readers.in_use == 0
    assert await readers.fetch(tenant.id, WHO, [tenant.id])


async def test_a_dead_connection_is_replaced(readers: Readers, tenant: SomeTenant, database: DatabaseConfig) -> None:
    before = await readers.fetch(tenant.id, WHO, [tenant.id])
    owner = await asyncpg.connect(**database.connect_arguments())
    await owner.execute("SELECT pg_terminate_backend($1)", before)
    await owner.close()
    await asyncio.sleep(0.05)
    assert await readers.fetch(tenant.id, WHO, [tenant.id]) != before
    assert readers.in_use == 0


async def test_nothing_can_be_written(readers: Readers, tenant: SomeTenant) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await readers.fetch(tenant.id, "UPDATE users SET name = 'x' WHERE tenant_id = $1 RETURNING id", [tenant.id])
