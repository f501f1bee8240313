"""The journal's table and those of its chain: seals, what was redacted or removed, checkpoints, verifications."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault

from evenhand.entities.columns import choice, long_text
from evenhand.tenancy.models import TenantModel

PENDING_SEQUENCE = "audit_pending_sequence"
SALT = SqlDefault("gen_random_uuid()")


class SealKind(StrEnum):
    """What a link of the chain seals, and so the table in which its entry is."""

    AUDIT = "audit"
    LEDGER = "ledger"
    REDACTION = "redaction"
    RETENTION = "retention"


class ChainProblem(StrEnum):
    """What is wrong with a link of the chain."""

    CHANGED = "changed"
    """The entry is not what was sealed, and no redaction says why."""
    MISSING = "missing"
    """The entry is gone, and retention did not remove it."""
    EXTRA = "extra"
    """An entry is there that was never sealed and does not wait to be."""
    CHAIN = "chain"
    """Seals are missing, in another order or rewritten, or a checkpoint says otherwise."""


class AuditEntry(TenantModel):
    """Who changed what, when, through what; only ever added."""

    append_only = True

    entity = fields.CharField(max_length=64)
    """The kind of record, e.g. "Account"."""
    record_id = fields.UUIDField()
    """The record that was changed."""
    action = fields.CharField(max_length=64)
    """The use case, e.g. "create_lead" or "set_owner"."""
    before: fields.Field[dict[str, Any]] = fields.JSONField(null=True)
    """Old values of the fields that changed."""
    after: fields.Field[dict[str, Any]] = fields.JSONField(null=True)
    """New values of the fields that changed."""
    user_id: UUID | None = fields.UUIDField(null=True)
    """Who changed it; null for the system."""
    via = fields.CharField(max_length=64)
    """Through what: "graphql", "cli", "import", …"""
    occurred_at = fields.DatetimeField()
    """When it was changed."""
    salt = fields.UUIDField(db_default=SALT)
    """Chance that nobody can guess, so that the digest does not tell short values."""

    class Meta:
        app = "core"
        table = "audit_entries"
        indexes = (("tenant_id", "record_id", "occurred_at"), ("tenant_id", "occurred_at", "id"))


class AuditPending(TenantModel):
    """Entries of one statement that are not sealed yet; a trigger writes it together with them."""

    kind = choice(SealKind)
    entries: Any = fields.JSONField()
    """Their ids, in the order in which they are to be sealed."""
    many = fields.IntField()
    """How many they are."""
    sequence = fields.BigIntField(db_default=SqlDefault(f"nextval('{PENDING_SEQUENCE}')"))

    class Meta:
        app = "core"
        table = "audit_pending"
        indexes = (("tenant_id", "sequence"),)


class AuditSeal(TenantModel):
    """One link of a tenant's chain; its id is that of the entry it seals, so none is sealed twice."""

    append_only = True

    number = fields.BigIntField()
    """1, 2, 3, … without gaps."""
    kind = choice(SealKind)
    digest = fields.BinaryField()
    """SHA-256 of the entry's canonical text when it was sealed."""
    hash = fields.BinaryField()
    """SHA-256 of the hash before, the number (8 bytes, big-endian) and the digest."""

    class Meta:
        app = "core"
        table = "audit_seals"
        unique_together = (("tenant_id", "number"),)


class AuditHead(TenantModel):
    """Where a tenant's chain ends; whoever seals holds its row. Its id is the tenant's."""

    number = fields.BigIntField(default=0)
    hash = fields.BinaryField()
    sealed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        app = "core"
        table = "audit_heads"


class AuditRedaction(TenantModel):
    """Personal data was taken out of one entry: from which digest to which, by whom and why."""

    append_only = True

    entry_kind = choice(SealKind)
    entry_id = fields.UUIDField()
    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    redacted: fields.Field[list[str]] = fields.JSONField()
    """Names of the fields whose values were replaced."""
    reason = fields.CharField(max_length=500)
    user_id: UUID | None = fields.UUIDField(null=True)
    via = fields.CharField(max_length=64)
    occurred_at = fields.DatetimeField()
    old_digest = fields.CharField(max_length=64)
    new_digest = fields.CharField(max_length=64)
    salt = fields.UUIDField(db_default=SALT)

    class Meta:
        app = "core"
        table = "audit_redactions"
        indexes = (("tenant_id", "entry_id"),)


class AuditRetention(TenantModel):
    """Entries of the journal that were older than the tenant keeps them were removed; their seals stay."""

    append_only = True

    since_number = fields.BigIntField()
    up_to_number = fields.BigIntField()
    removed = fields.IntField()
    """How many entries of the journal between these numbers, both included."""
    older_than = fields.DatetimeField()
    occurred_at = fields.DatetimeField()
    salt = fields.UUIDField(db_default=SALT)

    class Meta:
        app = "core"
        table = "audit_retentions"
        indexes = (("tenant_id", "up_to_number"),)


class AuditSettings(TenantModel):
    """How long a tenant keeps its journal; without a row, for ever."""

    keep_days: int | None = fields.IntField(null=True)
    """Days; null for ever."""

    class Meta:
        app = "core"
        table = "audit_settings"
        unique_together = (("tenant_id",),)


class AuditCheckpoint(TenantModel):
    """A link of the chain at a moment; the copy that is kept elsewhere shows when the chain was cut or rewritten."""

    append_only = True

    number = fields.BigIntField()
    """The last link."""
    hash = fields.CharField(max_length=64)
    """Its hash, in hexadecimal digits."""
    taken_at = fields.DatetimeField()
    """When it was taken."""
    user_id: UUID | None = fields.UUIDField(null=True)
    """By whom; null for the system."""

    class Meta:
        app = "core"
        table = "audit_checkpoints"
        indexes = (("tenant_id", "number"),)


class AuditVerification(TenantModel):
    """What came of one verification of the chain."""

    append_only = True

    from_number = fields.BigIntField()
    """The first link that was looked at."""
    to_number = fields.BigIntField()
    """The last one."""
    checked = fields.BigIntField()
    """How many links were found whole."""
    verified_at = fields.DatetimeField()
    """When."""
    duration_ms = fields.IntField()
    """Milliseconds that it took."""
    problem: ChainProblem | None = choice(ChainProblem, null=True)
    """What is wrong with the first broken link; null when nothing is."""
    number: int | None = fields.BigIntField(null=True)
    """Its number; null when there is none."""
    kind: SealKind | None = choice(SealKind, null=True)
    """What it seals."""
    entry_id: UUID | None = fields.UUIDField(null=True)
    """Which entry it is about."""
    message = long_text()
    """What is wrong, in words."""

    class Meta:
        app = "core"
        table = "audit_verifications"
        indexes = (("tenant_id", "verified_at"),)


__all__ = [
    "AuditCheckpoint",
    "AuditEntry",
    "AuditHead",
    "AuditPending",
    "AuditRedaction",
    "AuditRetention",
    "AuditSeal",
    "AuditSettings",
    "AuditVerification",
    "ChainProblem",
    "SealKind",
]
