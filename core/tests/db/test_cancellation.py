"""A cancelled task leaves neither a dead transaction nor a lost connection behind."""

from __future__ import annotations

import asyncio

from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.connection import get_connection

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, transaction
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


async def work(tenant: SomeTenant, answers: list[int]) -> None:
    with acting_as(tenant.system):
        async with transaction() as client:
            answers.append(await raw_connection(client).fetchval("SELECT 1"))


async def cancelled_after(tenant: SomeTenant, turns: int, seconds: float) -> bool:
    """Cancel the work after some turns of the event loop and some time. Returns: whether it was not yet done."""
    after: list[object] = []

    async def outer() -> None:
        try:
            await work(tenant, [])
        finally:
            after.append(get_connection("default"))

    task = asyncio.create_task(outer())
    for _ in range(turns):
        await asyncio.sleep(0)
    if seconds:
        await asyncio.sleep(seconds)
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    assert result is None or isinstance(result, asyncio.CancelledError)
    assert not any(isinstance(connection, TransactionWrapper) for connection in after)
    return result is not None


async def test_cancelling_at_any_point_leaves_nothing_behind(database: DatabaseConfig, tenant: SomeTenant) -> None:
    caught = sum([await cancelled_after(tenant, turns, 0) for turns in range(40)])
    caught += sum([await cancelled_after(tenant, 0, step / 10_000) for step in range(1, 60)])
    assert caught > database.pool_size, "too few cancellations to empty the pool"
    answers: list[int] = []
    parallel = [work(tenant, answers) for _ in range(database.pool_size)]
    await asyncio.wait_for(asyncio.gather(*parallel), timeout=30)
    assert answers == [1] * database.pool_size
