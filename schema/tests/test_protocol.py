"""GraphQL over HTTP as its specification has it: methods, media types, statuses; and calls from browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.http.media import GRAPHQL, JSON, NotAcceptable, answer_type
from evenhand_schema.testing import Api

GOOD = {"query": "{ me { role } }"}


@asynccontextmanager
async def _client(config: HttpConfig) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(None, http=config))
    async with httpx.AsyncClient(transport=transport, base_url="http://evenhand.test") as http:
        yield http


async def _bearer(api: Api, tenant: SomeTenant, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {await api.key(tenant)}", **headers}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, GRAPHQL),
        ("", GRAPHQL),
        ("*/*", GRAPHQL),
        ("application/*", GRAPHQL),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL};q=0.9", JSON),
        (f"{JSON};q=0.1, {GRAPHQL};q=0", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("application/json, text/plain, */*", JSON),
        ("text/html, */*;q=0.1", GRAPHQL),
        ("text/html;q=x, application/json", JSON),
        ("text/html", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("nonsense", None),
        (";,;,", None),
    ],
)
def test_the_media_type_is_what_the_client_accepts(accept: str | None, media_type: str | None) -> None:
    if media_type is None:
        with pytest.raises(NotAcceptable):
            answer_type(accept)
    else:
        assert answer_type(accept) == media_type


@pytest.mark.parametrize(
    ("body", "modern", "old"),
    [
        (GOOD, 200, 200),
        ({"query": "{"}, 400, 200),
        ({"query": "{ nothing }"}, 400, 200),
        ({"query": "query a { me { id } } query b { me { id } }"}, 400, 200),
        ({"query": "query ($id: ID!) { account(id: $id) { id } }"}, 400, 200),
        ({"query": '{ account(id: "x") { id } }'}, 200, 200),
        ({"query": "{ " + "me { manager { manager { " * 20 + "id" + "} } }" * 20 + " }"}, 400, 200),
        ({"query": 5}, 400, 400),
        ({}, 400, 400),
        ([GOOD], 400, 400),
    ],
)
async def test_the_status_says_what_the_media_type_lets_it_say(
    api: Api, tenant: SomeTenant, body: Any, modern: int, old: int
) -> None:
    for media_type, status in ((GRAPHQL, modern), (JSON, old)):
        headers = await _bearer(api, tenant, Accept=media_type)
        answer = await api.http.post("/graphql", json=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, media_type)
        assert ("data" in answer.json()) is (modern == 200)


async def test_what_http_itself_refuses_has_the_same_status_for_all(api: Api, tenant: SomeTenant) -> None:
    for accept in (GRAPHQL, JSON):
        answer = await api.http.post("/graphql", json=GOOD, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (401, accept)
        headers = await _bearer(api, tenant, Accept=accept)
        answer = await api.http.post("/graphql", files={"a": b"x"}, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        params = {"query": 'mutation { createTag(input: {name: "x"}) { __typename } }'}
        answer = await api.http.get("/graphql", params=params, headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_what_cannot_be_accepted_is_said(api: Api, tenant: SomeTenant) -> None:
    answer = await api.http.post("/graphql", json=GOOD, headers=await _bearer(api, tenant, Accept="text/html"))
    assert answer.status_code == 406
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "utf8"])
async def test_utf_8_may_be_said(api: Api, tenant: SomeTenant, charset: str) -> None:
    headers = await _bearer(api, tenant, **{"Content-Type": f"application/json; charset={charset}"})
    answer = await api.http.post("/graphql", content=b'{"query": "{ me { role } }"}', headers=headers)
    assert answer.status_code == 200


async def test_other_encodings_are_refused(api: Api, tenant: SomeTenant) -> None:
    headers = await _bearer(api, tenant, **{"Content-Type": "application/json; charset=gb18030"})
    answer = await api.http.post("/graphql", content='{"query": "{ me { role } }"}'.encode("gb18030"), headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"query": "{ me { role } }"}, 200),
        ({"query": "{ me { role } }", "variables": "", "extensions": "", "operationName": ""}, 200),
        ({"query": "query a { me { role } } query b { me { id } }", "operationName": "a"}, 200),
        ({"query": "query a { me { role } } query b { me { id } }"}, 400),
        ({"query": ["{ me { role } }", "{ me { id } }"]}, 400),
        ({"query": "{ me { role } }", "variables": "5"}, 400),
        ({"query": "{ me { role } }", "variables": "{"}, 400),
        ({"query": "{ me { role } }", "extensions": "[]"}, 400),
        ({"query": ""}, 400),
        ({}, 400),
    ],
)
async def test_get_takes_parameters(api: Api, tenant: SomeTenant, params: dict[str, Any], status: int) -> None:
    answer = await api.http.get("/graphql", params=params, headers=await _bearer(api, tenant))
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"data": {"me": {"role": "ADMIN"}}}


async def test_options_and_head_are_answered(api: Api, tenant: SomeTenant) -> None:
    answer = await api.http.options("/graphql")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, POST, OPTIONS", b"")
    answer = await api.http.head("/graphql", headers=await _bearer(api, tenant))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, OPTIONS")
    assert (await api.http.delete("/graphql")).status_code == 405


async def test_without_introspection_the_schema_is_not_told(api: Api, tenant: SomeTenant) -> None:
    headers = await _bearer(api, tenant)
    async with _client(HttpConfig(introspection=False, suggestions=False)) as http:
        answer = await http.post("/graphql", json={"query": "{ __schema { types { name } } }"}, headers=headers)
        assert answer.status_code == 400
        assert "introspection" in answer.json()["errors"][0]["message"].lower()
        for query in (
            "{ me { nam } }",
            "{ accountz { nodes { id } } }",
            "{ accounts(firs: 1) { nodes { id } } }",
            "{ accounts(filter: {nam: {eq: 1}}) { nodes { id } } }",
            "{ accounts(orderBy: [{field: NAM}]) { nodes { id } } }",
            "query ($x: AccountFilte) { accounts(filter: $x) { nodes { id } } }",
        ):
            answer = await http.post("/graphql", json={"query": query}, headers=headers)
            assert answer.status_code == 400, query
            assert "Did you mean" not in answer.text
        query = "query ($x: AccountFilter) { accounts(filter: $x) { nodes { id } } }"
        for value in ({"nam": {"eq": "x"}}, {"tier": {"eq": "AA"}}):
            answer = await http.post("/graphql", json={"query": query, "variables": {"x": value}}, headers=headers)
            assert answer.status_code == 400
            assert "Did you mean" not in answer.text
        answer = await http.post("/graphql", json={"query": "{ __typename me { __typename } }"}, headers=headers)
        assert answer.json() == {"data": {"__typename": "Query", "me": {"__typename": "User"}}}


async def test_names_are_suggested_otherwise(api: Api, tenant: SomeTenant) -> None:
    assert "Did you mean" in (await api.post(tenant, "{ me { nam } }")).text


async def test_pages_of_configured_origins_may_call(api: Api, tenant: SomeTenant) -> None:
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }
    async with _client(HttpConfig(cors_origins=("https://app.example",))) as http:
        answer = await http.options("/graphql", headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "access-control-allow-credentials" not in answer.headers
        answer = await http.options("/graphql", headers={**asked, "Origin": "https://evil.example"})
        assert answer.status_code == 400
        assert "access-control-allow-origin" not in answer.headers
        for headers in (await _bearer(api, tenant), {}):
            answer = await http.post("/graphql", json=GOOD, headers={**headers, "Origin": "https://app.example"})
            assert answer.headers["access-control-allow-origin"] == "https://app.example"
            assert "X-Request-Id" in answer.headers["access-control-expose-headers"]


async def test_no_page_may_call_unless_configured(api: Api, tenant: SomeTenant) -> None:
    headers = await _bearer(api, tenant, Origin="https://app.example")
    answer = await api.http.post("/graphql", json=GOOD, headers=headers)
    assert "access-control-allow-origin" not in answer.headers
