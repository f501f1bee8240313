"""Hooks about who has what."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.plugins.contract import AssignmentPolicy, Candidate, OpenRecord, Resolution, TenantContext
from evenhand.plugins.hooks.spec import Policy, Result, spec


class OwnershipHooks:
    """Asked when records need an owner."""

    @spec(result=Result.FIRST, policy=Policy.ABORT)
    async def resolve_owner(
        self,
        ctx: TenantContext,
        records: Sequence[OpenRecord],
        candidates: Sequence[Candidate],
        policy: str | None,
    ) -> Sequence[Resolution] | None:
        """Decide who gets each record; called inside the transaction that will apply it.

        What limits forbid is known before: `OpenRecord.blocked` names who may not get a record, `Candidate.room` how
        many more somebody may get. A choice against a limit is not carried out, and the record stays where it is.

        `policy` names one of this plugin's `assignment_policies`, and then only this plugin is asked; None asks for
        the plugin's usual way.

        Returns: one resolution per record, with a verdict for every candidate; or None to leave all of them
        to the next plugin in the tenant's order. An error aborts the whole assignment.
        """
        raise NotImplementedError

    @spec(result=Result.COLLECT, policy=Policy.ABORT)
    async def assignment_policies(self, ctx: TenantContext) -> Sequence[AssignmentPolicy]:
        """Name the ways in which this plugin can assign, so that a rule or a person can choose one.

        Returns: policies with names that are unique in the plugin; `resolve_owner` gets the chosen name as `policy`.
        """
        raise NotImplementedError
