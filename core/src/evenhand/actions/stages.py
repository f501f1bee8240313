"""The way of opportunities through their stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.db.bulk import insert_rows
from evenhand.entities import StageChange
from evenhand.tenancy.models import uuid7

Move = tuple[UUID, UUID | None, UUID, datetime]
"""Opportunity, stage before (None at creation), stage after, when."""


async def note_stage_changes(moves: Sequence[Move], journal: Journal) -> None:
    """Add lines to the stage history and tell of real moves by event."""
    rows = [
        {
            "id": uuid7(),
            "tenant_id": journal.actor.tenant_id,
            "opportunity_id": opportunity_id,
            "from_stage_id": before,
            "to_stage_id": after,
            "changed_at": moment,
            "actor_id": journal.actor.user_id,
        }
        for opportunity_id, before, after, moment in moves
    ]
    await insert_rows(journal.client, StageChange, rows)
    for opportunity_id, before, after, moment in moves:
        if before is not None:
            payload = {"from_stage_id": before, "to_stage_id": after}
            journal.emit("StageChanged", "Opportunity", opportunity_id, payload, at=moment)
