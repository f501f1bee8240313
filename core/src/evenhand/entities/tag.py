"""Tag: a word on a record, with who put it there and why."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import short_text
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class Tag(RecordModel):
    """A word that can be put on accounts, contacts, leads and opportunities."""

    name = fields.CharField(max_length=100)
    color = short_text(20)

    search: ClassVar[Searchable] = Searchable(names=("name",))

    class Meta:
        app = "core"
        table = "tags"
        unique_together = (("tenant_id", "name"),)


class Tagging(TenantModel):
    """A tag on one record; set by a person (`actor`) or by a plugin (`plugin`), and why."""

    tag = ref("core.Tag")
    tag_id: UUID
    account = ref("core.Account", null=True)
    account_id: UUID | None
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    lead = ref("core.Lead", null=True)
    lead_id: UUID | None
    opportunity = ref("core.Opportunity", null=True)
    opportunity_id: UUID | None
    actor = ref("core.User", null=True)
    actor_id: UUID | None
    plugin = short_text(64)
    why = short_text(500)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        app = "core"
        table = "taggings"
