"""Who hands over may stay with the records as a watcher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.actions.journal import Journal
from evenhand.db.bulk import insert_rows
from evenhand.entities.enums import MemberRole
from evenhand.ownership.handovers.models import Handover
from evenhand.ownership.members.models import MembershipEntry, RecordMember
from evenhand.tenancy.models import uuid7

_COLUMNS = {"Account": "account_id", "Lead": "lead_id", "Opportunity": "opportunity_id"}


async def keep_watching(plan: Handover, moving: Sequence[Mapping[str, Any]], journal: Journal) -> None:
    """Make who hands over a watcher of the records; where that user is in the team already, nothing changes."""
    names = {line["record_id"]: line["entity"] for line in moving}
    rows = [
        {
            "id": uuid7(),
            "tenant_id": plan.tenant_id,
            **{column: record_id if _COLUMNS[name] == column else None for column in _COLUMNS.values()},
            "user_id": plan.from_user_id,
            "role": MemberRole.WATCHER,
            "share": None,
            "created_at": journal.now,
        }
        for record_id, name in names.items()
    ]
    suffix = "ON CONFLICT DO NOTHING RETURNING coalesce(account_id, lead_id, opportunity_id) AS record_id"
    joined = [row["record_id"] for row in await insert_rows(journal.client, RecordMember, rows, suffix=suffix)]
    history = [
        {
            "id": uuid7(),
            "tenant_id": plan.tenant_id,
            "entity": names[record_id],
            "record_id": record_id,
            "user_id": plan.from_user_id,
            "role": MemberRole.WATCHER,
            "share": None,
            "started_at": journal.now,
            "actor_id": journal.actor.user_id,
            "via": journal.actor.via,
        }
        for record_id in joined
    ]
    await insert_rows(journal.client, MembershipEntry, history)
    for record_id in joined:
        after = {"watchers": [str(plan.from_user_id)]}
        journal.record(names[record_id], record_id, before={"watchers": []}, after=after)
