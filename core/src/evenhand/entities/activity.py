"""Activity: what was done with a customer."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, long_text, name_column
from evenhand.entities.enums import ActivityKind, Direction
from evenhand.tenancy.models import RecordModel, ref


class Activity(RecordModel):
    """A call, e-mail, meeting, visit, message or note about a customer."""

    kind = choice(ActivityKind)
    direction = choice(Direction, default=Direction.OUTBOUND)
    subject = name_column()
    body = long_text()
    author = ref("core.User", null=True)
    author_id: UUID | None
    account = ref("core.Account", null=True)
    account_id: UUID | None
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    lead = ref("core.Lead", null=True)
    lead_id: UUID | None
    opportunity = ref("core.Opportunity", null=True)
    opportunity_id: UUID | None
    occurred_at = fields.DatetimeField()
    duration_minutes = count()

    class Meta:
        app = "core"
        table = "activities"
        indexes = (
            ("tenant_id", "account_id", "occurred_at", "id"),
            ("tenant_id", "lead_id", "occurred_at", "id"),
            ("tenant_id", "occurred_at", "id"),
        )
