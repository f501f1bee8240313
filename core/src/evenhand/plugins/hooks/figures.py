"""Hooks about key figures."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.plugins.contract import Kpi, TenantContext
from evenhand.plugins.hooks.spec import Policy, Result, spec


class FigureHooks:
    """Asked when key figures are read."""

    @spec(result=Result.COLLECT, policy=Policy.SKIP)
    async def kpi_calculators(self, ctx: TenantContext) -> Sequence[Kpi]:
        """Offer key figures. Returns: calculators; all plugins' are collected, a failing plugin is skipped."""
        raise NotImplementedError
