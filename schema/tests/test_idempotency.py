"""`Idempotency-Key`: a mutation is done once, however often and however parallel it is sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading, transaction
from evenhand.entities import Lead
from evenhand.idempotency.models import IdempotencyKey
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app
from evenhand_schema.testing import Api

CREATE = """mutation ($name: String!) { createLead(input: {name: $name}) {
    __typename ... on Lead { id name } ... on Failure { code } } }"""


async def send(
    api: Api,
    tenant: SomeTenant,
    key: str | None,
    query: str = CREATE,
    role: Role = Role.ADMIN,
    http: httpx.AsyncClient | None = None,
    **variables: Any,
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {await api.key(tenant, role)}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    body = {"query": query, "variables": variables or {"name": "李雷"}}
    return await (http or api.http).post("/graphql", json=body, headers=headers)


async def leads(tenant: SomeTenant) -> int:
    with acting_as(tenant.system):
        async with reading():
            return await Lead.all().count()


async def test_the_first_answer_comes_again_byte_for_byte(api: Api, tenant: SomeTenant) -> None:
    key = str(uuid4())
    first = await send(api, tenant, key)
    again = await send(api, tenant, f'"{key}"')
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert first.json()["data"]["createLead"]["name"] == "李雷"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await leads(tenant) == 1


async def test_other_requests_callers_and_tenants_are_told_apart(
    api: Api, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    key = str(uuid4())
    await send(api, tenant, key)
    reused = await send(api, tenant, key, name="韩梅梅")
    assert reused.status_code == 422
    (error,) = reused.json()["errors"]
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert error["extensions"]["hint"]
    assert await leads(tenant) == 1
    assert (await send(api, tenant, key, role=Role.REP)).status_code == 200
    assert (await send(api, other_tenant, key, name="韩梅梅")).status_code == 200
    assert (await leads(tenant), await leads(other_tenant)) == (2, 1)


async def test_refusals_in_words_are_answers_too(api: Api, tenant: SomeTenant) -> None:
    key = str(uuid4())
    first = await send(api, tenant, key, name="")
    assert first.json()["data"]["createLead"]["code"] == "INVALID_INPUT"
    assert (await send(api, tenant, key, name="")).headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", "a b", "schlüssel".encode(), "x" * 256, "\t"])
async def test_what_is_no_key_is_refused(api: Api, tenant: SomeTenant, key: str | bytes) -> None:
    headers: Any = {
        "Authorization": f"Bearer {await api.key(tenant)}",
        "Idempotency-Key": key,
        "Accept": "application/graphql-response+json",
    }
    body = {"query": CREATE, "variables": {"name": "x"}}
    answer = await api.http.post("/graphql", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_IDEMPOTENCY_KEY"
    assert await leads(tenant) == 0


async def test_queries_and_requests_without_a_key_are_as_ever(api: Api, tenant: SomeTenant) -> None:
    key = str(uuid4())
    for name in ("a", "b"):
        found = await send(
            api,
            tenant,
            key,
            "query ($name: String!) { leads(filter: {name: {eq: $name}}) { nodes { id } } }",
            name=name,
        )
        assert found.status_code == 200
        assert "idempotent-replayed" not in found.headers
    await send(api, tenant, None)
    await send(api, tenant, None)
    assert await leads(tenant) == 2
    with acting_as(tenant.system):
        async with reading():
            assert await IdempotencyKey.all().count() == 0


async def test_of_parallel_requests_to_two_servers_one_is_done(api: Api, tenant: SomeTenant) -> None:
    key = str(uuid4())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(None)), base_url="http://two.test") as two:
        answers = await asyncio.gather(*(send(api, tenant, key, http=two if n % 2 else None) for n in range(10)))
    bodies = {answer.content for answer in answers if answer.status_code == 200}
    assert len(bodies) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await leads(tenant) == 1
    late = await send(api, tenant, key)
    assert {late.content} == bodies


UPDATE = """mutation ($id: ID!, $name: String!) {
    first: createLead(input: {name: "other"}) { __typename }
    second: updateLead(id: $id, input: {name: $name}) { __typename } }"""


WAITING = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND query LIKE '%FOR NO KEY UPDATE%' AND datname = current_database()"
)


async def _waiting(owner: asyncpg.Connection) -> int:
    """The connection that waits for a row."""
    for _ in range(500):
        pid: int | None = await owner.fetchval(WAITING)
        if pid is not None:
            return pid
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")


async def test_while_the_first_is_being_done_and_after_its_server_died(
    api: Api, tenant: SomeTenant, database: DatabaseConfig
) -> None:
    lead = await tenant.create("Lead", name="old")
    key = str(uuid4())
    owner = await asyncpg.connect(**database.connect_arguments())
    locker = await asyncpg.connect(**database.connect_arguments())
    try:
        async with locker.transaction():
            await locker.execute(f"SET LOCAL app.tenant = '{tenant.id}'")
            await locker.execute("SELECT id FROM leads WHERE id = $1 FOR UPDATE", lead)
            first = asyncio.create_task(send(api, tenant, key, UPDATE, id=str(lead), name="new"))
            pid = await _waiting(owner)
            busy = await send(api, tenant, key, UPDATE, id=str(lead), name="new")
            assert (busy.status_code, busy.headers["retry-after"]) == (409, "1")
            assert busy.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_KEY_IN_PROGRESS"
            # The end of a connection in the middle is what PostgreSQL sees of a server that dies.
            await owner.execute("SELECT pg_terminate_backend($1)", pid)
            died = await first
            assert died.status_code >= 500
        assert await leads(tenant) == 1
        done = await send(api, tenant, key, UPDATE, id=str(lead), name="new")
        assert done.json() == {"data": {"first": {"__typename": "Lead"}, "second": {"__typename": "Lead"}}}
        assert await leads(tenant) == 2
    finally:
        await locker.close()
        await owner.close()


async def test_answers_are_forgotten_after_their_time(api: Api, tenant: SomeTenant) -> None:
    key = str(uuid4())
    await send(api, tenant, key)
    with acting_as(tenant.system):
        async with transaction():
            (row,) = await IdempotencyKey.all()
            assert timedelta(hours=23) < row.expires_at - datetime.now(UTC) <= timedelta(hours=24)
            await IdempotencyKey.all().update(expires_at=datetime.now(UTC))
    again = await send(api, tenant, key)
    assert "idempotent-replayed" not in again.headers
    assert await leads(tenant) == 2
    await send(api, tenant, str(uuid4()))
    with acting_as(tenant.system):
        async with reading():
            assert await IdempotencyKey.all().count() == 2


async def test_several_changes_under_a_key_read_what_they_wrote(api: Api, tenant: SomeTenant) -> None:
    query = """mutation { a: createAccount(input: {name: "甲"}) { ... on Account { name contacts { nodes { id } } } }
        b: createContacts(inputs: [{name: "x"}, {name: ""}, {name: "y"}]) {
            ... on ContactsWritten { results { status record { name channels { nodes { id } } } } } }
        c: createTag(input: {name: "t"}) { ... on Tag { name } }
        d: createTag(input: {name: "t"}) { ... on Failure { code } } }"""
    key = str(uuid4())
    first = await send(api, tenant, key, query)
    data = first.json()["data"]
    assert data["a"] == {"name": "甲", "contacts": {"nodes": []}}
    assert [one["status"] for one in data["b"]["results"]] == ["CREATED", "FAILED", "CREATED"]
    assert (data["c"], data["d"]) == ({"name": "t"}, {"code": "DUPLICATE_VALUE"})
    assert (await send(api, tenant, key, query)).content == first.content
