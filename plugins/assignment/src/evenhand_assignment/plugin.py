"""The hooks of the assignment plugin."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from evenhand.api import (
    AssignmentPolicy,
    Candidate,
    Finding,
    HappenedEvent,
    OpenRecord,
    Problem,
    Resolution,
    TenantContext,
    assign_records,
    events,
    hookimpl,
)
from evenhand_assignment.checks import idle_policies, unknown_people
from evenhand_assignment.service import deal_records
from evenhand_assignment.settings import ROUND_ROBIN, AssignmentSettings


def settings_of(settings: BaseModel | None) -> AssignmentSettings:
    """The tenant's settings, or the usual ones."""
    return settings if isinstance(settings, AssignmentSettings) else AssignmentSettings()


class AssignmentPlugin:
    """Decides who gets records, in fair turns."""

    @hookimpl
    async def resolve_owner(
        self,
        ctx: TenantContext,
        records: Sequence[OpenRecord],
        candidates: Sequence[Candidate],
        policy: str | None = None,
    ) -> Sequence[Resolution] | None:
        """Give each record to whoever is next in turn, with a verdict for every candidate."""
        rules = settings_of(ctx.settings).rules_of(policy)
        if rules is None:
            return None
        return await deal_records(ctx, rules, records, candidates, policy or ROUND_ROBIN)

    @hookimpl
    def assignment_policies(self, ctx: TenantContext) -> Sequence[AssignmentPolicy]:
        """The usual turns, and those that the settings name."""
        usual = AssignmentPolicy(ROUND_ROBIN, {"en": "In turn", "zh": "轮流分配"})
        named = settings_of(ctx.settings).policies.items()
        return [usual, *(AssignmentPolicy(name, {"en": one.title, "zh": one.title}) for name, one in named)]

    @hookimpl
    async def validate_settings(
        self, ctx: TenantContext, old: BaseModel | None, new: BaseModel | None
    ) -> Sequence[Problem]:
        """Refuse people and teams that the tenant does not have."""
        return await unknown_people(settings_of(new), settings_of(old), ctx.locale)

    @hookimpl
    async def plugin_health(self, ctx: TenantContext) -> Sequence[Finding]:
        """Name the policies under which nobody could be given anything."""
        return await idle_policies(settings_of(ctx.settings))

    @hookimpl
    async def on_event(self, ctx: TenantContext, event: HappenedEvent) -> None:
        """Have a new lead assigned that waits in a pool, if the tenant wants it; one that has an owner keeps it."""
        wanted = isinstance(ctx.settings, AssignmentSettings) and ctx.settings.on_create
        if wanted and isinstance(event, events.LeadCreated) and event.after.get("owner_id") is None:
            await assign_records(event.entity, [event.record_id], only_waiting=True)


plugin = AssignmentPlugin()
