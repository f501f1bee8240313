"""A real server in this process, and clients over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest_asyncio
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from evenhand.db.config import DatabaseConfig
from evenhand.live.feed import listening_connection
from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app
from evenhand_schema.http.server import Server, listen
from evenhand_schema.subscriptions.limits import LiveLimits
from evenhand_schema.subscriptions.live import Live
from evenhand_schema.testing import Api

SOON = 20.0
PROTOCOL = Subprotocol("graphql-transport-ws")


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; fail when it does not soon."""
    for _ in range(int(SOON / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


class Socket:
    """A WebSocket client that speaks the protocol by hand."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: Any) -> None:
        """Send an object as JSON, or a text or bytes as they are."""
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(SOON):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def init(self, key: str) -> None:
        """Say who we are."""
        await self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {key}"}})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, operation_id: str, query: str, **variables: Any) -> None:
        """Begin an operation."""
        payload = {"query": query, "variables": variables}
        await self.send({"type": "subscribe", "id": operation_id, "payload": payload})

    async def data(self, operation_id: str = "1") -> dict[str, Any]:
        """The data of the next message, which must be of this operation and without errors."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        assert "errors" not in message["payload"], message
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def close_code(self) -> int | None:
        """Wait until the server closes; messages before that are dropped."""
        async with asyncio.timeout(SOON):
            await self.connection.wait_closed()
        return self.connection.close_code


@dataclass
class Running:
    """A running server."""

    app: Starlette
    server: Server
    port: int

    @property
    def live(self) -> Live:
        """Its open connections."""
        live: Live = self.app.state.live
        return live

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def socket(
        self, key: str | None = None, protocol: str | None = PROTOCOL, **options: Any
    ) -> AsyncIterator[Socket]:
        """A WebSocket; initialised when a key is given."""
        protocols = [Subprotocol(protocol)] if protocol else None
        async with connect(
            f"ws://127.0.0.1:{self.port}/graphql", subprotocols=protocols, max_size=None, **options
        ) as connection:
            opened = Socket(connection)
            if key is not None:
                await opened.init(key)
            yield opened


@asynccontextmanager
async def serving(database: DatabaseConfig, **limits: Any) -> AsyncIterator[Running]:
    """Serve over the open test database."""
    app = create_app(None)
    app.state.live = Live(listening_connection(database), replace(LiveLimits(), **limits))
    listener = listen("127.0.0.1", 0)
    server = Server(app)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await until(lambda: server.started)
        yield Running(app, server, _port(listener))
    finally:
        server.should_exit = True
        async with asyncio.timeout(SOON):
            await task
        listener.close()


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def running(database: DatabaseConfig) -> AsyncIterator[Running]:
    """A server with the usual limits."""
    async with serving(database, init_seconds=1.0, heartbeat_seconds=0.2) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def key(api: Api, tenant: SomeTenant) -> str:
    """A key of the tenant's admin."""
    return await api.key(tenant, Role.ADMIN)


@pytest_asyncio.fixture(loop_scope="session")
async def http(running: Running, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the server, with the key."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, timeout=SOON) as client:
        yield client
