"""Tell the delivery of this process that something was committed, so that it does not wait for its next look."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_sleepers: set[asyncio.Event] = set()


def wake() -> None:
    """Wake whoever waits in this process."""
    for sleeper in _sleepers:
        sleeper.set()


async def wake_afterwards() -> None:
    """`wake`, for the end of a transaction."""
    wake()


@contextmanager
def woken() -> Iterator[asyncio.Event]:
    """An event that `wake` sets, for the length of the block; whoever waits clears it."""
    sleeper = asyncio.Event()
    _sleepers.add(sleeper)
    try:
        yield sleeper
    finally:
        _sleepers.discard(sleeper)
