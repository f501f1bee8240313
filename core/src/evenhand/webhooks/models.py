"""The tables of webhooks: endpoints and the log of attempts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from tortoise import fields

from evenhand.entities.columns import choice, count, short_text
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class WebhookState(StrEnum):
    """Whether events are sent to an endpoint."""

    ACTIVE = "active"
    PAUSED = "paused"


class WebhookEndpoint(RecordModel):
    """An address that is told of events."""

    url = fields.CharField(max_length=2000)
    """Where requests go."""
    description = short_text(300)
    """What it is for, in words."""
    events: fields.Field[list[str]] = fields.JSONField(default=list)
    """Names of event types; "*" for all."""
    state = choice(WebhookState, default=WebhookState.ACTIVE)
    """Whether events are sent to it."""
    pause_reason = short_text(500)
    """Why it is paused."""
    secret = fields.TextField()
    """Sealed; what is sent is signed with it."""
    former_secret = fields.TextField(null=True)
    """Sealed; signs too until `former_until`."""
    former_until: datetime | None = fields.DatetimeField(null=True)
    """Until when requests are signed with the former secret too."""
    failures = count(null=False, default=0)
    """How many attempts failed since the last one that did not."""
    failing_since: datetime | None = fields.DatetimeField(null=True)
    """When the first of them failed."""
    last_success_at: datetime | None = fields.DatetimeField(null=True)
    """When an event was last accepted."""

    class Meta:
        app = "core"
        table = "webhook_endpoints"


class WebhookAttempt(TenantModel):
    """One request to an endpoint, and what came of it; kept for a while."""

    endpoint = ref("core.WebhookEndpoint")
    event_id = fields.UUIDField()
    """The event, as the header `webhook-id` names it."""
    event_type = fields.CharField(max_length=64)
    """The event's type."""
    attempt = fields.SmallIntField()
    """Which one it was, from 1."""
    url = fields.CharField(max_length=2000)
    """Where it went."""
    status = fields.SmallIntField(null=True)
    """The HTTP status; null when no answer came."""
    duration_ms = fields.IntField()
    """Milliseconds until the answer."""
    response = fields.TextField(null=True)
    """The beginning of the answer."""
    error = short_text(1000)
    """Why it failed, in words; null when it did not."""
    at = fields.DatetimeField()
    """When it was made."""

    class Meta:
        app = "core"
        table = "webhook_attempts"
        indexes = (("tenant_id", "endpoint_id", "at", "id"),)
