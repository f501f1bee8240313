"""Connections for reads of one statement each, which remember whose tenant they work for.

Row level security needs to know the tenant, and telling it costs a round trip. A reader is told once and
kept for that tenant's next read where possible; whoever waits for the same tenant is served first, within
bounds. Every statement also names its tenant itself, so a reader that was told another shows nothing at all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from tortoise.context import TortoiseContext, require_context

from evenhand.db.config import DatabaseConfig

KEPT_STATEMENTS = 200
"""Prepared statements of one connection; the one used longest ago gives way. A large one takes the database 0.4 MB."""

_SIGHT = 8
"""How many that wait are looked through for one of the same tenant; nobody is passed by more often than this."""

_SETTINGS = {
    "default_transaction_read_only": "on",
    "max_parallel_workers_per_gather": "0",
    # The shape of a statement is its plan; planning it anew for its values costs more than it brings.
    "plan_cache_mode": "force_generic_plan",
}


class _Reader:
    """One connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.tenant: UUID | None = None
        self._statements: OrderedDict[str, PreparedStatement] = OrderedDict()
        self._named = 0

    @classmethod
    async def connect(cls, config: DatabaseConfig) -> _Reader:
        credentials = config.credentials()
        settings = {**credentials["server_settings"], **_SETTINGS, "application_name": "evenhand reads"}
        arguments = {**config.connect_arguments(), "server_settings": settings}
        connection = await asyncpg.connect(**arguments, statement_cache_size=0)
        # JSON passes through as it is.
        await connection.set_type_codec(
            "json", schema="pg_catalog", format="binary", encoder=lambda value: value, decoder=lambda value: value
        )
        return cls(connection)

    async def fetch(self, tenant: UUID, sql: str, values: Sequence[Any]) -> Any:
        if self.tenant != tenant:
            self.tenant = None
            await self.connection.execute(f"SET app.tenant = '{tenant}'")
            self.tenant = tenant
        statement = self._statements.get(sql)
        if statement is None:
            if len(self._statements) >= KEPT_STATEMENTS:
                self._statements.popitem(last=False)
            self._named += 1
            # Without the driver's own cache only a statement with a name is kept, and with it its plan.
            statement = await self.connection.prepare(sql, name=f"read_{self._named}")
            self._statements[sql] = statement
        else:
            self._statements.move_to_end(sql)
        return await statement.fetchval(*values)


class _Waiting:
    """Somebody who waits for a reader."""

    def __init__(self, tenant: UUID) -> None:
        self.tenant = tenant
        self.passed = 0
        self.reader: asyncio.Future[_Reader | None] = asyncio.get_running_loop().create_future()


class Readers:
    """A few connections for reads; opened when they are first needed.

    Args:
        size: how many at most. Few are better: each keeps its own plans, and the database has only so many processors.
    """

    def __init__(self, config: DatabaseConfig, size: int) -> None:
        self._config = config
        self._size = size
        self._open = 0
        self._free: list[_Reader] = []
        self._waiting: deque[_Waiting] = deque()
        self._closed = False

    @property
    def in_use(self) -> int:
        """How many connections are busy."""
        return self._open - len(self._free)

    async def fetch(self, tenant: UUID, sql: str, values: Sequence[Any]) -> Any:
        """The only value of a statement, in its own read-only transaction; `json` comes as bytes.

        Args:
            sql: it names the tenant in each of its tables, by `$1`.
        """
        while True:
            reader = await self._take(tenant)
            fresh = reader.tenant is None
            try:
                return await reader.fetch(tenant, sql, values)
            except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
                # One that was opened before may have died since; reading again changes nothing.
                if fresh or not reader.connection.is_closed():
                    raise
            finally:
                self._give_back(reader)

    async def _take(self, tenant: UUID) -> _Reader:
        for index in range(len(self._free) - 1, -1, -1):
            if self._free[index].tenant == tenant:
                return self._free.pop(index)
        if self._open < self._size:
            return await self._connect()
        if self._free:
            return self._free.pop(0)
        waiting = _Waiting(tenant)
        self._waiting.append(waiting)
        try:
            reader = await waiting.reader
        except asyncio.CancelledError:
            if waiting.reader.done() and not waiting.reader.cancelled():
                given = waiting.reader.result()
                if given is not None:
                    self._give_back(given)
                else:
                    self._wake_one()
            raise
        return reader if reader is not None else await self._connect()

    async def _connect(self) -> _Reader:
        self._open += 1
        try:
            return await _Reader.connect(self._config)
        except BaseException:
            self._open -= 1
            self._wake_one()
            raise

    def _give_back(self, reader: _Reader) -> None:
        if self._closed or reader.connection.is_closed():
            self._open -= 1
            reader.connection.terminate()
            self._wake_one()
            return
        waiting = self._next(reader.tenant)
        if waiting is None:
            self._free.append(reader)
        else:
            waiting.reader.set_result(reader)

    def _wake_one(self) -> None:
        """A place is free: whoever waits longest opens a connection of his own."""
        waiting = self._next(None)
        if waiting is not None:
            waiting.reader.set_result(None)

    def _next(self, tenant: UUID | None) -> _Waiting | None:
        while self._waiting and self._waiting[0].reader.done():
            self._waiting.popleft()
        if not self._waiting:
            return None
        first = self._waiting[0]
        if first.tenant != tenant and first.passed < _SIGHT:
            for index in range(1, min(_SIGHT, len(self._waiting))):
                other = self._waiting[index]
                if other.tenant == tenant and not other.reader.done():
                    first.passed += 1
                    del self._waiting[index]
                    return other
        return self._waiting.popleft()

    async def close(self) -> None:
        """Close all connections; those that are busy end with their statement."""
        self._closed = True
        free, self._free = self._free, []
        self._open -= len(free)
        for reader in free:
            await reader.connection.close()


_of_database: WeakKeyDictionary[TortoiseContext, Readers] = WeakKeyDictionary()


def keep_readers(context: TortoiseContext, readers: Readers) -> None:
    """Make these the readers of an open database."""
    _of_database[context] = readers


def current_readers() -> Readers:
    """The readers of the database that is open."""
    return _of_database[require_context()]
