"""The database's owner, who can do what the application cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from evenhand.audit.sealing import seal_entries
from evenhand.audit.verifying import Broken, Verification, verify_chain
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


@asynccontextmanager
async def owner_of(database: DatabaseConfig, tenant: SomeTenant) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the tables."""
    connection = await asyncpg.connect(**database.connect_arguments(), server_settings={"timezone": "UTC"})
    try:
        await connection.execute("SELECT set_config('app.tenant', $1, false)", str(tenant.id))
        yield connection
    finally:
        await connection.close()


async def tamper(database: DatabaseConfig, tenant: SomeTenant, statement: str, *values: object) -> None:
    """Run one statement as the owner; it must change something."""
    async with owner_of(database, tenant) as connection:
        status = await connection.execute(statement, *values)
    assert not status.endswith(" 0"), status


async def seal_and_verify(tenant: SomeTenant, first: int = 1) -> Verification:
    with acting_as(tenant.system):
        await seal_entries()
        return await verify_chain(first)


async def broken_of(tenant: SomeTenant) -> Broken:
    broken = (await seal_and_verify(tenant)).broken
    assert broken is not None
    return broken


async def link_of(database: DatabaseConfig, tenant: SomeTenant, entry_id: UUID) -> int:
    """The number under which an entry is sealed."""
    async with owner_of(database, tenant) as connection:
        statement = "SELECT number FROM audit_seals WHERE tenant_id = $1 AND id = $2"
        number: int = await connection.fetchval(statement, tenant.id, entry_id)
    return number
