"""The hooks of the assignment plugin."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import (
    Candidate,
    HappenedEvent,
    OpenRecord,
    Resolution,
    TenantContext,
    assign_records,
    events,
    hookimpl,
)
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

    @hookimpl
    async def on_event(self, ctx: TenantContext, event: HappenedEvent) -> None:
        """Have a new lead assigned that waits in a pool, if the tenant wants it; one that has an owner keeps it."""
        wanted = isinstance(ctx.settings, AssignmentSettings) and ctx.settings.on_create
        if wanted and isinstance(event, events.LeadCreated) and event.after.get("owner_id") is None:
            await assign_records(event.entity, [event.record_id], only_waiting=True)


plugin = AssignmentPlugin()
