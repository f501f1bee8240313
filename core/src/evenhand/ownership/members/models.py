"""Tables of the teams on records: who is in one now, and who had which share when."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from tortoise import fields
from tortoise.validators import MaxValueValidator, MinValueValidator

from evenhand.entities.columns import choice
from evenhand.entities.enums import MemberRole
from evenhand.tenancy.models import TenantModel, ref

BOUNDS = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


class RecordMember(TenantModel):
    """One user in the team on one account, lead or opportunity; the row is deleted when the user leaves the team.

    The owner is never a member: the owner's share is what the collaborators leave of 100 percent.
    """

    account = ref("core.Account", null=True)
    account_id: UUID | None
    lead = ref("core.Lead", null=True)
    lead_id: UUID | None
    opportunity = ref("core.Opportunity", null=True)
    opportunity_id: UUID | None
    user = ref("core.User")
    user_id: UUID
    role = choice(MemberRole)
    share = fields.DecimalField(max_digits=5, decimal_places=2, null=True, validators=BOUNDS)
    """Percent, with two decimals; null for a watcher."""
    created_at = fields.DatetimeField()
    """When the user joined."""

    class Meta:
        app = "core"
        table = "record_members"
        unique_together = (
            ("tenant_id", "account_id", "user_id"),
            ("tenant_id", "lead_id", "user_id"),
            ("tenant_id", "opportunity_id", "user_id"),
        )


class MembershipEntry(TenantModel):
    """One line of the history of teams: from `started_at` until the user's next line on the record, this held.

    Lines are only ever added. A line without a role says that the user left the team.
    """

    append_only = True

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    user = ref("core.User")
    user_id: UUID
    role = choice(MemberRole, null=True)
    share = fields.DecimalField(max_digits=5, decimal_places=2, null=True, validators=BOUNDS)
    started_at = fields.DatetimeField()
    case = ref("core.ConflictCase", null=True)
    case_id: UUID | None
    """Id of the conflict case whose ruling says so; null when people agreed."""
    actor = ref("core.User", null=True)
    actor_id: UUID | None
    via = fields.CharField(max_length=64, null=True)

    class Meta:
        app = "core"
        table = "membership_entries"
        indexes = (("tenant_id", "record_id", "user_id", "started_at", "id"),)
