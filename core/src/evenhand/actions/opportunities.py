"""Move an opportunity to another stage of its pipeline."""

from __future__ import annotations

from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.actions.records import Change, update_records
from evenhand.auth.permissions import Operation, require
from evenhand.entities.registry import entity
from evenhand.tenancy.context import current_actor


async def move_opportunity(
    opportunity_id: UUID, stage_id: UUID, *, version: int | None = None, override_reason: str | None = None
) -> bool:
    """Move an opportunity to a stage; on the way forward it must meet the exit criteria of the stages it leaves.

    Args:
        override_reason: why it may go on although criteria are not met; a manager's or admin's decision, kept in the
            stage history.

    Returns: whether it was elsewhere before.

    Raises:
        CriteriaNotMet: with every criterion that is not met. NotFound, VersionConflict, RecordArchived, InvalidInput,
        PermissionDenied.
    """
    kind = entity("Opportunity")
    require(current_actor(), Operation.UPDATE, kind.name)
    change = Change(opportunity_id, {"stage_id": stage_id}, version, override_reason=override_reason)
    async with writing("move_opportunity") as journal:
        return bool(await update_records(kind, [change], journal=journal))
