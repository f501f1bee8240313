"""Two server processes on one database: what is changed in one is told in the other; and what stuck clients cost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect

from evenhand.db.config import DatabaseConfig
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

from .conftest import PROTOCOL, SOON, Socket

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from evenhand.cli.main import main; main()", "serve", "--port", "0"]
CHANGES = "subscription { activitiesChanged { resync changes { id record { body } } } }"
CREATE = """mutation ($a: ID!, $b: String!) {
  createActivity(input: {kind: NOTE, accountId: $a, subject: "n", body: $b}) {
    ... on Activity { id } ... on Failure { message } } }"""


@asynccontextmanager
async def _process(database: DatabaseConfig, **settings: str) -> AsyncIterator[tuple[Process, str]]:
    secret = f":{database.password}" if database.password else ""
    url = f"postgresql://{database.user}{secret}@/{database.database}?host={database.host}&port={database.port}"
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        env={**os.environ, "DATABASE_URL": url, "NO_COLOR": "1", "COLUMNS": "300", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield process, line.split("GraphQL on http://")[1].split("/graphql")[0]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def _socket(address: str, key: str, **options: Any) -> AsyncIterator[Socket]:
    async with connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL], max_size=None, **options) as connection:
        socket = Socket(connection)
        await socket.init(key)
        yield socket


async def _figures(address: str) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=SOON) as http:
        text = (await http.get("/metrics")).text
    pairs = (line.split() for line in text.splitlines() if line.startswith("evenhand_") and "{" not in line)
    return {name: float(value) for name, value in pairs}


async def test_two_processes_tell_the_same(api: Api, tenant: SomeTenant, database: DatabaseConfig) -> None:
    key = await api.key(tenant)
    account = str(await tenant.create("Account", name="Ours"))
    headers = {"Authorization": f"Bearer {key}"}
    async with _process(database) as (one, first), _process(database) as (two, second):
        async with (
            _socket(first, key) as socket,
            httpx.AsyncClient(base_url=f"http://{second}", headers=headers, timeout=SOON) as http,
        ):
            await socket.subscribe("1", CHANGES)
            assert (await socket.data())["activitiesChanged"]["resync"]
            answer = await http.post("/graphql", json={"query": CREATE, "variables": {"a": account, "b": "Hello"}})
            created = answer.json()["data"]["createActivity"]["id"]
            (change,) = (await socket.data())["activitiesChanged"]["changes"]
            assert change == {"id": created, "record": {"body": "Hello"}}
            figures = await _figures(first)
            assert figures["evenhand_live_connections"] == figures["evenhand_subscriptions"] == 1
            assert figures["evenhand_subscription_messages_total"] == 2
            assert figures["evenhand_subscriptions_dropped_total"] == 0
            one.send_signal(signal.SIGTERM)
            assert await socket.receive() == {"type": "complete", "id": "1"}
            assert await socket.close_code() == 1001
        for process in (one, two):
            if process.returncode is None and process is two:
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(SOON):
                assert await process.wait() == 0


async def test_memory_stays_flat_with_clients_that_do_not_read(
    api: Api, tenant: SomeTenant, database: DatabaseConfig
) -> None:
    key = await api.key(tenant)
    account = str(await tenant.create("Account", name="Ours"))
    headers = {"Authorization": f"Bearer {key}"}
    body, stuck, changes = "x" * 200_000, 10, 150
    # A stuck client holds two messages; small ones, so that what grew besides would be seen.
    settings = {"EVENHAND_RATE_LIMIT": "off", "EVENHAND_LIVE_BATCH": "2"}
    async with _process(database, **settings) as (process, address), AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=SOON)
        )
        healthy = await stack.enter_async_context(_socket(address, key))
        await healthy.subscribe("1", CHANGES)
        await healthy.data()
        for _ in range(stuck):
            slow = await stack.enter_async_context(_socket(address, key, max_queue=1))
            await slow.subscribe("1", CHANGES)
            stack.callback(slow.connection.transport.abort)

        async def change() -> None:
            answer = await http.post("/graphql", json={"query": CREATE, "variables": {"a": account, "b": body}})
            assert "id" in answer.json()["data"]["createActivity"], answer.text

        async def heard() -> int:
            told = (await healthy.data())["activitiesChanged"]["changes"]
            return len(told)

        async def some(number: int) -> None:
            left = number
            for _ in range(number):
                await change()
            while left:
                left -= await heard()

        server = psutil.Process(process.pid)
        # What a stuck client may hold at most, it holds after these.
        await some(150)
        before = server.memory_info().rss
        await some(changes)
        grown = server.memory_info().rss - before
    unread = stuck * changes * len(body)
    assert unread > 250_000_000
    assert grown < 30_000_000, json.dumps({"grown": grown, "unread": unread})
