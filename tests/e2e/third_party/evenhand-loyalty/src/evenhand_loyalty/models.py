"""The table of points."""

from __future__ import annotations

from tortoise import fields

from evenhand.api import TenantModel, ref


class Points(TenantModel):
    """What one won opportunity was worth."""

    account = ref("core.Account")
    opportunity = ref("core.Opportunity")
    points = fields.BigIntField()

    class Meta:
        app = "loyalty"
        table = "evenhand_loyalty_points"
        unique_together = (("tenant_id", "opportunity_id"),)
