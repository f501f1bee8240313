"""For tests of the API and of plugins that contribute to it: a client that asks as a tenant's users.

A pytest plugin with the fixtures `app`, `api` and `gql`; it needs httpx.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from evenhand.auth.keys import create_api_key
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant

pytest.register_assert_rewrite("evenhand_schema.testing.contract")

from evenhand_schema.testing.contract import GraphQLContract  # noqa: E402

if TYPE_CHECKING:
    from starlette.applications import Starlette


class Gql:
    """Asks GraphQL as a user of one tenant, over the application with the plugins of the running test."""

    def __init__(self, api: Api, tenant: SomeTenant) -> None:
        self.api = api
        self.tenant = tenant

    async def __call__(self, query: str, role: Role = Role.ADMIN, **variables: Any) -> dict[str, Any]:
        """The data of an answer; an answer with errors fails the test."""
        return await self.api.data(self.tenant, query, role, **variables)

    async def errors(self, query: str, role: Role = Role.ADMIN, **variables: Any) -> list[dict[str, Any]]:
        """The errors of an answer; one without errors fails the test."""
        return await self.api.errors(self.tenant, query, role, **variables)

    def of(self, tenant: SomeTenant) -> Gql:
        """The same for another tenant."""
        return Gql(self.api, tenant)


class Api:
    """Asks the API as users of tenants, over HTTP."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self._keys: dict[tuple[Any, ...], str] = {}

    async def key(self, tenant: SomeTenant, role: Role = Role.ADMIN, *scopes: Scope) -> str:
        """An API key of the tenant's user of this role; with all scopes unless some are named."""
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
        """The data of an answer; an answer with errors fails the test."""
        response = await self.post(tenant, query, role, *scopes, **variables)
        body = response.json()
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    async def errors(
        self, tenant: SomeTenant, query: str, role: Role = Role.ADMIN, *scopes: Scope, **variables: Any
    ) -> list[dict[str, Any]]:
        """The errors of an answer; one without errors fails the test."""
        body = (await self.post(tenant, query, role, *scopes, **variables)).json()
        assert body.get("errors"), body
        errors: list[dict[str, Any]] = body["errors"]
        return errors


@pytest.fixture(scope="session")
def app(database: DatabaseConfig) -> Starlette:
    """The application with all installed plugins, over the open test database."""
    # Here and not above: pytest imports this module in every run, also where no test needs the schema.
    from evenhand_schema.http.app import create_app

    return create_app(None)


@pytest_asyncio.fixture(loop_scope="session")
async def api(app: Starlette) -> AsyncIterator[Api]:
    """A client of the application."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
        yield Api(http)


@pytest_asyncio.fixture(loop_scope="session")
async def gql(api: Api, tenant: SomeTenant) -> Gql:
    """Asks as users of `tenant`: `await gql("{ me { name } }", Role.REP)`."""
    return Gql(api, tenant)


__all__ = ["Api", "Gql", "GraphQLContract"]
