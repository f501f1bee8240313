"""Tell who claims too late who has the record now, as far as the caller may know."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.actions.journal import Journal
from evenhand.actions.pools.errors import AlreadyClaimed
from evenhand.actions.pools.items import ClaimItem, ClaimStatus
from evenhand.db.session import raw_connection
from evenhand.entities.registry import Entity
from evenhand.ownership.pools.members import pool_roles
from evenhand.ownership.visibility.reading import visible_ids

# Out of which pool the holder took it: the line of the ledger before the holder's own.
_HOLDERS = """
SELECT lost.record_id, holder.name, tenant.time_zone, came.pool_id,
       coalesce(holder.team_id = me.team_id, false) AS teammate
FROM unnest($4::uuid[], $5::uuid[]) AS lost (record_id, owner_id)
JOIN tenants AS tenant ON tenant.id = $1
JOIN users AS me ON me.tenant_id = $1 AND me.id = $3
JOIN users AS holder ON holder.tenant_id = $1 AND holder.id = lost.owner_id
LEFT JOIN LATERAL (
    SELECT line.pool_id FROM ownership_entries AS line
    WHERE line.tenant_id = $1 AND line.record_id = lost.record_id AND line.entity = $2
    ORDER BY line.started_at DESC, line.id DESC OFFSET 1 LIMIT 1
) AS came ON true
"""


@dataclass(frozen=True)
class _Known:
    """What the caller may know: the holder's name and the record's, None for neither."""

    holder: str | None
    record: str | None
    zone: ZoneInfo


async def name_holders(
    kind: Entity,
    items: Mapping[UUID, ClaimItem],
    locked: Mapping[UUID, Mapping[str, Any]],
    user_id: UUID,
    journal: Journal,
) -> dict[UUID, ClaimItem]:
    """Say of records that others have who has them, and since when.

    The holder is named to those who may claim from the pool that the record came out of, to those in the same team,
    and to those who see the record now; to others it is somebody else.

    Returns: the items of these records, with the refusal.
    """
    lost = [item for item in items.values() if item.status is ClaimStatus.REFUSED and item.error is None]
    if not lost:
        return {}
    known = await _known(kind, lost, locked, user_id, journal)
    found: dict[UUID, ClaimItem] = {}
    for item in lost:
        one = known[item.record_id]
        since: datetime = locked[item.record_id]["held_since"]
        what = one.record or f"this {kind.name.lower()}"
        details = {"record": str(item.record_id), "since": since.isoformat()}
        if one.holder is not None:
            details["user"] = str(item.owner_id)
        error = AlreadyClaimed(
            f"{one.holder or 'Somebody else'} has {what} since {since.astimezone(one.zone):%Y-%m-%d %H:%M:%S}.",
            hint="Choose another one.",
            **details,
        )
        found[item.record_id] = replace(item, error=error, owner_id=item.owner_id if one.holder is not None else None)
    return found


async def _known(
    kind: Entity,
    lost: Collection[ClaimItem],
    locked: Mapping[UUID, Mapping[str, Any]],
    user_id: UUID,
    journal: Journal,
) -> dict[UUID, _Known]:
    rows = await raw_connection(journal.client).fetch(
        _HOLDERS,
        journal.actor.tenant_id,
        kind.name,
        user_id,
        [item.record_id for item in lost],
        [item.owner_id for item in lost],
    )
    pools = {row["pool_id"] for row in rows if row["pool_id"] is not None}
    roles = await pool_roles([user_id], pools) if pools else {}
    seen = {row["record_id"] for row in rows if (user_id, row["pool_id"]) in roles}
    rest = {row["record_id"] for row in rows} - seen
    seen |= await visible_ids(kind.name, rest) if rest else set()
    return {
        row["record_id"]: _Known(
            row["name"] if row["teammate"] or row["record_id"] in seen else None,
            str(locked[row["record_id"]]["name"]) if row["record_id"] in seen else None,
            ZoneInfo(row["time_zone"]),
        )
        for row in rows
    }


__all__ = ["name_holders"]
