"""Who hands over may stay with the records as a watcher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.actions.journal import Journal
from evenhand.actions.record_members import teams_of, write_teams
from evenhand.entities.enums import MemberRole
from evenhand.entities.registry import entity
from evenhand.ownership.handovers.models import Handover
from evenhand.ownership.handovers.reading import ENTITIES
from evenhand.ownership.members.rules import Member


async def keep_watching(plan: Handover, moving: Sequence[Mapping[str, Any]], journal: Journal) -> None:
    """Make who hands over a watcher of the records that others own now; a record in a pool has no team."""
    watcher = Member(plan.from_user_id, MemberRole.WATCHER, None)
    for name in ENTITIES:
        ids = [line["record_id"] for line in moving if line["entity"] == name and line["to_user_id"] is not None]
        teams = await teams_of(entity(name), ids)
        wanted = {
            one: [*teams.get(one, {}).values(), watcher] for one in ids if watcher.user_id not in teams.get(one, {})
        }
        await write_teams(entity(name), wanted, journal)
