"""The one way in which a record changes hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.errors import RecordArchived
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.pools.guard import Transfer, enforce
from evenhand.actions.record_members import settle_teams
from evenhand.actions.sight import refuse_records
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity, entity
from evenhand.errors import InvalidInput, NotFound, Problem, placed
from evenhand.ownership.holders import Holder, require_eligible_owners
from evenhand.ownership.models import OwnershipEntry, Pool
from evenhand.tenancy.context import current_actor


async def change_holders(
    kind: Entity,
    holders: Mapping[UUID, Holder],
    why: Mapping[UUID, Why],
    *,
    journal: Journal,
    moments: Mapping[UUID, datetime] | None = None,
    override: str | None = None,
) -> list[UUID]:
    """Change the holders of records inside the transaction of `journal`: ledger, audit, event; nothing else.

    Args:
        holders, why: by record id.
        moments: when each changed hands, for history that the system brings in; now by default.
        override: why limits are set aside, see `enforce`.

    Returns: ids of the records whose holder was really another.

    Raises:
        EvenhandError: with `rows` filled where limits stand against single records, by their place in `holders`.
    """
    if not kind.ownable:
        message = f"{kind.name} records have no owner."
        raise InvalidInput([Problem("", "NOT_OWNABLE", message, "Accounts, leads and opportunities have owners.")])
    await require_eligible_owners({holder.owner_id for holder in holders.values() if holder.owner_id is not None})
    await require_pools({holder.pool_id for holder in holders.values() if holder.pool_id is not None})
    records = await kind.model.filter(id__in=list(holders)).order_by("id").select_for_update(no_key=True)
    missing = holders.keys() - {record.id for record in records}
    if missing:
        raise NotFound(kind.name, min(missing))
    for record in records:
        if record.archived_at is not None:
            raise RecordArchived(f"{kind.name} {record.id} is archived.", hint="Restore it first.")
    columns = {record.id: record.columns() for record in records}
    held = {record_id: Holder(now["owner_id"], now["pool_id"]) for record_id, now in columns.items()}
    places = {record_id: place for place, record_id in enumerate(holders)}
    moving = [record for record in records if held[record.id] != holders[record.id]]
    transfers = [
        Transfer(
            record.id,
            columns[record.id],
            held[record.id],
            holders[record.id],
            why[record.id],
            (moments or {}).get(record.id),
        )
        for record in moving
    ]
    with placed([places[record.id] for record in moving]):
        overridden = await enforce(kind, transfers, journal, override=override)
    await write_transfers(kind, transfers, journal, dict.fromkeys(overridden, override))
    return [transfer.record_id for transfer in transfers]


async def write_transfers(
    kind: Entity,
    transfers: Sequence[Transfer],
    journal: Journal,
    overrides: Mapping[UUID, str | None] | None = None,
    *,
    late: bool = False,
    teams: bool = True,
) -> dict[UUID, datetime]:
    """Give locked records to the holders that nothing stands against: ledger, audit, event, column.

    Args:
        transfers: of records that somebody holds already, after `enforce`; `columns` with `version` and `held_since`.
        overrides: why limits were set aside, by record.
        late: nobody reads the records again in this use case, see `Journal.change`.
        teams: whether there may be teams on them.

    Returns: since when each record is held now.
    """
    rows: list[dict[str, Any]] = []
    tenant_id = journal.actor.tenant_id
    for transfer in transfers:
        record_id, why, at = transfer.record_id, transfer.why, transfer.at
        before = transfer.before or Holder()
        # `asdict` copies deeply, which takes longer than all the rest.
        old: dict[str, Any] = {"owner_id": before.owner_id, "pool_id": before.pool_id}
        new: dict[str, Any] = {"owner_id": transfer.after.owner_id, "pool_id": transfer.after.pool_id}
        words = (overrides or {}).get(record_id)
        after: datetime = transfer.columns["held_since"]
        since = journal.hold(kind.name, record_id, **new, why=why, at=at, after=after, override=words)
        row = {"id": record_id, "tenant_id": tenant_id, **new, "held_since": since}
        rows.append({**row, "version": transfer.columns["version"] + 1})
        journal.record(kind.name, record_id, before=old, after=new, at=at)
        payload = {
            "before": old,
            "after": new,
            "reason": why.reason.value,
            "note": why.note,
            "policy": why.policy,
            "override": words,
        }
        journal.emit("OwnerChanged", kind.name, record_id, payload, at=at)
    await journal.change(kind.model, rows, late=late)
    if teams:
        await settle_teams(kind, {row["id"]: row["owner_id"] for row in rows}, journal)
    return {row["id"]: row["held_since"] for row in rows}


async def require_pools(pool_ids: set[UUID]) -> None:
    """Raise `InvalidInput` unless each is a pool in use."""
    if not pool_ids:
        return
    known = {pool.id for pool in await Pool.filter(id__in=list(pool_ids), archived_at=None)}
    for pool_id in pool_ids - known:
        message = f"pool_id: pool {pool_id} does not exist here."
        raise InvalidInput([Problem("pool_id", "REFERENCE_NOT_FOUND", message, "Use the id of a pool.")])


async def _lock_changeable(kind: Entity, ids: Sequence[UUID]) -> None:
    """Lock records and refuse those that the actor may not change."""
    found = await kind.model.filter(id__in=list(ids)).order_by("id").select_for_update(no_key=True)
    await refuse_records(kind, sorted(record.id for record in found))


async def set_owner(
    entity_name: str,
    record_ids: Sequence[UUID],
    *,
    owner_id: UUID | None = None,
    pool_id: UUID | None = None,
    note: str | None = None,
    override: str | None = None,
) -> list[UUID]:
    """Give records to an owner or put them into a pool; a manager's or admin's decision, all or nothing.

    Args:
        note: why, in the manager's words; kept in the ledger.
        override: why limits such as a freeze or a cap are set aside, in the manager's words; kept in the ledger, too.

    Returns: ids of the records whose holder was really another.

    Raises:
        InvalidInput, NotFound, RecordArchived, OwnerNotEligible, PermissionDenied; TransferRefused: a limit stands
        against it.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.ASSIGN, kind.name)
    if (owner_id is None) == (pool_id is None):
        message = "owner_id: give exactly one of owner_id and pool_id."
        raise InvalidInput([Problem("owner_id", "ONE_HOLDER", message, "A record has an owner or a pool.")])
    reason = OwnershipReason.MANUAL if owner_id is not None else OwnershipReason.RELEASED
    why = Why(reason, note=require_value(OwnershipEntry, "note", note))
    holder = Holder(owner_id, pool_id)
    async with writing("set_owner") as journal:
        await _lock_changeable(kind, record_ids)
        return await change_holders(
            kind,
            dict.fromkeys(record_ids, holder),
            dict.fromkeys(record_ids, why),
            journal=journal,
            override=override,
        )


__all__ = ["Holder", "change_holders", "require_pools", "set_owner", "write_transfers"]
