"""Watch the statements that reach PostgreSQL, so that a test can hold their number constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import asyncpg
from tortoise.connection import get_connection

from evenhand.db.readers import current_readers

_FRAME = (
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SET ",
    "SAVEPOINT",
    "RELEASE",
    "SELECT pg_advisory_unlock_all",
    "RESET",
    "CLOSE",
)


@contextmanager
def watch_statements(*, frame: bool = False) -> Iterator[list[str]]:
    """Collect the statements that the open database gets inside the block, in order.

    Args:
        frame: also those that only begin, set up or end transactions and connections.

    Yields: the list, filled as they come.
    """
    seen: list[str] = []

    def note(record: Any) -> None:
        if frame or not record.query.lstrip().upper().startswith(tuple(word.upper() for word in _FRAME)):
            seen.append(record.query)

    async def watch(connection: asyncpg.Connection) -> None:
        connection.add_query_logger(note)

    client: Any = get_connection("default")
    holders = client._pool._holders
    before = [holder._setup for holder in holders]
    readers: Any = current_readers()
    fetch = readers.fetch

    async def fetch_watched(tenant: UUID, sql: str, values: Sequence[Any]) -> Any:
        seen.append(sql)
        return await fetch(tenant, sql, values)

    readers.fetch = fetch_watched
    for holder in holders:
        holder._setup = watch
    try:
        yield seen
    finally:
        del readers.fetch
        for holder, setup in zip(holders, before, strict=True):
            holder._setup = setup
            if holder._con is not None:
                holder._con.remove_query_logger(note)
