"""Clients that do not read: they cost little, for a while, and nobody else anything."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from websockets.asyncio.client import ClientConnection

from evenhand.actions.journal import writing
from evenhand.actions.records import create_records
from evenhand.db.config import DatabaseConfig
from evenhand.entities.registry import ENTITIES
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

from .conftest import Running, Socket, serving, until

LARGE = "subscription { activitiesChanged { resync changes { id record { body } } } }"
SMALL = "subscription { activitiesChanged { resync changes { id } } }"
BODY = "x" * 50_000
UNREAD: dict[str, Any] = {"max_queue": 1}
"""The client library stops reading from the connection when this many messages wait."""


async def _make(tenant: SomeTenant, account: UUID, number: int) -> list[UUID]:
    with acting_as(tenant.system):
        async with writing("test") as journal:
            drafts = [{"kind": "note", "account_id": account, "subject": "n", "body": BODY} for _ in range(number)]
            return await create_records(ENTITIES["Activity"], drafts, journal=journal)


async def _told(socket: Socket, operation_id: str, number: int) -> int:
    """Read until so many changes were told."""
    told = 0
    while told < number:
        (batch,) = (await socket.data(operation_id)).values()
        told += len(batch["changes"])
    return told


def _waiting(running: Running) -> int:
    return sum(len(watch) for watches in running.live.feed._watches.values() for watch in watches)


async def test_a_slow_subscription_ends_and_says_why(database: DatabaseConfig, api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    account = await tenant.create("Account", name="Ours")
    async with (
        serving(database, pending=100, batch=100) as running,
        running.socket(key, **UNREAD) as slow,
        running.socket(key) as healthy,
    ):
        await slow.subscribe("large", LARGE)
        await slow.data("large")
        await healthy.subscribe("1", SMALL)
        await healthy.data("1")
        rounds = 15
        for _ in range(rounds):
            # 5 MB each, more than any socket buffers.
            await _make(tenant, account, 100)
            assert await _told(healthy, "1", 100) == 100
            assert _waiting(running) <= 100
        messages = [await slow.receive()]
        while messages[-1]["type"] != "error":
            messages.append(await slow.receive())
        assert messages[-1]["payload"][0]["extensions"]["code"] == "SLOW_CONSUMER"
        assert "read anew" in messages[-1]["payload"][0]["extensions"]["hint"]
        assert len(messages) < rounds
        assert running.live.figures.dropped == 1
        # The connection itself goes on.
        await slow.subscribe("again", SMALL)
        (batch,) = (await slow.data("again")).values()
        assert batch["resync"]


async def test_a_client_that_never_reads_is_given_up(database: DatabaseConfig, api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    account = await tenant.create("Account", name="Ours")
    async with (
        serving(database, send_seconds=0.5, pending=2000) as running,
        running.socket(key) as healthy,
        running.socket(key, **UNREAD) as slow,
    ):
        await slow.subscribe("1", LARGE)
        await slow.data("1")
        await healthy.subscribe("1", SMALL)
        await healthy.data("1")
        for _ in range(12):
            await _make(tenant, account, 100)
            assert await _told(healthy, "1", 100) == 100
        await until(lambda: len(running.live) == 1)
        assert running.live.subscriptions == 1
        assert running.live.figures.dropped == 1
        _abort(slow.connection)


def _abort(connection: ClientConnection) -> None:
    connection.transport.abort()


async def test_a_stuck_client_does_not_keep_the_server_from_stopping(
    database: DatabaseConfig, api: Api, tenant: SomeTenant
) -> None:
    key = await api.key(tenant)
    account = await tenant.create("Account", name="Ours")
    loop = asyncio.get_running_loop()
    async with serving(database, stop_seconds=1.0) as running, running.socket(key, **UNREAD) as slow:
        await slow.subscribe("1", LARGE)
        await slow.data("1")
        for _ in range(12):
            await _make(tenant, account, 100)
        await asyncio.sleep(0.5)
        began = loop.time()
        running.server.should_exit = True
        await until(lambda: running.server.server_state.tasks == set())
        assert loop.time() - began < 5
        _abort(slow.connection)
