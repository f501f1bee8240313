"""Mutations of webhooks and of dead letters; for admins."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import datetime
from typing import Any

import strawberry
from strawberry import Info

from evenhand.actions.deliveries import replay_dead_letters
from evenhand.actions.webhooks import (
    MOST_REPLAYED,
    NewSecret,
    create_webhook_endpoint,
    delete_webhook_endpoint,
    replay_webhook,
    rotate_webhook_secret,
    update_webhook_endpoint,
)
from evenhand.webhooks.delivery import test_endpoint
from evenhand.webhooks.models import WebhookState
from evenhand_schema.columns import enum_type
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, described, mutation, result
from evenhand_schema.mutations.ownership import ids_of, prepare
from evenhand_schema.resolvers import record
from evenhand_schema.types import WebhookAttempt, WebhookEndpoint

_EVENTS = 'Names of event types such as "LeadCreated", or "*" for all.'


@strawberry.type(description="An endpoint and its secret, which is shown this once.")
class WebhookSecret:
    """The answer of `createWebhookEndpoint` and `rotateWebhookSecret`."""

    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint.")
    secret: str = strawberry.field(description='What signs, "whsec_…": enter it where the requests are received.')


@strawberry.type(description="Deliveries that are made once more.")
class Replayed:
    """The answer of the mutations that deliver something again."""

    count: int = strawberry.field(description="How many.")


@strawberry.type(description="An endpoint that was removed.")
class WebhookEndpointDeleted:
    """The answer of `deleteWebhookEndpoint`."""

    id: strawberry.ID = strawberry.field(description="The endpoint that was.")


async def _shown(info: Info, made: NewSecret) -> WebhookSecret:
    endpoint: WebhookEndpoint = await record(info, "WebhookEndpoint", made.endpoint_id)
    return WebhookSecret(endpoint=endpoint, secret=made.secret)


async def _create(info: Info, url: str, events: list[str], description: str | None) -> WebhookSecret:
    await prepare(info, "WebhookEndpoint")
    return await _shown(info, await create_webhook_endpoint(url, events, description=description))


async def _update(
    info: Info, id: Any, url: str | None, events: list[str] | None, description: str | None, state: Any
) -> WebhookEndpoint:
    await prepare(info, "WebhookEndpoint")
    given = {"url": url, "events": events, "description": description, "state": state}
    await update_webhook_endpoint(to_uuid(id), {name: value for name, value in given.items() if value is not None})
    found: WebhookEndpoint = await record(info, "WebhookEndpoint", to_uuid(id))
    return found


async def _delete(info: Info, id: Any) -> WebhookEndpointDeleted:
    await prepare(info, "WebhookEndpoint")
    await delete_webhook_endpoint(to_uuid(id))
    return WebhookEndpointDeleted(id=strawberry.ID(str(to_uuid(id))))


async def _rotate(info: Info, id: Any) -> WebhookSecret:
    await prepare(info, "WebhookEndpoint")
    return await _shown(info, await rotate_webhook_secret(to_uuid(id)))


async def _test(info: Info, id: Any) -> WebhookAttempt:
    await prepare(info, "WebhookEndpoint")
    attempt = await test_endpoint(to_uuid(id))
    found: WebhookAttempt = await record(info, "WebhookAttempt", attempt.id)
    return found


async def _replay(info: Info, id: Any, since: datetime, until: datetime) -> Replayed:
    await prepare(info, "WebhookEndpoint")
    return Replayed(count=await replay_webhook(to_uuid(id), since, until))


async def _replay_dead(info: Info, ids: Any, kind: str | None, name: str | None) -> Replayed:
    await prepare(info, "EventDelivery")
    subscriber = (kind or "", name or "") if kind is not None or name is not None else None
    return Replayed(count=await replay_dead_letters(None if ids is None else ids_of(ids), subscriber=subscriber))


def webhook_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    return {
        "create_webhook_endpoint": mutation(
            _create,
            {
                "url": (described(str, "Where to send; https, and a public address."), REQUIRED),
                "events": (described(list[str], _EVENTS), REQUIRED),
                "description": (described(str | None, "What it is for."), None),
            },
            result("CreateWebhookEndpoint", WebhookSecret, description="The endpoint, or why there is none."),
            "Have an address told of events from now on; admins only.",
        ),
        "update_webhook_endpoint": mutation(
            _update,
            {
                "id": (ID, REQUIRED),
                "url": (described(str | None, "Another address; null leaves it."), None),
                "events": (described(list[str] | None, f"{_EVENTS} Null leaves them."), None),
                "description": (described(str | None, "What it is for; null leaves it."), None),
                "state": (described(enum_type(WebhookState) | None, "PAUSED to stop for now, ACTIVE to go on."), None),
            },
            result("UpdateWebhookEndpoint", WebhookEndpoint, description="The endpoint, or why it is as before."),
            "Change, pause or resume an endpoint; what waits is sent when it goes on. Admins only.",
        ),
        "delete_webhook_endpoint": mutation(
            _delete,
            {"id": (ID, REQUIRED)},
            result("DeleteWebhookEndpoint", WebhookEndpointDeleted, description="The endpoint's id, or why it stays."),
            "Remove an endpoint; what waits for it is dropped. Admins only.",
        ),
        "rotate_webhook_secret": mutation(
            _rotate,
            {"id": (ID, REQUIRED)},
            result("RotateWebhookSecret", WebhookSecret, description="The new secret, or why there is none."),
            "Give an endpoint a new secret; for 24 hours requests are signed with the former one too. Admins only.",
        ),
        "test_webhook": mutation(
            _test,
            {"id": (ID, REQUIRED)},
            result("TestWebhook", WebhookAttempt, description="What came of it, or why nothing was sent."),
            "Send an event of type Ping at once, also to a paused endpoint; admins only.",
        ),
        "replay_webhook": mutation(
            _replay,
            {
                "id": (ID, REQUIRED),
                "since": (described(datetime, "Events that happened from then on."), REQUIRED),
                "until": (described(datetime, "Events that happened before."), REQUIRED),
            },
            result("ReplayWebhook", Replayed, description="How many events are sent again, or why none is."),
            f"Send the events of a time again, at most {MOST_REPLAYED}; admins only.",
        ),
        "replay_dead_letters": mutation(
            _replay_dead,
            {
                "ids": (described(list[strawberry.ID] | None, "Which ones; null for all of a subscriber."), None),
                "kind": (described(str | None, "The subscriber's kind: plugin, webhook or automation."), None),
                "name": (described(str | None, "The subscriber's name: a slug, an endpoint's id, rules."), None),
            },
            result("ReplayDeadLetters", Replayed, description="How many are delivered again, or why none is."),
            "Deliver events again that a subscriber did not take; admins only.",
        ),
    }
