"""The table of which plugin is enabled for which tenant, and how."""

from __future__ import annotations

from typing import Any

from tortoise import fields

from evenhand.entities.columns import count
from evenhand.tenancy.models import RecordModel


class TenantPlugin(RecordModel):
    """A plugin as one tenant has it; no row = not enabled."""

    slug = fields.CharField(max_length=64)
    enabled = fields.BooleanField(default=False)
    position = count(null=False, default=0)
    """The tenant's order: asked first, lowest first."""
    settings: fields.Field[dict[str, Any]] = fields.JSONField(default=dict)
    """Without secrets."""
    settings_version = fields.IntField(default=1)
    secrets: fields.Field[dict[str, str]] = fields.JSONField(default=dict, db_default={})
    """Sealed secret settings by name."""

    class Meta:
        app = "core"
        table = "tenant_plugins"
        unique_together = (("tenant_id", "slug"),)
