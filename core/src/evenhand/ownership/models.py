"""Tables of ownership: pools, the ledger and the decisions behind it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault

from evenhand.entities.columns import choice, long_text, name_column, short_text
from evenhand.entities.enums import OwnershipReason
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class Pool(RecordModel):
    """Where records without an owner wait (公海)."""

    name = name_column()
    description = long_text()
    is_default = fields.BooleanField(default=False)

    class Meta:
        app = "core"
        table = "pools"
        unique_together = (("tenant_id", "name"),)


class OwnershipEntry(TenantModel):
    """One line of the ledger: from `started_at` until the record's next line, this was its holder.

    Lines are only ever added. A line names an owner or a pool, never both.
    """

    append_only = True

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    owner = ref("core.User", null=True)
    owner_id: UUID | None
    pool = ref("core.Pool", null=True)
    pool_id: UUID | None
    started_at = fields.DatetimeField()
    reason = choice(OwnershipReason)
    note = short_text(500)
    policy = short_text(100)
    """What decided: the assignment policy, e.g. "assignment:round_robin", or the rule of a claim, "pool_rule:<id>"."""
    override = short_text(500)
    """Why limits were set aside, in the words of who did; null when none had to be."""
    decision = ref("core.Decision", null=True)
    decision_id: UUID | None
    actor = ref("core.User", null=True)
    actor_id: UUID | None
    via = short_text(64)
    salt = fields.UUIDField(db_default=SqlDefault("gen_random_uuid()"))
    """Chance that nobody can guess, so that the line's digest does not tell its note."""

    class Meta:
        app = "core"
        table = "ownership_entries"
        indexes = (
            ("tenant_id", "record_id", "started_at", "id"),
            ("tenant_id", "owner_id", "started_at"),
        )


class Decision(TenantModel):
    """Why a policy gave a record to whom it gave it: a verdict for every candidate."""

    append_only = True

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    plugin = fields.CharField(max_length=64)
    policy = fields.CharField(max_length=100)
    owner = ref("core.User", null=True)
    owner_id: UUID | None
    seed = fields.BigIntField()
    verdicts: fields.Field[list[dict[str, Any]]] = fields.JSONField()
    """Per candidate: {"candidate", "eligible", "reason", "rank", "evidence"}."""
    decided_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "decisions"
        indexes = (("tenant_id", "record_id", "decided_at"),)
