"""GraphQL over server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from evenhand.auth.keys import create_api_key, revoke_api_key
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

from .conftest import SOON, Running, serving, until

ACCEPT = {"Accept": "text/event-stream"}
LEADS = "subscription { leadsChanged { resync changes { operation record { name } } } }"

Events = AsyncGenerator[tuple[str, Any], None]


async def _events(response: httpx.Response) -> Events:
    """Events by name with their data; comments as ("", text)."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith(":"):
            yield "", line
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:"):
            text = line.removeprefix("data:").strip()
            yield name, json.loads(text) if text else None


async def _told(events: Events) -> tuple[str, Any]:
    """The next event that is no heartbeat."""
    async with asyncio.timeout(SOON):
        while True:
            event = await anext(events)
            if event[0]:
                return event


async def _all(http: httpx.AsyncClient, body: dict[str, Any]) -> list[tuple[str, Any]]:
    async with http.stream("POST", "/graphql", json=body, headers=ACCEPT) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [event async for event in _events(response) if event[0]]


async def test_changes_come_as_events(http: httpx.AsyncClient, tenant: SomeTenant) -> None:
    async with http.stream("POST", "/graphql", json={"query": LEADS}, headers=ACCEPT) as response:
        assert response.headers["cache-control"] == "no-store"
        async with aclosing(_events(response)) as events:
            assert await _told(events) == ("next", {"data": {"leadsChanged": {"resync": True, "changes": []}}})
            await tenant.create("Lead", name="李伟")
            _, told = await _told(events)
            assert told["data"]["leadsChanged"]["changes"] == [{"operation": "CREATED", "record": {"name": "李伟"}}]


async def test_silence_has_heartbeats(http: httpx.AsyncClient) -> None:
    async with http.stream("POST", "/graphql", json={"query": LEADS}, headers=ACCEPT) as response:
        beats = 0
        async with asyncio.timeout(SOON), aclosing(_events(response)) as events:
            async for name, _ in events:
                beats += not name
                if beats == 3:
                    break


async def test_a_query_is_one_event(http: httpx.AsyncClient) -> None:
    events = await _all(http, {"query": "{ me { role } }"})
    assert events == [("next", {"data": {"me": {"role": "ADMIN"}}}), ("complete", None)]


@pytest.mark.parametrize("query", ["{", "{ nothing }", 'subscription { jobProgress(id: "x") { id } }'])
async def test_what_cannot_be_executed_is_told_by_an_event(http: httpx.AsyncClient, query: str) -> None:
    (name, told), end = await _all(http, {"query": query})
    assert name == "next"
    assert told["errors"][0]["extensions"]["hint"]
    assert end == ("complete", None)


async def test_get_is_for_reading(http: httpx.AsyncClient, tenant: SomeTenant) -> None:
    async with (
        http.stream("GET", "/graphql", params={"query": LEADS}, headers=ACCEPT) as response,
        aclosing(_events(response)) as events,
    ):
        assert (await _told(events))[1]["data"]["leadsChanged"]["resync"]
    mutation = 'mutation { createLead(input: {name: "x"}) { __typename } }'
    async with http.stream("GET", "/graphql", params={"query": mutation}, headers=ACCEPT) as response:
        told = [event async for event in _events(response) if event[0]]
    assert told[0][1]["errors"][0]["extensions"]["code"] == "WRITE_OVER_GET"


async def test_bad_callers_and_bodies_are_refused_by_status(running: Running, http: httpx.AsyncClient) -> None:
    refused = await http.post("/graphql", content=b"{", headers={**ACCEPT, "Content-Type": "application/json"})
    assert refused.status_code == 400
    async with httpx.AsyncClient(base_url=running.url) as nobody:
        refused = await nobody.post("/graphql", json={"query": LEADS}, headers=ACCEPT)
    assert refused.status_code == 401
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_subscription_needs_a_stream(http: httpx.AsyncClient) -> None:
    refused = await http.post("/graphql", json={"query": LEADS})
    error = refused.json()["errors"][0]
    assert "text/event-stream" in error["extensions"]["hint"]


async def test_leaving_ends_the_subscription(running: Running, http: httpx.AsyncClient) -> None:
    for _ in range(3):
        async with (
            http.stream("POST", "/graphql", json={"query": LEADS}, headers=ACCEPT) as response,
            aclosing(_events(response)) as events,
        ):
            await _told(events)
    await until(lambda: not running.live.subscriptions and not len(running.live))


async def test_a_revoked_key_ends_the_stream(running: Running, tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        key = await create_api_key(tenant.users[Role.REP], "doomed")
    headers = {**ACCEPT, "Authorization": f"Bearer {key}"}
    async with (
        httpx.AsyncClient(base_url=running.url, timeout=SOON) as http,
        http.stream("POST", "/graphql", json={"query": LEADS}, headers=headers) as response,
        aclosing(_events(response)) as events,
    ):
        await _told(events)
        with acting_as(tenant.system):
            await revoke_api_key(key[:60])
        async with asyncio.timeout(3):
            _, told = await _told(events)
            assert told["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            assert await _told(events) == ("complete", None)


async def test_a_stopping_server_completes_the_stream(database: DatabaseConfig, api: Api, tenant: SomeTenant) -> None:
    headers = {**ACCEPT, "Authorization": f"Bearer {await api.key(tenant)}"}
    async with (
        serving(database) as running,
        httpx.AsyncClient(base_url=running.url, timeout=SOON) as http,
        http.stream("POST", "/graphql", json={"query": LEADS}, headers=headers) as response,
        aclosing(_events(response)) as events,
    ):
        await _told(events)
        running.server.should_exit = True
        assert await _told(events) == ("complete", None)


async def test_connections_with_one_key_are_limited(database: DatabaseConfig, api: Api, tenant: SomeTenant) -> None:
    headers = {**ACCEPT, "Authorization": f"Bearer {await api.key(tenant)}"}
    async with (
        serving(database, connections=1) as running,
        httpx.AsyncClient(base_url=running.url, timeout=SOON) as http,
        http.stream("POST", "/graphql", json={"query": LEADS}, headers=headers) as response,
        aclosing(_events(response)) as events,
    ):
        await _told(events)
        refused = await http.post("/graphql", json={"query": LEADS}, headers=headers)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_CONNECTIONS"


async def test_a_promise_to_do_it_once_is_not_broken_silently(http: httpx.AsyncClient) -> None:
    body = {"query": 'mutation { createLead(input: {name: "x"}) { __typename } }'}
    refused = await http.post("/graphql", json=body, headers={**ACCEPT, "Idempotency-Key": "1"})
    assert "Idempotency-Key is not heeded" in refused.text
    assert "createLead" not in refused.text
