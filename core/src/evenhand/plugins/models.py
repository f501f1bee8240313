"""The table of which plugin is enabled for which tenant, and how."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from tortoise import fields

from evenhand.entities.columns import count, long_text
from evenhand.tenancy.models import RecordModel


class PluginState(StrEnum):
    """How a plugin stands in one tenant."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    SUSPENDED = "suspended"
    """An admin enabled it, and it failed too often: it is not asked until an admin enables it again."""


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

    failures = fields.IntField(default=0, db_default=0)
    """How often it failed since `failing_since`."""
    failing_since: datetime | None = fields.DatetimeField(null=True)
    """The first of the failures that are counted; null when there are none."""
    suspended_at: datetime | None = fields.DatetimeField(null=True)
    """Since when it is not asked because it failed too often."""
    reason = long_text()
    """Why it is suspended, in words."""

    class Meta:
        app = "core"
        table = "tenant_plugins"
        unique_together = (("tenant_id", "slug"),)

    @property
    def state(self) -> PluginState:
        """How it stands."""
        if not self.enabled:
            return PluginState.DISABLED
        return PluginState.ENABLED if self.suspended_at is None else PluginState.SUSPENDED
