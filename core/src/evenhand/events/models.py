"""The outbox's table: what happened, to be told to plugins and webhooks."""

from __future__ import annotations

from typing import Any

from tortoise import fields

from evenhand.tenancy.models import TenantModel


class OutboxEvent(TenantModel):
    """An event written in the transaction of the change it tells of."""

    append_only = True

    type = fields.CharField(max_length=64)
    """Past tense, e.g. "LeadCreated"."""
    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    payload: fields.Field[dict[str, Any]] = fields.JSONField()
    user_id = fields.UUIDField(null=True)
    via = fields.CharField(max_length=64)
    occurred_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "outbox_events"
        indexes = (("tenant_id", "occurred_at", "id"),)
