"""The read-only transaction of one operation."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import asyncpg
import structlog

from evenhand.db.session import driver_transaction, reading
from evenhand.ownership.visibility.reading import current_sight
from evenhand.ownership.visibility.rules import Sight
from evenhand_schema.reads.budget import Budget
from evenhand_schema.reads.custom_filters import FUNCTION as CUSTOM_FUNCTION
from evenhand_schema.reads.custom_filters import refusals

log = structlog.get_logger(__name__)
T = TypeVar("T")
_sight: contextvars.ContextVar[Sight] = contextvars.ContextVar("evenhand_sight")
_budget: contextvars.ContextVar[Budget] = contextvars.ContextVar("evenhand_budget")


class ReadSession:
    """Opens its transaction when it is first needed and keeps it until `close`.

    The transaction lives in a task of its own, because resolvers run in many tasks and
    a transaction must be left in the task that entered it; work runs in that task's context.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._opening = asyncio.Lock()
        self._closing = asyncio.Event()
        self._context: contextvars.Context | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do `work` inside the transaction."""
        async with self._opening:
            if self._context is None:
                opened: asyncio.Future[contextvars.Context] = asyncio.get_running_loop().create_future()
                self._keeper = asyncio.create_task(self._keep(opened))
                self._context = await opened
        return await asyncio.create_task(work(), context=self._context.copy())

    async def _keep(self, opened: asyncio.Future[contextvars.Context]) -> None:
        try:
            async with reading():
                _budget.set(self._budget)
                _sight.set(await current_sight())
                opened.set_result(contextvars.copy_context())
                await self._closing.wait()
        except Exception as error:
            if not opened.done():
                opened.set_exception(error)
            else:
                # Everything was read already; that the end of it failed concerns nobody but the log.
                log.warning("reads.close_failed", error=str(error))

    async def close(self) -> None:
        """End the transaction; nothing happens when there is none."""
        self._closing.set()
        if self._keeper is not None:
            await self._keeper


def session_sight() -> Sight:
    """How much the caller sees, as of the open transaction."""
    return _sight.get()


async def fetch(sql: str, parameters: Sequence[Any]) -> list[asyncpg.Record]:
    """Rows of one statement in the open transaction; parallel calls wait for each other.

    Raises:
        QueryTooLarge: what was read before is already more than one answer may hold.
        InvalidFilter: a custom field that there is not, or a value that does not fit it.
    """
    async with driver_transaction().acquire_connection() as connection:
        _budget.get().check()
        if CUSTOM_FUNCTION not in sql:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *parameters)
            return rows
        # A savepoint: what is refused here must not spoil what other fields read.
        with refusals():
            async with connection.transaction():
                return await connection.fetch(sql, *parameters)
