"""Webhooks and dead letters over the API: an admin sets them up, nobody else sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from evenhand.events.catalogue import event_types
from evenhand.events.pump import drain_deliveries
from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand.testing.receiver import Receiver, receiving
from evenhand_schema.testing import Api

FAILURE = "... on Failure { code message hint }"
CREATE = f"""mutation ($url: String!, $events: [String!]!) {{
    createWebhookEndpoint(url: $url, events: $events, description: "Our ERP") {{
        ... on WebhookSecret {{ secret endpoint {{ id url events state description }} }} {FAILURE} }} }}"""
SHOW = """query ($id: ID!) { webhookEndpoint(id: $id) { state pauseReason failures
    attempts { edges { node { eventType attempt status error response durationMs } } } } }"""
UPDATE = f"""mutation ($id: ID!, $state: WebhookState, $url: String) {{
    updateWebhookEndpoint(id: $id, state: $state, url: $url) {{
        ... on WebhookEndpoint {{ state url }} {FAILURE} }} }}"""
ROTATE = f"mutation ($id: ID!) {{ rotateWebhookSecret(id: $id) {{ ... on WebhookSecret {{ secret }} {FAILURE} }} }}"
TEST = f"""mutation ($id: ID!) {{ testWebhook(id: $id) {{
    ... on WebhookAttempt {{ eventType status endpoint {{ id }} }} {FAILURE} }} }}"""
DELETE = f"""mutation ($id: ID!) {{ deleteWebhookEndpoint(id: $id) {{
    ... on WebhookEndpointDeleted {{ id }} {FAILURE} }} }}"""
REPLAY = f"""mutation ($id: ID!, $since: DateTime!, $until: DateTime!) {{
    replayWebhook(id: $id, since: $since, until: $until) {{ ... on Replayed {{ count }} {FAILURE} }} }}"""
DEAD = "{ deadLetters { id type kind name attempts lastError } eventSubscribers { kind name active pending dead } }"
REPLAY_DEAD = f"""mutation ($ids: [ID!], $kind: String, $name: String) {{
    replayDeadLetters(ids: $ids, kind: $kind, name: $name) {{ ... on Replayed {{ count }} {FAILURE} }} }}"""


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A receiver on this machine; private addresses are allowed."""
    monkeypatch.setenv("EVENHAND_WEBHOOKS_PRIVATE", "allow")
    async with receiving() as one:
        yield one


async def create(api: Api, tenant: SomeTenant, url: str, *events: str) -> dict[str, Any]:
    answer = await api.data(tenant, CREATE, url=url, events=list(events or ["LeadCreated"]))
    made: dict[str, Any] = answer["createWebhookEndpoint"]
    return made


async def test_an_admin_sets_up_a_webhook(api: Api, tenant: SomeTenant, receiver: Receiver) -> None:
    made = await create(api, tenant, receiver.url)
    endpoint = made["endpoint"]
    assert (endpoint["events"], endpoint["state"], endpoint["description"]) == (["LeadCreated"], "ACTIVE", "Our ERP")
    attempt = (await api.data(tenant, TEST, id=endpoint["id"]))["testWebhook"]
    assert attempt == {"eventType": "Ping", "status": 200, "endpoint": {"id": endpoint["id"]}}
    await tenant.create("lead", name="Ada")
    await drain_deliveries()
    headers, body = receiver.got[1]
    Webhook(made["secret"]).verify(body, headers)
    shown = (await api.data(tenant, SHOW, id=endpoint["id"]))["webhookEndpoint"]
    log = [edge["node"] for edge in shown["attempts"]["edges"]]
    assert [(one["eventType"], one["status"], one["error"]) for one in log] == [
        ("LeadCreated", 200, None),
        ("Ping", 200, None),
    ]
    rotated = (await api.data(tenant, ROTATE, id=endpoint["id"]))["rotateWebhookSecret"]
    assert rotated["secret"] != made["secret"]
    now = datetime.now(UTC)
    span: dict[str, Any] = {
        "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
    }
    assert (await api.data(tenant, REPLAY, id=endpoint["id"], **span))["replayWebhook"] == {"count": 1}
    paused = await api.data(tenant, UPDATE, id=endpoint["id"], state="PAUSED")
    assert paused["updateWebhookEndpoint"]["state"] == "PAUSED"
    deleted = await api.data(tenant, DELETE, id=endpoint["id"])
    assert deleted["deleteWebhookEndpoint"] == {"id": endpoint["id"]}
    again = await api.data(tenant, DELETE, id=endpoint["id"])
    assert again["deleteWebhookEndpoint"]["code"] == "RECORD_ARCHIVED"


async def test_dead_letters_are_read_and_replayed(api: Api, tenant: SomeTenant, receiver: Receiver) -> None:
    receiver.status = 410
    endpoint = (await create(api, tenant, receiver.url))["endpoint"]
    await tenant.create("lead", name="Ada")
    await drain_deliveries()
    found = await api.data(tenant, DEAD)
    (letter,) = found["deadLetters"]
    assert (letter["type"], letter["name"], letter["attempts"]) == ("LeadCreated", endpoint["id"], 1)
    ours = [one for one in found["eventSubscribers"] if one["kind"] == "webhook"]
    assert ours == [{"kind": "webhook", "name": endpoint["id"], "active": False, "pending": 0, "dead": 1}]
    replayed = await api.data(tenant, REPLAY_DEAD, kind="webhook", name=endpoint["id"])
    assert replayed["replayDeadLetters"] == {"count": 1}
    assert (await api.data(tenant, REPLAY_DEAD, ids=[letter["id"]]))["replayDeadLetters"] == {"count": 0}
    assert (await api.data(tenant, REPLAY_DEAD))["replayDeadLetters"]["code"] == "INVALID_INPUT"


async def test_event_types_are_listed(api: Api, tenant: SomeTenant) -> None:
    assert (await api.data(tenant, "{ eventTypes }", Role.REP))["eventTypes"] == sorted(event_types())


async def test_what_cannot_be_is_told(api: Api, tenant: SomeTenant) -> None:
    for url in ("http://example.com/", "https://127.0.0.1/", "https://user@example.com/", "nonsense"):
        refused = await create(api, tenant, url)
        assert refused["code"] == "WEBHOOK_ADDRESS_REFUSED"
        assert refused["hint"]
    assert (await create(api, tenant, "https://example.com/", "LeadExploded"))["code"] == "INVALID_INPUT"
    assert (await api.data(tenant, "{ webhookEndpoints { edges { node { id } } } }"))["webhookEndpoints"]["edges"] == []


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.READ_ONLY])
async def test_nobody_but_admins_sees_or_changes_them(
    api: Api, tenant: SomeTenant, receiver: Receiver, role: Role
) -> None:
    endpoint = (await create(api, tenant, receiver.url))["endpoint"]["id"]
    for query in (SHOW, "{ webhookEndpoints { edges { node { id } } } }", DEAD, "{ deadLetters { id } }"):
        given = {"id": endpoint} if "$id" in query else {}
        errors = await api.errors(tenant, query, role, **given)
        assert {error["extensions"]["code"] for error in errors} == {"PERMISSION_DENIED"}
    refused = await api.data(tenant, UPDATE, role, id=endpoint, state="PAUSED")
    assert refused["updateWebhookEndpoint"]["code"] == "PERMISSION_DENIED"
    for query in (ROTATE, TEST, DELETE):
        (answer,) = (await api.data(tenant, query, role, id=endpoint)).values()
        assert answer["code"] == "PERMISSION_DENIED"
    assert (await api.data(tenant, SHOW, id=endpoint))["webhookEndpoint"]["state"] == "ACTIVE"
    assert receiver.got == []


async def test_secrets_are_no_fields(api: Api, tenant: SomeTenant) -> None:
    for hidden in ("secret", "formerSecret"):
        assert await api.errors(tenant, f"{{ webhookEndpoints {{ edges {{ node {{ {hidden} }} }} }} }}")


async def test_tenants_do_not_see_one_anothers(
    api: Api, tenant: SomeTenant, other_tenant: SomeTenant, receiver: Receiver
) -> None:
    endpoint = (await create(api, tenant, receiver.url))["endpoint"]["id"]
    assert (await api.data(other_tenant, SHOW, id=endpoint))["webhookEndpoint"] is None
    for query in (ROTATE, TEST, DELETE):
        (answer,) = (await api.data(other_tenant, query, id=endpoint)).values()
        assert answer["code"] == "NOT_FOUND"
