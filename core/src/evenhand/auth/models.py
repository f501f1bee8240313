"""The table of API keys."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import string_list
from evenhand.tenancy.models import TenantModel, ref


class ApiKey(TenantModel):
    """A key to the API that acts for one user; only its hash is kept."""

    user = ref("core.User")
    user_id: UUID
    name = fields.CharField(max_length=100)
    prefix = fields.CharField(max_length=80)
    """The readable start of the key, to tell keys apart."""
    hash = fields.CharField(max_length=64)
    """SHA-256 of the whole key, in hexadecimal."""
    scopes = string_list()
    created_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        app = "core"
        table = "api_keys"
        unique_together = (("tenant_id", "hash"),)
