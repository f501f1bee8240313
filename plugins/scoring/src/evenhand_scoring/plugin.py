"""The hooks of the scoring plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import Kpi, TenantContext, hookimpl
from evenhand_scoring.rules import KPIS


class ScoringPlugin:
    """Offers key figures."""

    @hookimpl
    async def kpi_calculators(self, ctx: TenantContext) -> Sequence[Kpi]:
        """Revenue, win rate and sales cycle."""
        return KPIS


plugin = ScoringPlugin()
