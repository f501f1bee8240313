"""The hooks of the assignment plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import Candidate, OpenRecord, Resolution, TenantContext, hookimpl
from evenhand_assignment.service import deal_records
from evenhand_assignment.settings import AssignmentSettings


class AssignmentPlugin:
    """Decides who gets records, in fair turns."""

    @hookimpl
    async def resolve_owner(
        self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
    ) -> Sequence[Resolution] | None:
        """Give each record to whoever is next in turn, with a verdict for every candidate."""
        settings = ctx.settings if isinstance(ctx.settings, AssignmentSettings) else AssignmentSettings()
        return await deal_records(ctx, settings, records, candidates)


plugin = AssignmentPlugin()
