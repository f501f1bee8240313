"""A receiver to which webhooks may go."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from evenhand.testing.receiver import Receiver, receiving


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A receiver on this machine; private addresses are allowed."""
    monkeypatch.setenv("EVENHAND_WEBHOOKS_PRIVATE", "allow")
    async with receiving() as one:
        yield one
