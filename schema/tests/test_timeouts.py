"""Operations and statements that take too long are given up, with a code of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.limits import Limits
from evenhand_schema.testing import Api

QUERY = {"query": "{ me { role } }"}


async def test_an_operation_is_given_up_after_its_time(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def endless(*arguments: Any) -> Any:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    headers = {"Authorization": f"Bearer {await api.key(tenant)}"}
    app = create_app(None, http=HttpConfig(limits=Limits(operation_seconds=0.05)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
        with monkeypatch.context() as patched:
            patched.setattr("evenhand_schema.http.graphql.execute", endless)
            answer = await http.post("/graphql", json=QUERY, headers=headers)
        assert ended == ["cancelled"]
        assert answer.status_code == 504
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "OPERATION_TIMEOUT"
        assert "0.05 seconds" in error["message"]


async def test_an_operation_that_waits_for_the_database_is_given_up_too(
    api: Api, tenant: SomeTenant, database: DatabaseConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connections come back: as many are given up as the pool has, and the next one is served."""
    from evenhand.db.session import raw_connection, transaction
    from evenhand.tenancy.context import acting_as

    async def slow(schema: Any, caller: Any, *arguments: Any) -> Any:
        with acting_as(caller.actor):
            async with transaction(read_only=True) as connection:
                await raw_connection(connection).execute("SELECT pg_sleep(60)")

    headers = {"Authorization": f"Bearer {await api.key(tenant)}"}
    app = create_app(None, http=HttpConfig(limits=Limits(operation_seconds=0.3)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
        with monkeypatch.context() as patched:
            patched.setattr("evenhand_schema.http.graphql.execute", slow)
            posts = [http.post("/graphql", json=QUERY, headers=headers) for _ in range(database.pool_size + 2)]
            answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {504}
    assert await api.data(tenant, QUERY["query"]) == {"me": {"role": "ADMIN"}}


async def test_a_timeout_of_something_else_is_no_timeout_of_the_operation(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*arguments: Any) -> Any:
        raise TimeoutError

    monkeypatch.setattr("evenhand_schema.http.graphql.execute", broken)
    answer = await api.post(tenant, QUERY["query"])
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_ERROR"


async def test_a_statement_that_was_stopped_is_said_so(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopped(*arguments: Any) -> Any:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr("evenhand_schema.http.graphql.execute", stopped)
    answer = await api.post(tenant, QUERY["query"])
    assert answer.status_code == 504
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "STATEMENT_TIMEOUT"


async def test_the_server_opens_its_database_with_the_limit(
    database: DatabaseConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[DatabaseConfig] = []

    @asynccontextmanager
    async def opening(config: DatabaseConfig, **options: Any) -> AsyncIterator[None]:
        opened.append(config)
        yield

    monkeypatch.setattr("evenhand_schema.http.app.open_database", opening)
    app = create_app(database, http=HttpConfig(limits=Limits(statement_seconds=7)))
    async with app.router.lifespan_context(app):
        pass
    assert [config.statement_seconds for config in opened] == [7]
