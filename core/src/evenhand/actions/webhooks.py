"""Endpoints of webhooks: create, change, pause, rotate their secrets, test and replay; admins only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.errors import RecordArchived
from evenhand.actions.journal import Journal, writing
from evenhand.actions.notifications import notify
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import raw_connection, reading
from evenhand.entities import User
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.events.catalogue import EVERYTHING, checked_types
from evenhand.events.models import EventSubscriber
from evenhand.events.subscribers import set_subscriber
from evenhand.events.waking import wake
from evenhand.secrets import seal
from evenhand.tenancy.context import Role, current_actor
from evenhand.webhooks.addresses import read_target
from evenhand.webhooks.models import WebhookEndpoint, WebhookState
from evenhand.webhooks.sending import private_allowed
from evenhand.webhooks.signing import new_secret

ENTITY = "WebhookEndpoint"
KIND = "webhook"
ROTATION = timedelta(hours=24)
"""How long the former secret signs too."""
MOST_REPLAYED = 10_000
_CHANGEABLE = frozenset({"url", "description", "events", "state"})

# Times and filters of the endpoint itself; what waits already is not put there twice.
_REPLAY = f"""
INSERT INTO event_deliveries (tenant_id, id, event_id, subscriber_id, record_id, sequence, state, attempts)
SELECT $1, gen_random_uuid(), event.id, $2, event.record_id, event.sequence, 'pending', 0
FROM outbox_events AS event
WHERE event.tenant_id = $1 AND event.occurred_at >= $3 AND event.occurred_at < $4
    AND ('{EVERYTHING}' = ANY ($5::text[]) OR event.type = ANY ($5::text[]))
    AND NOT EXISTS (SELECT FROM event_deliveries AS there WHERE there.tenant_id = $1 AND there.subscriber_id = $2
                    AND there.event_id = event.id AND there.state = 'pending')
ORDER BY event.sequence LIMIT {MOST_REPLAYED + 1}
"""


@dataclass(frozen=True)
class NewSecret:
    """An endpoint and its secret, which is never shown again."""

    endpoint_id: UUID
    secret: str


def _checked_url(url: Any) -> str:
    text = str(require_value(WebhookEndpoint, "url", url))
    read_target(text, private=private_allowed())
    return text


def _checked_events(events: Any) -> list[str]:
    if not isinstance(events, Collection) or isinstance(events, str) or not all(isinstance(one, str) for one in events):
        message = "events: is no list of event types."
        raise InvalidInput([Problem("events", "WRONG_TYPE", message, 'Give names such as ["LeadCreated"], or ["*"].')])
    types = checked_types(events)
    if not types:
        message = "events: must not be empty."
        raise InvalidInput([Problem("events", "REQUIRED", message, 'Name event types, or ["*"] for all.')])
    return types


async def _locked(endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = await WebhookEndpoint.filter(id=endpoint_id).select_for_update(no_key=True).first()
    if endpoint is None:
        raise NotFound(ENTITY, endpoint_id)
    if endpoint.archived_at is not None:
        raise RecordArchived("The endpoint was removed.", hint="Create a new one.")
    return endpoint


async def create_webhook_endpoint(url: str, events: Collection[str], *, description: str | None = None) -> NewSecret:
    """Tell an address of events from now on.

    Args:
        events: names of event types, or "*".

    Raises:
        AddressRefused, InvalidInput, PermissionDenied; SecretKeyMissing: secrets cannot be kept.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    values = {
        "url": _checked_url(url),
        "events": _checked_events(events),
        "description": require_value(WebhookEndpoint, "description", description),
    }
    secret = new_secret()
    async with writing("create_webhook_endpoint") as journal:
        endpoint = await WebhookEndpoint.create(**values, secret=seal(secret))
        await set_subscriber(KIND, str(endpoint.id), values["events"])
        journal.record(ENTITY, endpoint.id, before=None, after=values)
    return NewSecret(endpoint.id, secret)


async def update_webhook_endpoint(endpoint_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Change an endpoint: url, description, events, state. Returns: whether anything was different.

    What waits while it is paused is sent when it is active again; what happens meanwhile is not noted down for it
    (see `replay_webhook`).

    Raises:
        NotFound, RecordArchived, AddressRefused, InvalidInput, PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    unknown = sorted(changes.keys() - _CHANGEABLE)
    if unknown:
        message = f"{unknown[0]}: there is no such field."
        raise InvalidInput([Problem(unknown[0], "UNKNOWN_FIELD", message, f"Use {', '.join(sorted(_CHANGEABLE))}.")])
    wanted = dict(changes)
    if "url" in wanted:
        wanted["url"] = _checked_url(wanted["url"])
    if "events" in wanted:
        wanted["events"] = _checked_events(wanted["events"])
    for name in ("description", "state"):
        if name in wanted:
            wanted[name] = require_value(WebhookEndpoint, name, wanted[name])
    async with writing("update_webhook_endpoint") as journal:
        endpoint = await _locked(endpoint_id)
        new = {name: value for name, value in wanted.items() if getattr(endpoint, name) != value}
        if not new:
            return False
        if "state" in new:
            paused = new["state"] is WebhookState.PAUSED
            new |= {"pause_reason": "Paused by an admin." if paused else None, "failures": 0, "failing_since": None}
        await _write(endpoint, new, journal)
    return True


async def _write(endpoint: WebhookEndpoint, new: Mapping[str, Any], journal: Journal) -> None:
    before = {name: getattr(endpoint, name) for name in new}
    endpoint.update_from_dict(dict(new))
    endpoint.version += 1
    await endpoint.save(update_fields=[*new, "version", "updated_at"])
    active = endpoint.state is WebhookState.ACTIVE and endpoint.archived_at is None
    await set_subscriber(KIND, str(endpoint.id), endpoint.events, active=active)
    journal.record(ENTITY, endpoint.id, before=before, after=new)


async def delete_webhook_endpoint(endpoint_id: UUID) -> None:
    """Tell an address nothing any more; what waits for it is dropped, its log is kept for its time.

    Raises:
        NotFound, RecordArchived, PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    async with writing("delete_webhook_endpoint") as journal:
        endpoint = await _locked(endpoint_id)
        new = {"archived_at": journal.now, "state": WebhookState.PAUSED, "pause_reason": "Removed by an admin."}
        await _write(endpoint, new, journal)
        await raw_connection(journal.client).execute(
            "DELETE FROM event_deliveries AS d USING event_subscribers AS s "
            "WHERE d.tenant_id = $1 AND s.tenant_id = $1 AND s.kind = $2 AND s.name = $3 AND d.subscriber_id = s.id",
            journal.actor.tenant_id,
            KIND,
            str(endpoint_id),
        )


async def rotate_webhook_secret(endpoint_id: UUID) -> NewSecret:
    """Give an endpoint a new secret; for `ROTATION` what is sent carries signatures by both.

    Raises:
        NotFound, RecordArchived, PermissionDenied; SecretKeyMissing.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    secret = new_secret()
    async with writing("rotate_webhook_secret") as journal:
        endpoint = await _locked(endpoint_id)
        endpoint.former_secret, endpoint.secret = endpoint.secret, seal(secret)
        endpoint.former_until = journal.now + ROTATION
        endpoint.version += 1
        await endpoint.save(update_fields=["secret", "former_secret", "former_until", "version", "updated_at"])
        journal.record(
            ENTITY, endpoint.id, before=None, after={"secret": "changed", "former_until": endpoint.former_until}
        )
    return NewSecret(endpoint_id, secret)


async def replay_webhook(endpoint_id: UUID, since: datetime, until: datetime) -> int:
    """Send the events of a time once more, those that the endpoint's filter takes. Returns: how many.

    Args:
        since, until: aware; when they happened, `until` not included.

    Raises:
        NotFound, RecordArchived, PermissionDenied; InvalidInput: no such time, or too many events.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    if since.tzinfo is None or until.tzinfo is None or since >= until:
        message = f"since: {since} is not before {until}, or has no time zone."
        raise InvalidInput(
            [Problem("since", "BAD_TIME", message, "Give two moments with time zones, the earlier first.")]
        )
    async with writing("replay_webhook") as journal:
        endpoint = await _locked(endpoint_id)
        subscriber = await EventSubscriber.get(kind=KIND, name=str(endpoint_id))
        status = await raw_connection(journal.client).execute(
            _REPLAY, journal.actor.tenant_id, subscriber.id, since, until, endpoint.events
        )
        count = int(status.rpartition(" ")[2])
        if count > MOST_REPLAYED:
            message = f"since: more than {MOST_REPLAYED} events happened in that time."
            raise InvalidInput([Problem("since", "TOO_MANY", message, "Replay shorter times one after the other.")])
        after = {"replayed": count, "since": since, "until": until}
        journal.record(ENTITY, endpoint.id, before=None, after=after)
    wake()
    return count


async def pause_dead_endpoint(endpoint_id: UUID, reason: Mapping[str, str]) -> bool:
    """Pause an endpoint that answers no more, and tell the admins; called by the delivery itself.

    Returns: whether it was active.

    Args:
        reason: by language, "en" and "zh".
    """
    async with writing("pause_webhook_endpoint") as journal:
        endpoint = await WebhookEndpoint.filter(id=endpoint_id).select_for_update(no_key=True).first()
        if endpoint is None or endpoint.state is WebhookState.PAUSED or endpoint.archived_at is not None:
            return False
        await _write(endpoint, {"state": WebhookState.PAUSED, "pause_reason": reason["en"][:500]}, journal)
        admins = await User.filter(role=Role.ADMIN, archived_at=None).values_list("id", flat=True)
        await notify(
            journal,
            [UUID(str(admin)) for admin in admins],
            kind="webhook_paused",
            title={"en": f"Webhook paused: {endpoint.url}", "zh": f"Webhook 已暂停：{endpoint.url}"},
            body=dict(reason),
            entity=ENTITY,
            record_id=endpoint.id,
            key=f"webhook_paused:{endpoint.id}:{endpoint.version}",
        )
    return True


async def webhook_endpoints() -> list[WebhookEndpoint]:
    """All endpoints of the tenant that were not removed, the oldest first.

    Raises:
        PermissionDenied.
    """
    require(current_actor(), Operation.READ, ENTITY)
    async with reading():
        return list(await WebhookEndpoint.filter(archived_at=None).order_by("id"))


__all__ = [
    "MOST_REPLAYED",
    "ROTATION",
    "NewSecret",
    "create_webhook_endpoint",
    "delete_webhook_endpoint",
    "pause_dead_endpoint",
    "replay_webhook",
    "rotate_webhook_secret",
    "update_webhook_endpoint",
    "webhook_endpoints",
]
