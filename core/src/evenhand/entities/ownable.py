"""What accounts, leads and opportunities have in common: somebody or a pool holds them."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.tenancy.models import RecordModel, ref


class OwnableModel(RecordModel):
    """A record with exactly one of an owner and a pool; the ledger has the history, these columns the present."""

    owner = ref("core.User", null=True)
    owner_id: UUID | None
    pool = ref("core.Pool", null=True)
    pool_id: UUID | None
    held_since = fields.DatetimeField()
    """When the present holder got it: the start of the ledger's last line."""

    class Meta:
        abstract = True
