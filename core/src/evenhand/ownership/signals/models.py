"""Table of signals: patterns that were found, with their evidence, and what people made of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, short_text
from evenhand.ownership.signals.rules import SignalKind
from evenhand.tenancy.models import TenantModel, ref


class SignalState(StrEnum):
    """What people made of a signal. Nothing follows from it by itself."""

    OPEN = "open"
    DISMISSED = "dismissed"
    CONFIRMED = "confirmed"


class OwnershipSignal(TenantModel):
    """A pattern in what one person does with records, with its evidence; people judge it, no rule does."""

    kind = choice(SignalKind)
    """The pattern that was seen."""
    user = ref("core.User")
    user_id: UUID
    """Id of the person whom it is about."""
    colleague = ref("core.User", null=True)
    colleague_id: UUID | None
    """Id of the colleague who takes part; null when there is none."""
    times = count(null=False, minimum=1)
    """How often it happened in the time that was looked at."""
    first_at = fields.DatetimeField()
    """When the first of it happened."""
    last_at = fields.DatetimeField()
    """When the last of it happened."""
    evidence: fields.Field[list[dict[str, Any]]] = fields.JSONField(default=list)
    """What it was seen in: {"entity", "record", "line" | "activity" | "warning", "at"}, the latest first."""
    key = fields.CharField(max_length=200)
    """Makes the same thing one signal, however often it is looked for."""
    found_at = fields.DatetimeField()
    """When it was found."""
    state = choice(SignalState, default=SignalState.OPEN)
    """What people made of it."""
    reviewer = ref("core.User", null=True)
    reviewer_id: UUID | None
    reviewed_at = fields.DatetimeField(null=True)
    """When it was judged; null while it was not."""
    note = short_text(500)
    """What the reviewer said."""

    class Meta:
        app = "core"
        table = "ownership_signals"
        unique_together = (("tenant_id", "key"),)
        indexes = (("tenant_id", "found_at", "id"),)
