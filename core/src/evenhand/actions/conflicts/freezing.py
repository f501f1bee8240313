"""While a conflict case about a record is not decided, nobody else gets it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from evenhand.actions.pools.errors import HeldByConflict
from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import OwnershipReason
from evenhand.tenancy.context import current_tenant

if TYPE_CHECKING:
    from evenhand.actions.pools.inspection import Inspection

PARTY_COLUMNS: Mapping[str, str] = {"Account": "account_id", "Lead": "lead_id", "Opportunity": "opportunity_id"}
"""The column of `conflict_parties` that names a record, by entity."""
_RULED = frozenset({OwnershipReason.RULED, OwnershipReason.APPEALED})


async def frozen_by(entity: str, record_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, str]]:
    """Which of the records wait for the ruling of a conflict case: id and title of the case, by record.

    Correct for records that the transaction has locked, for a case is opened under the same locks.
    """
    column = PARTY_COLUMNS.get(entity)
    if column is None or not record_ids:
        return {}
    async with reading() as client:
        rows = await raw_connection(client).fetch(
            f"SELECT party.{column} AS record_id, conflict.id, conflict.title FROM conflict_parties AS party "
            "JOIN conflict_cases AS conflict ON conflict.tenant_id = $1 AND conflict.id = party.case_id "
            f"WHERE party.tenant_id = $1 AND party.{column} = ANY ($2) AND conflict.state IN ('open', 'appealed') "
            "ORDER BY conflict.id",
            current_tenant(),
            list(record_ids),
        )
    return {row["record_id"]: (row["id"], row["title"]) for row in rows}


async def check_frozen(inspection: Inspection) -> None:
    """Note which records wait for the ruling of a conflict case; only the ruling itself goes on."""
    if not inspection.standing.cases:
        return
    moving = {
        transfer.record_id: place
        for place, transfer in enumerate(inspection.transfers)
        if transfer.before is not None and transfer.why.reason not in _RULED
    }
    for record_id, (case_id, _) in (await frozen_by(inspection.kind.name, moving)).items():
        # Without the title of the case: it names the other records, which the actor may not see.
        error = HeldByConflict(
            f"{inspection.transfers[moving[record_id]].name} waits for the ruling of a conflict case.",
            hint="Wait for the ruling, or have the case withdrawn.",
            record=str(record_id),
            case=str(case_id),
        )
        inspection.refuse(moving[record_id], error)


__all__ = ["PARTY_COLUMNS", "check_frozen", "frozen_by"]
