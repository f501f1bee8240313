"""The state of the turns: nothing but an assignment moves it."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.api import TenantModel, ref
from evenhand_assignment.settings import ROUND_ROBIN


class TurnGroup(TenantModel):
    """The turns of one kind of record under one policy. Whoever deals locks its row, so that deals never overlap."""

    entity = fields.CharField(max_length=64)
    policy = fields.CharField(max_length=40, default=ROUND_ROBIN, db_default=ROUND_ROBIN)
    """Whose turns these are: "round_robin", or a policy that the settings name."""
    dealt = fields.BigIntField(default=0)
    """How many records were given out in these turns."""

    class Meta:
        app = "assignment"
        table = "evenhand_assignment_groups"
        unique_together = (("tenant_id", "entity", "policy"),)


class UserTurn(TenantModel):
    """Where one user stands in the turns of one kind of record under one policy."""

    entity = fields.CharField(max_length=64)
    policy = fields.CharField(max_length=40, default=ROUND_ROBIN, db_default=ROUND_ROBIN)
    """Whose turns these are: "round_robin", or a policy that the settings name."""
    user = ref("core.User")
    user_id: UUID
    weight = fields.IntField()
    """The share it was last dealt with, in thousandths."""
    credit = fields.BigIntField()
    """What is due less what was received, in units of 1 / `scale` records."""
    scale = fields.BigIntField()
    received = fields.BigIntField()
    """How many records the user got in turn."""
    in_turn = fields.BooleanField()
    """Whether the user took part in the last deal."""

    class Meta:
        app = "assignment"
        table = "evenhand_assignment_turns"
        unique_together = (("tenant_id", "entity", "policy", "user_id"),)
