"""External id: what another system calls a record of ours."""

from __future__ import annotations

from tortoise import fields

from evenhand.tenancy.models import TenantModel


class ExternalId(TenantModel):
    """The name of one record in one source system; a record may have one per system."""

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    source = fields.CharField(max_length=100)
    """The source system, e.g. "maven" or "salesforce"."""
    external_id = fields.CharField(max_length=300)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        app = "core"
        table = "external_ids"
        unique_together = (("tenant_id", "entity", "source", "external_id"),)
        indexes = (("tenant_id", "record_id"),)
