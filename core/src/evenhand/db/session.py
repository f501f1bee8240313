"""Open the database for the application, and transactions that belong to one tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from evenhand.db.apps import App, installed_apps, tortoise_config
from evenhand.db.config import DatabaseConfig
from evenhand.db.connection import begin_with
from evenhand.db.readers import Readers, current_readers, keep_readers
from evenhand.tenancy.context import TenantMismatch, current_tenant

log = structlog.get_logger(__name__)

Afterwards = Callable[[], Awaitable[object]]

_transaction_tenant: ContextVar[UUID | None] = ContextVar("evenhand_transaction_tenant", default=None)
_numbered: ContextVar[bool] = ContextVar("evenhand_transaction_numbered", default=False)
_afterwards: ContextVar[list[Afterwards] | None] = ContextVar("evenhand_afterwards", default=None)


@asynccontextmanager
async def open_database(
    config: DatabaseConfig, *, apps: Mapping[str, App] | None = None, everywhere: bool = False
) -> AsyncIterator[TortoiseContext]:
    """Connect under the application role for the length of the block.

    Args:
        apps: the core and installed plugins by default.
        everywhere: make it usable from tasks that were not started inside the block (servers).
    """
    context = TortoiseContext()
    with context:
        await context.init(
            config=tortoise_config(config, apps if apps is not None else installed_apps(), as_owner=False),
            _enable_global_fallback=everywhere,
        )
        readers = Readers(config, config.read_connections)
        keep_readers(context, readers)
        try:
            yield context
        finally:
            await readers.close()
            await context.close_connections()


@asynccontextmanager
async def _in_transaction(prelude: str = "") -> AsyncIterator[TransactionWrapper]:
    """Tortoise's transaction that leaves nothing behind when it is cancelled while it begins or ends.

    Tortoise then keeps the pooled connection for ever, and the task goes on seeing the dead transaction as its
    connection.

    Args:
        prelude: statements in the round trip that begins it.
    """
    from tortoise.connection import get_connections

    connections = get_connections()
    outside = connections.get("default")
    begun = False
    context = in_transaction("default")
    try:
        begin_with(prelude)
        async with context as connection:
            begun = True
            if not isinstance(connection, TransactionWrapper):
                raise TypeError("the database is not opened through asyncpg")
            yield connection
    finally:
        begin_with("")
        inside = connections.get("default")
        if inside is not outside:
            connections.set("default", outside)
            if not begun and isinstance(inside, TransactionWrapper):
                pool: Any = inside._parent._pool
                await pool.release(inside._connection)


@asynccontextmanager
async def transaction(
    *, read_only: bool = False, numbered: bool = False, few: bool = False
) -> AsyncIterator[TransactionWrapper]:
    """One transaction of the current tenant; inside another one, a savepoint.

    Sets `app.tenant`, so that row level security lets through this tenant's rows only.

    Args:
        read_only: an outermost one sees one unchanging state of the database and refuses writes.
        numbered: an outermost one has its number from the beginning, see `is_numbered`.
        few: an outermost one touches few rows, so that statements need not be planned anew for their parameters.

    Raises:
        TenantRequired: no tenant is set. TenantMismatch: inside another tenant's transaction.
    """
    tenant = current_tenant()
    outer = _transaction_tenant.get()
    if outer is not None and outer != tenant:
        raise TenantMismatch(
            f"A transaction of tenant {outer} is open, the work is for {tenant}.",
            hint="Finish one tenant's transaction before starting another's.",
        )
    if outer is not None:
        async with _in_transaction() as connection:
            yield connection
        return
    todo: list[Afterwards] = []
    try:
        prelude = (
            (" SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;" if read_only else "")
            + f" SET LOCAL app.tenant = '{tenant}';"
            + (" SET LOCAL plan_cache_mode = force_generic_plan;" if few else "")
            + (" SELECT pg_current_xact_id();" if numbered else "")
        )
        async with _in_transaction(prelude) as connection:
            tokens = _transaction_tenant.set(tenant), _afterwards.set(todo), _numbered.set(numbered)
            try:
                yield connection
            finally:
                _transaction_tenant.reset(tokens[0])
                _afterwards.reset(tokens[1])
                _numbered.reset(tokens[2])
    finally:
        for work in todo:
            await _do_afterwards(work)


async def _do_afterwards(work: Afterwards) -> None:
    try:
        await work()
    except Exception:
        log.exception("transaction.afterwards_failed")


async def after_transaction(work: Afterwards) -> None:
    """Do this when the open transaction has ended, whether it was committed or rolled back; at once without one.

    It is for what must be kept although the operation fails. What it raises is logged and changes nothing.
    """
    todo = _afterwards.get()
    if todo is None:
        await _do_afterwards(work)
    else:
        todo.append(work)


def is_numbered() -> bool:
    """Whether the open transaction got its number before its first statement looked at anything."""
    return _numbered.get()


def in_open_transaction() -> bool:
    """Whether this task works inside a transaction."""
    return _transaction_tenant.get() is not None


@asynccontextmanager
async def reading() -> AsyncIterator[TransactionWrapper]:
    """The transaction that is open, or a read-only one for the length of the block."""
    if _transaction_tenant.get() is None:
        async with transaction(read_only=True) as connection:
            yield connection
        return
    connection = driver_transaction()
    yield connection


@dataclass(frozen=True)
class PoolUsage:
    """How many connections there are, how many of them work, how many there may be; and how many readers work."""

    open: int
    in_use: int
    most: int
    readers_in_use: int


def pool_usage() -> PoolUsage | None:
    """How the connections of the open database are used; None before the first one is needed."""
    from tortoise.connection import get_connection

    try:
        pool: Any = getattr(get_connection("default"), "_pool", None)
        readers = current_readers().in_use
    except Exception:
        # Tortoise has errors of several kinds for a database that is not open.
        return None
    if pool is None:
        return None
    size = pool.get_size()
    return PoolUsage(size, size - pool.get_idle_size(), pool.get_max_size(), readers)


def driver_transaction() -> TransactionWrapper:
    """Tortoise's client of the transaction that is open in this task."""
    from tortoise.connection import get_connection

    client = get_connection("default")
    if not isinstance(client, TransactionWrapper):
        raise RuntimeError("No transaction is open here; use `transaction()`.")
    return client


def raw_connection(client: TransactionWrapper) -> asyncpg.Connection:
    """asyncpg's connection under an open transaction, for statements the ORM cannot say."""
    return client._connection
