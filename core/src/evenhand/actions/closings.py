"""Tell that opportunities were won, lost or opened again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.entities import Stage
from evenhand.entities.enums import StageKind

_TOLD = ("name", "stage_id", "pipeline_id", "account_id", "owner_id", "pool_id", "amount", "currency", "closed_on")
_EVENTS = {
    StageKind.WON: "OpportunityWon",
    StageKind.LOST: "OpportunityLost",
    StageKind.OPEN: "OpportunityReopened",
}


@dataclass(frozen=True)
class Placing:
    """An opportunity before and after a change; `before` is None at its creation. Columns by name."""

    record_id: UUID
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    at: datetime


async def tell_closings(placings: Sequence[Placing], journal: Journal) -> None:
    """Emit events for those that were closed, opened again, or closed otherwise than before.

    Closed opportunities are those with a day of closing, so nothing is read for the others.
    """
    moved = [
        one
        for one in placings
        if (one.after["closed_on"] is not None or (one.before is not None and one.before["closed_on"] is not None))
        and (one.before is None or one.before["stage_id"] != one.after["stage_id"])
    ]
    if not moved:
        return
    ids = {one.after["stage_id"] for one in moved}
    ids |= {one.before["stage_id"] for one in moved if one.before is not None}
    kinds = {stage.id: stage.kind for stage in await Stage.filter(id__in=list(ids))}
    for one in moved:
        kind = kinds[one.after["stage_id"]]
        if one.before is not None and kinds[one.before["stage_id"]] is kind:
            continue
        payload = {name: one.after.get(name) for name in _TOLD}
        if kind is StageKind.LOST:
            payload["lost_reason"] = one.after.get("lost_reason")
        journal.emit(_EVENTS[kind], "Opportunity", one.record_id, payload, at=one.at)
