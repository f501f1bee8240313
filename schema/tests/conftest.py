"""The API under test: the application over the open test database, and a client per role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from evenhand.auth.keys import create_api_key
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app


class Api:
    """Asks the API as users of tenants."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self._keys: dict[tuple[Any, ...], str] = {}

    async def key(self, tenant: SomeTenant, role: Role = Role.ADMIN, *scopes: Scope) -> str:
        """An API key of the tenant's user of this role; all scopes unless some are named."""
        wanted = (tenant.id, role, scopes)
        if wanted not in self._keys:
            with acting_as(tenant.system):
                self._keys[wanted] = await create_api_key(tenant.users[role], "test", scopes=scopes or tuple(Scope))
        return self._keys[wanted]

    async def post(
        self, tenant: SomeTenant, query: str, role: Role = Role.ADMIN, *scopes: Scope, **variables: Any
    ) -> httpx.Response:
        """The whole HTTP answer."""
        key = await self.key(tenant, role, *scopes)
        body = {"query": query, "variables": variables}
        return await self.http.post("/graphql", json=body, headers={"Authorization": f"Bearer {key}"})

    async def data(
        self, tenant: SomeTenant, query: str, role: Role = Role.ADMIN, *scopes: Scope, **variables: Any
    ) -> dict[str, Any]:
        """The data of an answer without errors."""
        response = await self.post(tenant, query, role, *scopes, **variables)
        body = response.json()
        assert "errors" not in body, body["errors"]
        assert response.status_code == 200
        data: dict[str, Any] = body["data"]
        return data

    async def errors(
        self, tenant: SomeTenant, query: str, role: Role = Role.ADMIN, *scopes: Scope, **variables: Any
    ) -> list[dict[str, Any]]:
        """The errors of an answer that has some."""
        body = (await self.post(tenant, query, role, *scopes, **variables)).json()
        errors: list[dict[str, Any]] = body["errors"]
        assert errors
        return errors


@pytest.fixture(scope="session")
def app(database: DatabaseConfig) -> Starlette:
    """The application with all installed plugins."""
    return create_app(None)


@pytest_asyncio.fixture(loop_scope="session")
async def api(app: Starlette) -> AsyncIterator[Api]:
    """A client of the application."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
        yield Api(http)
