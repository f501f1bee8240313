"""The hooks of the commission plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import CommissionLine, Deal, FieldProblem, Finding, Period, RecordChange, TenantContext, hookimpl
from evenhand_commission.rules import idle_plan, lacks_amount, no_amount
from evenhand_commission.service import team_lines, won_stages
from evenhand_commission.settings import CommissionSettings


def plan_of(ctx: TenantContext) -> CommissionSettings:
    """The tenant's plan."""
    return ctx.settings if isinstance(ctx.settings, CommissionSettings) else CommissionSettings()


class CommissionPlugin:
    """Computes commission under a flat-percent plan."""

    @hookimpl
    async def commission_lines(
        self, ctx: TenantContext, deals: Sequence[Deal], period: Period
    ) -> Sequence[CommissionLine]:
        """One line for every share of a deal won in the period that has an owner."""
        return await team_lines(deals, period, plan_of(ctx))

    @hookimpl
    async def validate_record(self, ctx: TenantContext, changes: Sequence[RecordChange]) -> Sequence[FieldProblem]:
        """No deal is won without an amount, when the tenant wants it so."""
        if not plan_of(ctx).require_amount_when_won:
            return []
        lacking = [change for change in changes if lacks_amount(change)]
        won = await won_stages({change.after["stage_id"] for change in lacking}) if lacking else set()
        return [no_amount(change) for change in lacking if change.after["stage_id"] in won]

    @hookimpl
    def plugin_health(self, ctx: TenantContext) -> Sequence[Finding]:
        """Tell when the plan pays nothing for what is won today."""
        return idle_plan(plan_of(ctx), ctx.today)


plugin = CommissionPlugin()
