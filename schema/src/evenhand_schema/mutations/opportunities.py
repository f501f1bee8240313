"""Mutation of a deal's way through its pipeline: `moveOpportunity`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.opportunities import move_opportunity
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, VERSION, described, mutation
from evenhand_schema.mutations.records import changed


async def _move(info: Info, id: Any, stage_id: Any, version: int | None, override_reason: str | None) -> Any:
    record_id, stage = to_uuid(id), to_uuid(stage_id)

    async def act() -> UUID:
        await move_opportunity(record_id, stage, version=version, override_reason=override_reason)
        return record_id

    return await changed(info, "Opportunity", act)


def opportunity_mutations(returns: Any) -> dict[str, Any]:
    """The mutations by Python name.

    Args:
        returns: the union that answers with an opportunity.
    """
    reason = "Why it may go on although criteria are not met; for managers and admins, kept in the stage history."
    arguments = {
        "id": (ID, REQUIRED),
        "stage_id": (described(strawberry.ID, "The stage to move to."), REQUIRED),
        "version": (VERSION, None),
        "override_reason": (described(str | None, reason), None),
    }
    text = "Move a deal to another stage; on the way forward it must meet the exit criteria of the stages it leaves."
    return {"move_opportunity": mutation(_move, arguments, returns, text)}
