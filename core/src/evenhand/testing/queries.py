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


@contextmanager
def count_queries(*, most: int | None = None) -> Iterator[list[str]]:
    """Fail when the block sends more than `most` statements to PostgreSQL.

    Yields: the statements, filled as they come.
    """
    with watch_statements() as seen:
        yield seen
    if most is not None and len(seen) > most:
        raise AssertionError(f"{len(seen)} statements, at most {most} are allowed:\n" + "\n".join(seen))
