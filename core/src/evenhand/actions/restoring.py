"""Who holds records that come back from the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.actions.journal import Journal, Why
from evenhand.actions.owners import write_transfers
from evenhand.actions.pools.guard import Transfer, enforce
from evenhand.entities.enums import LeadStatus, OwnershipReason
from evenhand.entities.registry import Entity
from evenhand.ownership.holders import Holder, default_pool_id, ineligible_owners
from evenhand.tenancy.models import RecordModel

_LEFT = "Restored; who held it cannot hold records any more."


async def restore_holders(kind: Entity, records: Sequence[RecordModel], journal: Journal) -> None:
    """Who held a locked record when it was put away holds it again, if limits let that happen.

    When that person cannot hold records any more, the default pool gets it, with a line in the ledger. Closed deals and
    converted leads are history and stay with who closed them.

    Raises:
        EvenhandError: with `rows` filled by place, where limits stand against single records.
    """
    columns = {record.id: record.columns() for record in records}
    held = {record_id: Holder(now["owner_id"], now["pool_id"]) for record_id, now in columns.items()}
    owners = {record_id: holder.owner_id for record_id, holder in held.items() if not _is_history(columns[record_id])}
    gone = await ineligible_owners({owner_id for owner_id in owners.values() if owner_id is not None})
    pool = Holder(pool_id=await default_pool_id()) if gone else Holder()
    coming = {record_id: pool if owners.get(record_id) in gone else holder for record_id, holder in held.items()}
    transfers = [
        Transfer(record_id, {**now, "archived_at": None}, None, coming[record_id], Why(OwnershipReason.MANUAL))
        for record_id, now in columns.items()
    ]
    await enforce(kind, transfers, journal)
    released = [
        Transfer(record_id, now, held[record_id], pool, Why(OwnershipReason.RELEASED, note=_LEFT))
        for record_id, now in columns.items()
        if owners.get(record_id) in gone
    ]
    await write_transfers(kind, released, journal)


def _is_history(columns: Mapping[str, Any]) -> bool:
    return columns.get("closed_on") is not None or columns.get("status") == LeadStatus.CONVERTED
