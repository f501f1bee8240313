"""Tests of what one request carries through its resolvers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from evenhand_schema.context import SharedLoader


async def test_a_field_that_is_cancelled_takes_nothing_from_others() -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def load(keys: list[Any]) -> Sequence[Any]:
        begun.set()
        await goes_on.wait()
        return [key.upper() for key in keys]

    loader = SharedLoader(load)

    async def field() -> Any:
        return await loader.load("value")

    first, second = asyncio.create_task(field()), asyncio.create_task(field())
    await begun.wait()
    first.cancel()
    await asyncio.wait({first})
    goes_on.set()
    assert first.cancelled()
    assert await second == "VALUE"
