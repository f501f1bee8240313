"""The journal's table: every change of every record."""

from __future__ import annotations

from typing import Any

from tortoise import fields

from evenhand.tenancy.models import TenantModel


class AuditEntry(TenantModel):
    """Who changed what, when, through what; only ever added."""

    append_only = True

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    action = fields.CharField(max_length=64)
    """The use case, e.g. "create_lead" or "set_owner"."""
    before: fields.Field[dict[str, Any]] = fields.JSONField(null=True)
    """Old values of the fields that changed."""
    after: fields.Field[dict[str, Any]] = fields.JSONField(null=True)
    """New values of the fields that changed."""
    user_id = fields.UUIDField(null=True)
    via = fields.CharField(max_length=64)
    occurred_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "audit_entries"
        indexes = (("tenant_id", "record_id", "occurred_at"), ("tenant_id", "occurred_at", "id"))
