"""What an expert would write for two screens alone: one prepared statement each, whose value is the answer.

Starlette, uvicorn, asyncpg, a free list of connections; PostgreSQL builds the JSON and Python moves bytes. It trusts
the header `x-tenant`: there is no authentication. Started as
`python -m benchmarks.reads.contenders.handwritten PORT POOL_SIZE owner|rls`.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evenhand.db.config import APP_ROLE, DatabaseConfig

_STATEMENTS = Path(__file__).parent
CUSTOMER360 = (_STATEMENTS / "customer360.sql").read_text()
ACCOUNT_LIST = (_STATEMENTS / "account_list.sql").read_text()


class FreeList:
    """Open connections; the one used last is taken first."""

    def __init__(self, *, row_level_security: bool) -> None:
        self._free: asyncio.LifoQueue[asyncpg.Connection] = asyncio.LifoQueue()
        self._guarded = row_level_security

    async def open(self, config: DatabaseConfig, size: int) -> None:
        """Connect `size` times."""
        settings = {"role": APP_ROLE} if self._guarded else {}
        for _ in range(size):
            connection = await asyncpg.connect(
                **config.connect_arguments(), server_settings=settings, max_cached_statement_lifetime=0
            )
            # The driver hands out JSON as it comes from the wire.
            await connection.set_type_codec("json", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes)
            self._free.put_nowait(connection)

    async def value(self, statement: str, tenant: UUID, *parameters: object) -> bytes:
        """The one value of a statement."""
        connection = await self._free.get()
        try:
            if self._guarded:
                await connection.fetchval("SELECT set_config('app.tenant', $1, false)", str(tenant))
            value: bytes = await connection.fetchval(statement, tenant, *parameters)
        finally:
            self._free.put_nowait(connection)
        return value

    async def close(self) -> None:
        """Close them all."""
        while not self._free.empty():
            await self._free.get_nowait().close()


def _read(cursor: str | None) -> tuple[str, UUID]:
    if cursor is None:
        return "", UUID(int=0)
    name, record = orjson.loads(base64.b64decode(cursor))
    return name, UUID(record)


def create_app(config: DatabaseConfig, size: int, *, row_level_security: bool) -> Starlette:
    """The two endpoints."""
    connections = FreeList(row_level_security=row_level_security)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await connections.open(config, size)
        yield
        await connections.close()

    async def customer360(request: Request) -> Response:
        variables = orjson.loads(await request.body())["variables"]
        tenant = UUID(request.headers["x-tenant"])
        found = await connections.value(CUSTOMER360, tenant, UUID(variables["id"]))
        return Response(b'{"data":{"account":' + found + b"}}", media_type="application/json")

    async def account_list(request: Request) -> Response:
        variables = orjson.loads(await request.body())["variables"]
        tenant = UUID(request.headers["x-tenant"])
        after = _read(variables.get("after"))
        found = await connections.value(ACCOUNT_LIST, tenant, variables["industry"], *after)
        return Response(b'{"data":{"accounts":' + found + b"}}", media_type="application/json")

    return Starlette(
        routes=[
            Route("/customer360", customer360, methods=["POST"]),
            Route("/account_list", account_list, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def main() -> None:
    """Serve until told to stop."""
    port, size, mode = sys.argv[1:]
    config = DatabaseConfig.from_url(os.environ["DATABASE_URL"])
    app = create_app(config, int(size), row_level_security=mode == "rls")
    uvicorn.run(app, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
