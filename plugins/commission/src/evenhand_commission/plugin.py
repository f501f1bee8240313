"""The hooks of the commission plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import CommissionLine, Deal, Period, TenantContext, hookimpl
from evenhand_commission.rules import lines_for
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
        """One line for every deal won in the period that has an owner."""
        return lines_for(deals, period, plan_of(ctx))


plugin = CommissionPlugin()
