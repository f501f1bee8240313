"""Hooks about commission."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.plugins.contract import CommissionLine, Deal, Period, TenantContext
from evenhand.plugins.hooks.spec import Policy, Result, spec


class CommissionHooks:
    """Asked when commission is read."""

    @spec(result=Result.COLLECT, policy=Policy.ABORT)
    async def commission_lines(
        self, ctx: TenantContext, deals: Sequence[Deal], period: Period
    ) -> Sequence[CommissionLine]:
        """Compute commission for the deals won in a period. Returns: lines; an error aborts the statement."""
        raise NotImplementedError
