"""Connections of the application that need fewer round trips than asyncpg's own."""

from __future__ import annotations

from contextvars import ContextVar

import asyncpg

_prelude: ContextVar[str] = ContextVar("evenhand_prelude", default="")


class LeanConnection(asyncpg.Connection):
    """Sets a transaction up in the round trip that begins it, and has nothing to reset when it is given back.

    Every round trip costs both sides more than most statements do. The application leaves nothing behind: it sets
    and locks for the length of transactions only, and it listens on connections of its own.
    """

    __slots__ = ()

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109 - asyncpg's own
        """Run a statement; what begins a transaction also sets it up."""
        if not args and query.startswith("BEGIN"):
            query += _prelude.get()
            _prelude.set("")
        return await super().execute(query, *args, timeout=timeout)

    def get_reset_query(self) -> str:
        """Nothing."""
        return ""


def begin_with(statements: str) -> None:
    """Have the next transaction that this task begins begin with these statements, too."""
    _prelude.set(statements)
