"""HTTP: whatever comes in, the answer is a clear GraphQL error in JSON, and never a failure of ours."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from evenhand.actions.records import update_record
from evenhand.auth.keys import create_api_key
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.documents import parse_document
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.limits import Limits
from evenhand_schema.testing import Api

LIMITS = Limits()
GRAPHQL_TYPE = "application/graphql-response+json"
JSON_TYPE = {"Content-Type": "application/json"}


async def _ask(api: Api, tenant: SomeTenant, content: bytes, **headers: str) -> httpx.Response:
    key = await api.key(tenant)
    return await api.http.post(
        "/graphql", content=content, headers={**JSON_TYPE, "Authorization": f"Bearer {key}", **headers}
    )


def _error(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] in ("application/json", GRAPHQL_TYPE)
    body = response.json()
    assert "data" not in body
    error: dict[str, Any] = body["errors"][0]
    assert error["message"]
    assert error["extensions"]["hint"]
    return error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as JSON"),
        (b"{", "cannot be read as JSON"),
        (b'{"query": "\xff\xfe"}', "cannot be read as JSON"),
        (b'{"query": "\\ud800"}', "cannot be read as JSON"),
        ('{"query": "汉字"}'.encode("gb18030"), "it is not UTF-8 from byte 12 on"),
        ('{"query": "{ me { id } }"}'.encode("utf-16"), "it is not UTF-8 from byte 1 on"),
        (b"[" * 2000, "cannot be read as JSON"),
        (b'[{"query": "{ me { id } }"}]', "Batches are not taken"),
        (b"[]", "Batches are not taken"),
        (b"5", "not a JSON object"),
        (b"true", "not a JSON object"),
        (b'\xef\xbb\xbf{"query": "{ me { id } }"}', "byte order mark"),
        (b'{"query": "{ me { id } }", "query": "{ me { role } }"}', "'query' is given twice"),
        (b'{"query": "{ me { id } }", "variables": {"a": 1, "a": 2}, "variables": null}', "'a' is given twice"),
        (b'{"query": "{ me { id } }", "extensions": 1}', "extensions are not an object"),
        (b'{"query": "{ me { id } }", "variables": "{}"}', "variables are not an object"),
        (b'{"query": ["{ me { id } }"]}', "There is no query"),
        (b'{"query": "{ me { id } }", "operationName": {}}', "operation's name is not a text"),
        (b'{"extensions": {"persistedQuery": {"version": 1}}}', "There is no query"),
        (b'"{ me { id } }"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "There is no query"),
        (b'{"query": ""}', "There is no query"),
        (b'{"query": 5}', "There is no query"),
        (b'{"query": "{ me { id } }", "variables": [1]}', "variables are not an object"),
        (b'{"query": "{ me { id } }", "operationName": 1}', "operation's name is not a text"),
        (b'{"query": "{ me { id } }", "operationName": "other"}', "not clear which operation"),
        (b'{"query": "query a { me { id } } query b { me { id } }"}', "not clear which operation"),
        (b'{"query": "fragment f on User { id }"}', "not clear which operation"),
        (b'{"query": "{ me { id }"}', "Syntax Error"),
        (b'{"query": "{ me { salary } }"}', "Cannot query field 'salary'"),
        (b'{"query": "{ nothing }"}', "Cannot query field 'nothing'"),
        (b'{"query": "query ($id: ID!) { account(id: $id) { id } }"}', "Expected a value of non-null type"),
        (b'{"query": "{ accounts(first: \\"x\\") { nodes { id } } }"}', "Int cannot represent"),
        (b'{"query": "{ ...f } fragment f on Query { ...f }"}', "Cannot spread fragment"),
        (b'{"query": "{ accounts(filter: {createdAt: {gt: \\"2026-01-01\\"}}) { nodes { id } } }"}', "offset"),
        (b'{"query": "subscription { x }"}', "on type 'Subscription'"),
        (b'{"query": "subscription { leadsChanged { resync } }"}', "A subscription has many answers"),
    ],
)
async def test_bad_requests_are_refused_in_words(api: Api, tenant: SomeTenant, content: bytes, message: str) -> None:
    response = await _ask(api, tenant, content)
    assert response.status_code == 400
    assert message in _error(response)["message"]


async def test_deep_variables_are_refused(api: Api, tenant: SomeTenant) -> None:
    where: dict[str, Any] = {"name": {"eq": "x"}}
    for _ in range(300):
        where = {"and": [where]}
    query = "query ($f: AccountFilter) { accounts(filter: $f) { nodes { id } } }"
    response = await api.post(tenant, query, f=where)
    assert response.status_code == 400
    assert "nested more than" in _error(response)["message"]


async def test_deep_and_long_queries_are_refused(api: Api, tenant: SomeTenant) -> None:
    deep = "{ accounts { nodes " + "{ parent " * 60 + "{ id }" + " }" * 62
    response = await api.post(tenant, deep)
    assert response.status_code == 400
    assert "levels deep" in _error(response)["message"]
    endless = "{a" * (LIMITS.tokens // 2 - 10)
    error = _error(await api.post(tenant, endless))
    assert f"more than {LIMITS.depth} levels deep" in error["message"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    chain = "".join(f"fragment f{n} on Query {{ ...f{n + 1} }} " for n in range(LIMITS.tokens // 9))
    assert "levels deep" in _error(await api.post(tenant, "{ ...f0 } " + chain))["message"]
    long = "{ " + "me { id } " * LIMITS.tokens + "}"
    response = await api.post(tenant, long)
    assert response.status_code == 400
    assert f"more than {LIMITS.tokens} tokens" in _error(response)["message"]


def test_the_depth_of_fragments_is_measured_in_linear_time() -> None:
    spreads = "".join(f"fragment f{n} on Account {{ ...f{n + 1} ...f{n + 1} }} " for n in range(200))
    document = parse_document(
        f"{{ accounts {{ nodes {{ ...f0 }} }} }} {spreads} fragment f200 on Account {{ id }}", LIMITS
    )
    assert len(document.definitions) == 202


async def test_fragments_that_spell_out_to_too_many_fields_are_refused(api: Api, tenant: SomeTenant) -> None:
    same = " ".join(["manager {{ ...f{next} }}"] * 4)
    chain = "".join(f"fragment f{n} on User {{ {same.format(next=n + 1)} }} " for n in range(15))
    response = await api.post(tenant, f"{{ me {{ ...f0 }} }} {chain} fragment f15 on User {{ id }}")
    assert response.status_code == 400
    error = _error(response)
    assert "fields with its fragments spread" in error["message"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"


async def test_checking_a_query_is_given_up_when_it_takes_too_long(api: Api, tenant: SomeTenant) -> None:
    response = await api.post(tenant, "{ me { " + "team { id } " * 1_200 + "} }")
    assert response.status_code == 400
    assert _error(response)["extensions"]["hint"] == "Ask for each field once, and for less at a time."


async def test_a_large_body_is_refused(api: Api, tenant: SomeTenant) -> None:
    body = json.dumps({"query": "{ me { id } }", "padding": "x" * LIMITS.body_bytes}).encode()
    response = await _ask(api, tenant, body)
    assert response.status_code == 413
    assert _error(response)["extensions"]["code"] == "BODY_TOO_LARGE"

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LIMITS.body_bytes // 1024 + 1):
            yield b" " * 1024

    headers = {**JSON_TYPE, "Authorization": f"Bearer {await api.key(tenant)}"}
    response = await api.http.post("/graphql", content=pieces(), headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/graphql", ""])
async def test_only_json_is_taken(api: Api, tenant: SomeTenant, media_type: str) -> None:
    response = await _ask(api, tenant, b'{"query": "{ me { id } }"}', **{"Content-Type": media_type})
    assert response.status_code == 415
    assert _error(response)["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_json_with_a_charset_is_taken(api: Api, tenant: SomeTenant) -> None:
    media_type = {"Content-Type": "Application/JSON; charset=utf-8"}
    response = await _ask(api, tenant, b'{"query": "{ me { id } }"}', **media_type)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer evh_nobody_x", "Bearer evh_a_" + "A" * 43, "Bearer 汉字"],
)
async def test_nobody_is_served_without_a_key(api: Api, authorization: str) -> None:
    headers = [(b"Authorization", authorization.encode())]
    response = await api.http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert _error(response)["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_key_ends_with_its_time_and_with_its_user(api: Api, tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        user = tenant.users[Role.REP]
        expired = await create_api_key(user, "old", expires_at=datetime.now(UTC) - timedelta(seconds=1))
        valid = await create_api_key(user, "new")
        await update_record("User", user, {"is_active": False})
    for key in (expired, valid):
        headers = {"Authorization": f"Bearer {key}"}
        response = await api.http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
        assert response.status_code == 401


async def test_queries_are_taken_by_get_and_changes_are_not(api: Api, tenant: SomeTenant) -> None:
    headers = {"Authorization": f"Bearer {await api.key(tenant)}"}
    query = "query ($f: AccountFilter) { accounts(filter: $f) { nodes { id } } }"
    params = {"query": query, "variables": '{"f": {"name": {"eq": "张"}}}'}
    response = await api.http.get("/graphql", params=params, headers=headers)
    assert response.json() == {"data": {"accounts": {"nodes": []}}}
    mutation = 'mutation { createTag(input: {name: "x"}) { __typename } }'
    response = await api.http.get("/graphql", params={"query": mutation}, headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert _error(response)["extensions"]["code"] == "WRITE_OVER_GET"
    tags = await api.data(tenant, "{ tags { nodes { name } } }")
    assert tags == {"tags": {"nodes": []}}
    response = await api.http.get("/graphql", params={"query": query, "variables": "{"}, headers=headers)
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("POST", "/x", 404), ("PUT", "/graphql", 405)]
)
async def test_other_addresses_answer_in_json(api: Api, method: str, path: str, status: int) -> None:
    response = await api.http.request(method, path)
    assert response.status_code == status
    extensions = _error(response)["extensions"]
    assert "POST /graphql" in extensions["hint"]
    assert extensions["code"] == ("METHOD_NOT_ALLOWED" if status == 405 else "INVALID_REQUEST")
    assert response.headers.get("allow") == ("GET, POST, OPTIONS" if status == 405 else None)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd, gzip"])
async def test_compressed_bodies_are_refused_in_words(api: Api, tenant: SomeTenant, encoding: str) -> None:
    body = b'{"query": "{ me { role } }"}'
    response = await _ask(
        api, tenant, gzip.compress(body), **{"Content-Type": "application/json", "Content-Encoding": encoding}
    )
    assert response.status_code == 415
    assert encoding in _error(response)["message"]
    response = await _ask(api, tenant, body, **{"Content-Type": "application/json", "Content-Encoding": "identity"})
    assert response.status_code == 200


async def test_a_syntax_error_says_where_to_look(api: Api, tenant: SomeTenant) -> None:
    error = _error(await api.post(tenant, "{ me { id }"))
    assert error["locations"] == [{"line": 1, "column": 12}]
    assert "text of the query" in error["extensions"]["hint"]


async def test_introspection_works(api: Api, tenant: SomeTenant) -> None:
    from graphql import build_client_schema, get_introspection_query

    data: Any = await api.data(tenant, get_introspection_query(input_value_deprecation=True))
    assert build_client_schema(data).query_type is not None


async def test_health(api: Api) -> None:
    assert (await api.http.get("/healthz")).json() == {"status": "ok"}
    response = await api.http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


async def test_an_outdated_database_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenhand_schema.http.health._known_migrations", lambda: {"core": {"0001_initial", "9999_new"}})
    response = await api.http.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "outdated", "missing": ["core.9999_new"]}


@pytest.mark.parametrize("compiled", [True, False])
async def test_a_defect_is_masked_and_has_an_id(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], compiled: bool
) -> None:
    async def broken(*arguments: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("evenhand_schema.execution.COMPILED", compiled)
    monkeypatch.setattr("evenhand.db.readers.Readers.fetch", broken)
    monkeypatch.setattr("evenhand_schema.reads.loaders.fetch", broken)
    response = await api.post(tenant, "{ accounts { nodes { id } } }")
    (error,) = response.json()["errors"]
    assert "secret" not in response.text
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert error["extensions"]["id"] in error["message"]
    logged = capsys.readouterr()
    assert error["extensions"]["id"] in logged.out + logged.err
    assert "secret detail" in logged.out + logged.err


async def test_a_lost_database_is_said_so(
    api: Api, tenant: SomeTenant, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*arguments: Any, **more: Any) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("evenhand.db.readers.Readers.fetch", gone)
    response = await api.post(tenant, "{ accounts { nodes { id } } }")
    assert response.status_code == 503
    assert _error(response)["extensions"]["code"] == "DATABASE_UNAVAILABLE"
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", False)
    monkeypatch.setattr("evenhand_schema.reads.loaders.fetch", gone)
    response = await api.post(tenant, "{ accounts { nodes { id } } }")
    assert response.status_code == 503
    assert _error(response)["extensions"]["code"] == "DATABASE_UNAVAILABLE"
    monkeypatch.setattr("evenhand_schema.http.graphql.recall", lambda key: None)
    monkeypatch.setattr("evenhand_schema.http.graphql.authenticate", gone)
    response = await api.post(tenant, "{ accounts { nodes { id } } }")
    assert response.status_code == 503
    assert _error(response)["extensions"]["code"] == "DATABASE_UNAVAILABLE"
    monkeypatch.setattr("evenhand_schema.http.health.missing_migrations", gone)
    response = await api.http.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert (await api.http.get("/healthz")).status_code == 200


async def test_connections_come_back_after_errors(api: Api, tenant: SomeTenant, database: DatabaseConfig) -> None:
    for _ in range(database.pool_size * 2):
        await api.errors(tenant, "{ accounts(first: 0) { nodes { id } } }")
        await api.errors(tenant, '{ accounts(after: "x") { nodes { id } } }')
        await api.data(tenant, "mutation { createTag(input: {name: null}) { __typename } }".replace("null", '""'))
    assert await api.data(tenant, "{ tags { nodes { id } } }") == {"tags": {"nodes": []}}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
async def test_no_body_makes_the_server_fail(api: Api, tenant: SomeTenant, content: bytes) -> None:
    assert 400 <= (await _ask(api, tenant, content)).status_code < 500


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["f", "o", "n", "a", "i"]), VALUES, max_size=5))
async def test_no_variables_make_the_server_fail(api: Api, tenant: SomeTenant, variables: dict[str, Any]) -> None:
    query = """query ($f: AccountFilter, $o: [AccountOrderBy!], $n: Int = 5, $a: String, $i: ID = "x") {
        accounts(filter: $f, orderBy: $o, first: $n, after: $a) { nodes { id } } account(id: $i) { id } }"""
    key = await api.key(tenant)
    body = json.dumps({"query": query, "variables": variables}, ensure_ascii=True).encode()
    headers = {**JSON_TYPE, "Authorization": f"Bearer {key}"}
    response = await api.http.post("/graphql", content=body, headers=headers)
    assert response.status_code in (200, 400)
    for error in response.json().get("errors", ()):
        assert error["extensions"]["code"] != "INTERNAL_ERROR", error


@pytest.mark.parametrize(("debug_headers", "said"), [(True, "compiled"), (False, None)])
async def test_how_an_answer_was_made_is_said_when_configured(
    api: Api, tenant: SomeTenant, debug_headers: bool, said: str | None
) -> None:
    app = create_app(None, http=HttpConfig(debug_headers=debug_headers))
    headers = {"Authorization": f"Bearer {await api.key(tenant)}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
        response = await http.post("/graphql", json={"query": "{ me { role } }"}, headers=headers)
    assert response.json() == {"data": {"me": {"role": "ADMIN"}}}
    assert response.headers.get("evenhand-executor") == said
