"""The tables of events: the outbox, who subscribes, and what is still to be delivered."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault

from evenhand.entities.columns import choice, long_text
from evenhand.tenancy.models import TenantModel

SEQUENCE = "outbox_events_sequence"


class OutboxEvent(TenantModel):
    """An event written in the transaction of the change it tells of."""

    append_only = True

    sequence = fields.BigIntField(db_default=SqlDefault(f"nextval('{SEQUENCE}')"))
    """Greater for later events of the same record."""
    type = fields.CharField(max_length=64)
    """Past tense, e.g. "LeadCreated"."""
    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    payload: fields.Field[dict[str, Any]] = fields.JSONField()
    user_id = fields.UUIDField(null=True)
    via = fields.CharField(max_length=64)
    occurred_at = fields.DatetimeField()
    cause = fields.UUIDField(null=True)
    """The event in whose handling this one happened."""
    depth = fields.SmallIntField(default=0, db_default=0)
    """How many events led here, one by the other."""

    class Meta:
        app = "core"
        table = "outbox_events"
        indexes = (("tenant_id", "occurred_at", "id"),)


class EventSubscriber(TenantModel):
    """Somebody to whom events are delivered: a plugin, a webhook endpoint, the automation."""

    kind = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    events: fields.Field[list[str]] = fields.JSONField(default=list)
    """Names of event types; "*" for all."""
    active = fields.BooleanField(default=True)
    """Without it nothing new is noted down, and what waits goes on waiting."""
    changed_at = fields.DatetimeField(auto_now=True)

    class Meta:
        app = "core"
        table = "event_subscribers"
        unique_together = (("tenant_id", "kind", "name"),)


class DeliveryState(StrEnum):
    """Where a delivery stands; one that is done is deleted."""

    PENDING = "pending"
    DEAD = "dead"


class EventDelivery(TenantModel):
    """One event that one subscriber has not had yet.

    Event and subscriber are no foreign keys: the statement that writes deliveries takes both from their tables, and
    a checked reference would have every writer of the tenant lock the subscriber's row.
    """

    event_id = fields.UUIDField()
    subscriber_id = fields.UUIDField()
    record_id = fields.UUIDField()
    sequence = fields.BigIntField()
    state = choice(DeliveryState, default=DeliveryState.PENDING)
    attempts = fields.SmallIntField(default=0)
    """How often it was tried."""
    due_at: datetime | None = fields.DatetimeField(null=True)
    """Not before; null: at once."""
    last_error = long_text()
    """Why the last attempt failed, in words."""
    failed_at: datetime | None = fields.DatetimeField(null=True)
    """When the last attempt failed."""

    class Meta:
        app = "core"
        table = "event_deliveries"


__all__ = ["SEQUENCE", "DeliveryState", "EventDelivery", "EventSubscriber", "OutboxEvent"]
