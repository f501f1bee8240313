"""Plans: kept within bounds, shared by requests that may share them, and no way around the caller's key."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from evenhand.actions.records import update_record
from evenhand.auth.keys import revoke_api_key
from evenhand.plugins.host import PluginHost
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.reads.engine import KEPT_PLANS, _Plans
from evenhand_schema.testing import Api


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def debug(app: Starlette) -> Any:
    """A client that is told how its answers were made."""
    made = create_app(None, http=HttpConfig(debug_headers=True))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://evenhand.test") as http:
        yield Api(http)


def _plans(api: Api, query: str) -> _Plans:
    transport: Any = api.http._transport
    return transport.app.state.documents.get(query).plans[None]  # type: ignore[no-any-return]


async def _how(api: Api, tenant: SomeTenant, query: str, **variables: Any) -> str:
    response = await api.post(tenant, query, **variables)
    return str(response.headers["evenhand-executor"])


async def test_one_plan_serves_all_values_of_its_shape(debug: Api, tenant: SomeTenant) -> None:
    query = """query ($id: ID!, $name: String, $filter: AccountFilter) {
        account(id: $id) { name } accounts(filter: $filter) { nodes { name } totalCount }
        contacts(filter: {name: {contains: $name}}) { nodes { id } } }"""
    ids = [str(await tenant.create("Account", name=name)) for name in ("甲", "乙")]
    for record_id in ids:
        for name in ("x", "y"):
            filters = {"name": {"in": ["甲", name]}}
            data = await debug.data(tenant, query, id=record_id, name=name, filter=filters)
            assert data["accounts"] == {"nodes": [{"name": "甲"}], "totalCount": 1}
    plans = _plans(debug, query)
    assert len(plans) == 1
    for _ in range(3):
        data = await debug.data(tenant, query, id=ids[0], name="x", filter={"name": {"startsWith": "乙"}})
        assert data["accounts"]["nodes"] == [{"name": "乙"}]
        data = await debug.data(tenant, query, id=ids[0], name="x", filter={"name": {"in": ["甲"]}})
        assert data["accounts"]["nodes"] == [{"name": "甲"}]
        data = await debug.data(tenant, query, id=ids[0], name="x", filter=None)
        assert data["accounts"]["totalCount"] == 2
    assert len(plans) == 3


async def test_what_decides_the_shape_has_plans_of_its_own(debug: Api, tenant: SomeTenant) -> None:
    await tenant.create("Account", name="甲")
    query = "query ($yes: Boolean!, $first: Int) { accounts(first: $first) { nodes { id @skip(if: $yes) name } } }"
    for first in (1, 2, None):
        for yes in (True, False):
            data = await debug.data(tenant, query, yes=yes, first=first)
            assert ("id" in data["accounts"]["nodes"][0]) is not yes
    assert len(_plans(debug, query)) == 6


async def test_a_list_that_nothing_is_asked_of_is_compiled_too(debug: Api, tenant: SomeTenant) -> None:
    await tenant.create("Account", name="甲")
    query = """query ($no: Boolean!, $name: String!) {
        empty: accounts(filter: {name: {eq: "乙"}}) { totalCount @include(if: $no) }
        accounts(filter: {name: {eq: $name}}) { totalCount } }"""
    response = await debug.post(tenant, query, no=False, name="甲")
    assert response.json()["data"] == {"empty": {}, "accounts": {"totalCount": 1}}
    assert response.headers["evenhand-executor"] == "compiled"


async def test_the_plans_of_one_query_are_bounded(debug: Api, tenant: SomeTenant) -> None:
    query = "query ($first: Int!) { accounts(first: $first) { totalCount nodes { id } } }"
    for first in range(1, KEPT_PLANS + 20):
        await debug.data(tenant, query, first=first)
    assert len(_plans(debug, query)) == KEPT_PLANS


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ __schema { queryType { name } } }", "introspection"),
        ("{ plugins { slug } }", "Python"),
        ("{ accounts(first: 0) { nodes { id } } }", "INVALID_PAGE_SIZE"),
        ('{ account(id: "x") { id } }', "INVALID_ID"),
        ("{ %s: accounts { nodes { id } } }" % ("a" * 64), "longer"),
    ],
)
async def test_what_is_not_compiled_says_why(debug: Api, tenant: SomeTenant, query: str, reason: str) -> None:
    how = await _how(debug, tenant, query)
    assert how.startswith("graphql-core; ")
    assert reason in how


async def test_fields_made_by_python_stand_beside_compiled_ones(
    debug: Api, tenant: SomeTenant, host: PluginHost
) -> None:
    host.load(PluginManifest(slug="silent", title={"en": "Silent"}, api=">=0", hooks="builtins:object"), object())
    response = await debug.post(tenant, "{ plugins { slug } me { role } accounts { totalCount } }")
    assert response.headers["evenhand-executor"] == "compiled"
    data = response.json()["data"]
    assert list(data) == ["plugins", "me", "accounts"]
    assert data["plugins"] == [{"slug": "silent"}]
    assert data["me"] == {"role": "ADMIN"}


async def test_a_revoked_key_reads_nothing_more(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant, Role.REP)
    headers = {"Authorization": f"Bearer {key}"}
    body = {"query": "{ accounts { totalCount } }"}
    assert (await api.http.post("/graphql", json=body, headers=headers)).status_code == 200
    with acting_as(tenant.system):
        await revoke_api_key(key[:-30])
    for query in (body, {"query": "{ acounts { totalCount } }"}, {"query": "{ __schema { queryType { name } } }"}):
        refused = await api.http.post("/graphql", json=query, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_a_new_role_counts_at_once(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant, Role.MANAGER, Scope.READ, Scope.WRITE)
    headers = {"Authorization": f"Bearer {key}"}
    me = {"query": "{ me { role } }"}
    tag = {"query": 'mutation { createTag(input: {name: "x"}) { __typename } }'}
    assert (await api.http.post("/graphql", json=me, headers=headers)).json() == {"data": {"me": {"role": "MANAGER"}}}
    with acting_as(tenant.system):
        await update_record("User", tenant.users[Role.MANAGER], {"role": "rep"})
    denied = (await api.http.post("/graphql", json=tag, headers=headers)).json()
    assert denied["data"]["createTag"]["__typename"] == "PermissionDenied"
    assert (await api.http.post("/graphql", json=me, headers=headers)).json() == {"data": {"me": {"role": "REP"}}}


async def test_a_user_who_left_reads_nothing_more(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant, Role.READ_ONLY)
    headers = {"Authorization": f"Bearer {key}"}
    body = {"query": "{ me { name } }"}
    assert (await api.http.post("/graphql", json=body, headers=headers)).status_code == 200
    with acting_as(tenant.system):
        await update_record("User", tenant.users[Role.READ_ONLY], {"is_active": False})
    assert (await api.http.post("/graphql", json=body, headers=headers)).status_code == 401
