"""Endpoints get signed events, failures are repeated and logged, dead endpoints are paused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from evenhand.actions.deliveries import dead_letters, replay_dead_letters, subscribers_waiting
from evenhand.actions.records import update_record
from evenhand.actions.webhooks import (
    NewSecret,
    create_webhook_endpoint,
    delete_webhook_endpoint,
    replay_webhook,
    rotate_webhook_secret,
    update_webhook_endpoint,
    webhook_endpoints,
)
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.errors import InvalidInput, NotFound
from evenhand.events.pump import drain_deliveries
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.clock import Clock
from evenhand.testing.receiver import Receiver
from evenhand.webhooks import sending
from evenhand.webhooks.addresses import AddressRefused
from evenhand.webhooks.delivery import DEAD_FAILURES, attempts_of, test_endpoint
from evenhand.webhooks.models import WebhookEndpoint, WebhookState

test_endpoint.__test__ = False  # type: ignore[attr-defined]


async def subscribe(tenant: SomeTenant, receiver: Receiver, *events: str) -> NewSecret:
    with acting_as(tenant.actor(Role.ADMIN)):
        return await create_webhook_endpoint(receiver.url, events or ("LeadCreated",))


async def endpoint_of(tenant: SomeTenant, endpoint_id: UUID) -> WebhookEndpoint:
    with acting_as(tenant.system):
        async with reading():
            return await WebhookEndpoint.get(id=endpoint_id)


async def test_an_event_arrives_signed(tenant: SomeTenant, receiver: Receiver) -> None:
    made = await subscribe(tenant, receiver)
    lead = await tenant.create("lead", name="Ada", city="Hangzhou")
    await tenant.create("tag", name="Hot")
    await drain_deliveries()
    ((headers, body),) = receiver.got
    content: dict[str, Any] = Webhook(made.secret).verify(body, headers)
    assert content["type"] == "LeadCreated"
    assert content["data"]["record_id"] == str(lead)
    assert content["data"]["payload"]["after"]["city"] == "Hangzhou"
    assert content["data"]["id"] == headers["webhook-id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body + b" ", headers)
    with acting_as(tenant.actor(Role.ADMIN)):
        (attempt,) = await attempts_of(made.endpoint_id)
    assert (attempt.status, attempt.response, attempt.error) == (200, "thanks", None)


async def test_both_secrets_sign_while_they_are_exchanged(tenant: SomeTenant, receiver: Receiver, clock: Clock) -> None:
    first = await subscribe(tenant, receiver)
    with acting_as(tenant.actor(Role.ADMIN)):
        second = await rotate_webhook_secret(first.endpoint_id)
    await tenant.create("lead", name="Ada")
    await drain_deliveries()
    ((headers, body),) = receiver.got
    for secret in (first.secret, second.secret):
        Webhook(secret).verify(body, headers)
    clock.advance(hours=25)
    await tenant.create("lead", name="Bob")
    await drain_deliveries()
    headers, body = receiver.got[1]
    assert len(headers["webhook-signature"].split()) == 1


async def test_secrets_are_sealed_and_never_told_again(tenant: SomeTenant, receiver: Receiver) -> None:
    made = await subscribe(tenant, receiver)
    endpoint = await endpoint_of(tenant, made.endpoint_id)
    assert made.secret not in endpoint.secret
    assert made.secret.removeprefix("whsec_") not in str(endpoint.columns())


async def test_a_failure_is_repeated_when_the_other_side_asks(
    tenant: SomeTenant, receiver: Receiver, clock: Clock
) -> None:
    made = await subscribe(tenant, receiver, "LeadCreated", "LeadUpdated")
    receiver.answers = [(503, {"retry-after": "120"}, b"later")]
    lead = await tenant.create("lead", name="Ada")
    with acting_as(tenant.system):
        await update_record("lead", lead, {"city": "Beijing"})
    await drain_deliveries()
    clock.advance(seconds=100)
    await drain_deliveries()
    assert len(receiver.got) == 1
    clock.advance(seconds=21)
    await drain_deliveries()
    told = [orjson.loads(body)["type"] for _, body in receiver.got]
    assert told == ["LeadCreated", "LeadCreated", "LeadUpdated"]
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]
    with acting_as(tenant.actor(Role.ADMIN)):
        log = await attempts_of(made.endpoint_id)
    assert [(one.status, one.attempt) for one in reversed(log)] == [(503, 1), (200, 2), (200, 1)]
    assert log[-1].error == "HTTP 503: X."


async def test_redirects_are_not_followed_and_long_answers_are_cut(tenant: SomeTenant, receiver: Receiver) -> None:
    made = await subscribe(tenant, receiver)
    receiver.answers = [(302, {"location": receiver.url}, b"x" * 100_000)]
    await tenant.create("lead", name="Ada")
    await drain_deliveries()
    assert len(receiver.got) == 1
    with acting_as(tenant.actor(Role.ADMIN)):
        (attempt,) = await attempts_of(made.endpoint_id)
    assert attempt.error == "HTTP 302: redirects are not followed."
    assert attempt.response == "x" * sending.RESPONSE_BYTES


async def test_an_endpoint_that_is_gone_is_paused_at_once(tenant: SomeTenant, receiver: Receiver) -> None:
    made = await subscribe(tenant, receiver)
    receiver.status = 410
    await tenant.create("lead", name="Ada")
    await drain_deliveries()
    endpoint = await endpoint_of(tenant, made.endpoint_id)
    assert endpoint.state is WebhookState.PAUSED
    assert endpoint.pause_reason == "It answered 410 Gone: it wants nothing more."
    with acting_as(tenant.actor(Role.ADMIN)):
        async with reading():
            told = await Notification.filter(kind="webhook_paused").count()
        (dead,) = await dead_letters(kind="webhook")
        assert (told, dead.name, dead.type) == (1, str(made.endpoint_id), "LeadCreated")
        receiver.status = 200
        await update_webhook_endpoint(made.endpoint_id, {"state": "active"})
        assert await replay_dead_letters([dead.id]) == 1
        await drain_deliveries()
        assert await dead_letters() == []
    assert len(receiver.got) == 2
    assert (await endpoint_of(tenant, made.endpoint_id)).pause_reason is None


async def test_an_endpoint_that_only_fails_is_paused_after_days(
    tenant: SomeTenant, receiver: Receiver, clock: Clock
) -> None:
    made = await subscribe(tenant, receiver)
    receiver.status = 500
    for number in range(DEAD_FAILURES):
        await tenant.create("lead", name=str(number))
    await drain_deliveries()
    assert (await endpoint_of(tenant, made.endpoint_id)).state is WebhookState.ACTIVE
    clock.advance(days=4)
    await drain_deliveries()
    paused = await endpoint_of(tenant, made.endpoint_id)
    assert paused.state is WebhookState.PAUSED
    assert paused.pause_reason is not None
    assert "HTTP 500" in paused.pause_reason
    sent = len(receiver.got)
    clock.advance(days=1)
    with acting_as(tenant.system):
        assert await drain_deliveries(only_this_tenant=True) == 0
    assert len(receiver.got) == sent


async def test_a_time_is_replayed(tenant: SomeTenant, receiver: Receiver, clock: Clock) -> None:
    for name in ("early", "in time", "in time too"):
        await tenant.create("lead", name=name)
        clock.advance(hours=1)
    made = await subscribe(tenant, receiver)
    start = clock.now() - timedelta(hours=2)
    with acting_as(tenant.actor(Role.ADMIN)):
        assert await replay_webhook(made.endpoint_id, start, clock.now()) == 2
        assert await replay_webhook(made.endpoint_id, start, clock.now()) == 0
        await drain_deliveries()
        with pytest.raises(InvalidInput):
            await replay_webhook(made.endpoint_id, clock.now(), start)
    names = [orjson.loads(body)["data"]["payload"]["after"]["name"] for _, body in receiver.got]
    assert sorted(names) == ["in time", "in time too"]


async def test_a_test_is_sent_at_once_also_to_a_paused_endpoint(tenant: SomeTenant, receiver: Receiver) -> None:
    made = await subscribe(tenant, receiver)
    with acting_as(tenant.actor(Role.ADMIN)):
        await update_webhook_endpoint(made.endpoint_id, {"state": "paused"})
        attempt = await test_endpoint(made.endpoint_id)
    assert (attempt.status, attempt.event_type) == (200, "Ping")
    assert orjson.loads(receiver.got[0][1])["type"] == "Ping"


async def test_what_waits_for_a_removed_endpoint_is_dropped(tenant: SomeTenant, receiver: Receiver) -> None:
    made = await subscribe(tenant, receiver)
    await tenant.create("lead", name="Ada")
    with acting_as(tenant.actor(Role.ADMIN)):
        await delete_webhook_endpoint(made.endpoint_id)
        assert await webhook_endpoints() == []
        assert [one.pending for one in await subscribers_waiting() if one.kind == "webhook"] == [0]
    with acting_as(tenant.system):
        assert await drain_deliveries(only_this_tenant=True) == 0


async def test_a_private_address_is_never_asked(
    tenant: SomeTenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await subscribe(tenant, receiver)
    monkeypatch.delenv("EVENHAND_WEBHOOKS_PRIVATE")
    await tenant.create("lead", name="Ada")
    await drain_deliveries()
    assert receiver.got == []
    with acting_as(tenant.actor(Role.ADMIN)):
        (attempt,) = await attempts_of(made.endpoint_id)
        assert attempt.error is not None
        with pytest.raises(AddressRefused):
            await create_webhook_endpoint(receiver.url, ["*"])
        with pytest.raises(AddressRefused):
            await update_webhook_endpoint(made.endpoint_id, {"url": "https://10.0.0.1/"})


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.READ_ONLY])
async def test_only_admins_may(tenant: SomeTenant, receiver: Receiver, role: Role) -> None:
    made = await subscribe(tenant, receiver)
    with acting_as(tenant.actor(role)):
        for attempt in (
            create_webhook_endpoint(receiver.url, ["*"]),
            update_webhook_endpoint(made.endpoint_id, {"state": "paused"}),
            delete_webhook_endpoint(made.endpoint_id),
            rotate_webhook_secret(made.endpoint_id),
            test_endpoint(made.endpoint_id),
            webhook_endpoints(),
            attempts_of(made.endpoint_id),
            dead_letters(),
            replay_dead_letters([]),
        ):
            with pytest.raises(PermissionDenied):
                await attempt
    assert (await endpoint_of(tenant, made.endpoint_id)).version == 1


async def test_tenants_do_not_see_one_anothers_endpoints(
    tenant: SomeTenant, other_tenant: SomeTenant, receiver: Receiver
) -> None:
    made = await subscribe(tenant, receiver, "*")
    await other_tenant.create("lead", name="Not told")
    with acting_as(other_tenant.actor(Role.ADMIN)):
        assert await webhook_endpoints() == []
        assert await attempts_of(made.endpoint_id) == []
        with pytest.raises(NotFound):
            await update_webhook_endpoint(made.endpoint_id, {"state": "paused"})
        with pytest.raises(NotFound):
            await test_endpoint(made.endpoint_id)
    await drain_deliveries()
    assert all(orjson.loads(body)["data"]["tenant_id"] == str(tenant.id) for _, body in receiver.got)
