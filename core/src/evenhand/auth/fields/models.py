"""Tables of rules about fields and of the right to export."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, short_text
from evenhand.entities.enums import FieldEffect
from evenhand.tenancy.context import Role
from evenhand.tenancy.models import RecordModel, ref


class FieldRule(RecordModel):
    """What a role does not see of one field."""

    entity = fields.CharField(max_length=64)
    """The kind of record, such as Lead; ContactChannel for the ways to reach a person."""
    field = fields.CharField(max_length=64)
    """The field, such as phone."""
    role = choice(Role)
    """Whose users it is about."""
    effect = choice(FieldEffect, default=FieldEffect.MASK)
    """What they see instead."""
    only_in_pool = fields.BooleanField(default=True)
    """Whether it is only about records that wait in a pool, until somebody claims them; not for the pool's managers."""

    class Meta:
        app = "core"
        table = "field_rules"
        unique_together = (("tenant_id", "entity", "field", "role"),)


class ExportRight(RecordModel):
    """Whether a role or a user may take records out as a file; what says more exactly for whom and of what counts."""

    role = choice(Role, null=True)
    """Whose users it is about; or the user."""
    user = ref("core.User", null=True)
    user_id: UUID | None
    """Whom it is about; goes before what is said of the role."""
    entity = short_text(64)
    """Of which kind of record; of all when empty."""
    allowed = fields.BooleanField(default=True)
    """Whether they may."""
    note = short_text(300)
    """Why."""

    class Meta:
        app = "core"
        table = "export_rights"
