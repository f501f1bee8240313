"""Tables of the clocks: what last happened to a record, holidays, protections and extensions."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, name_column, short_text
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class HolidayKind(StrEnum):
    """What is unusual about a day."""

    HOLIDAY = "holiday"
    """Nobody works."""
    WORKING = "working"
    """A day of the weekend on which people work instead (调休)."""


class ExtensionState(StrEnum):
    """Where a request for more time stands; all but the first are final."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class RecordClock(TenantModel):
    """When something of one kind last happened to a record: what rules count from. Facts only, never deadlines."""

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    kind = fields.CharField(max_length=32)
    """A kind of activity, or "stage" for a step forward, or "deal" for a deal that was won."""
    last_at = fields.DatetimeField(null=True)
    """When it last happened; null when what happened was taken back."""

    class Meta:
        app = "core"
        table = "record_clocks"
        unique_together = (("tenant_id", "entity", "record_id", "kind"),)


class Holiday(RecordModel):
    """A day that is not worked although the week says so, or the other way round."""

    day = fields.DateField()
    name = name_column()
    kind = choice(HolidayKind, default=HolidayKind.HOLIDAY)
    country = short_text()
    """The country where it counts, as records have it; everywhere when null."""

    class Meta:
        app = "core"
        table = "holidays"
        indexes = (("tenant_id", "day"),)


class RecordProtection(TenantModel):
    """A record that its holder keeps from being reclaimed for a while."""

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    user = ref("core.User")
    user_id: UUID
    """Id of the holder."""
    held_since = fields.DatetimeField()
    """Since when the holder has had the record: the protection ends with this holding."""
    started_at = fields.DatetimeField()
    until = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    """When the holder gave it up; null while nobody did."""

    class Meta:
        app = "core"
        table = "record_protections"
        indexes = (("tenant_id", "record_id", "held_since"),)


class ExtensionRequest(TenantModel):
    """A holder's wish to keep a record longer, and what came of it."""

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    user = ref("core.User")
    user_id: UUID
    """Id of the holder who asks."""
    held_since = fields.DatetimeField()
    """Since when the holder has had the record: what is granted ends with this holding."""
    days = count(null=False, minimum=1)
    """How many days longer."""
    reason = fields.CharField(max_length=500)
    """Why, in the holder's words."""
    state = choice(ExtensionState, default=ExtensionState.PENDING)
    """Where it stands."""
    requested_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    decider = ref("core.User", null=True)
    decider_id: UUID | None
    note = short_text(500)
    """What the decider said."""
    extended_until = fields.DatetimeField(null=True)
    """Until when the record is kept; null unless it was granted."""

    class Meta:
        app = "core"
        table = "extension_requests"
        indexes = (("tenant_id", "record_id", "held_since"), ("tenant_id", "state", "id"))
