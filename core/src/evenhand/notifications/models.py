"""The table of notifications."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import long_text, name_column, short_text
from evenhand.tenancy.models import TenantModel, ref


class Notification(TenantModel):
    """Something that one user should know of; nobody else sees it."""

    user = ref("core.User")
    user_id: UUID
    kind = fields.CharField(max_length=64)
    """What it is about, a stable word such as task_due; users mute notifications by it."""
    title = name_column()
    """What happened, in one line and in the user's language."""
    body = long_text()
    """More about it, in the user's language."""
    entity = short_text(64)
    """The kind of record it is about; null when it is about none."""
    record_id = fields.UUIDField(null=True)
    """Id of the record it is about; null when it is about none."""
    created_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)
    """When the user read it; null while it is unread."""
    key = short_text(200)
    """What it tells once: a second notification with the same key is not made."""

    class Meta:
        app = "core"
        table = "notifications"
        unique_together = (("tenant_id", "user_id", "key"),)
        indexes = (("tenant_id", "user_id", "id"),)
