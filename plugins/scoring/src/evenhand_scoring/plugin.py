"""The hooks of the scoring plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import Kpi, TenantContext, hookimpl
from evenhand_scoring.service import chosen, settings_of


class ScoringPlugin:
    """Offers key figures."""

    @hookimpl
    async def kpi_calculators(self, ctx: TenantContext) -> Sequence[Kpi]:
        """Those of revenue, win rate and sales cycle that the tenant chose."""
        return chosen(settings_of(ctx))


plugin = ScoringPlugin()
