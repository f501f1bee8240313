"""The table of idempotency keys: which requests were answered, and how."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.tenancy.models import TenantModel, ref


class IdempotencyKey(TenantModel):
    """The answer to the first request that a user sent under a key; written in the request's own transaction."""

    user = ref("core.User")
    user_id: UUID
    key = fields.CharField(max_length=255)
    fingerprint = fields.CharField(max_length=64)
    """SHA-256 of what was asked, in hexadecimal."""
    answer = fields.TextField()
    """The body of the answer, byte for byte."""
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "idempotency_keys"
        unique_together = (("tenant_id", "user_id", "key"),)
        indexes = (("tenant_id", "expires_at"),)
