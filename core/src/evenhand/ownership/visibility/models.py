"""Tables of visibility: the teams' closure, and what roles see."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice
from evenhand.entities.enums import VisibilityLevel
from evenhand.tenancy.context import Role
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class TeamClosure(TenantModel):
    """One pair of teams of which the second stands under the first; every team stands under itself."""

    ancestor = ref("core.Team")
    ancestor_id: UUID
    descendant = ref("core.Team")
    descendant_id: UUID
    depth = fields.IntField()
    """Steps from one to the other; 0 for a team and itself."""

    class Meta:
        app = "core"
        table = "team_closure"
        unique_together = (("tenant_id", "ancestor_id", "descendant_id"),)


class VisibilityRule(RecordModel):
    """How much of one kind of records the users of a role see and may change, instead of the role's default."""

    role = choice(Role)
    """The role."""
    entity = fields.CharField(max_length=64)
    """The kind of records: Account, Lead or Opportunity. What belongs to such records is seen with them."""
    sees = choice(VisibilityLevel)
    """Whose records the users see."""
    edits = choice(VisibilityLevel)
    """Whose records the users may change, as far as their role changes records at all; never more than they see."""

    class Meta:
        app = "core"
        table = "visibility_rules"
        unique_together = (("tenant_id", "role", "entity"),)
