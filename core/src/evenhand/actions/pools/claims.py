"""Claim records out of pools, and give them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.errors import RecordArchived
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.owners import require_pools, write_transfers
from evenhand.actions.pools.draws import enter_draws
from evenhand.actions.pools.errors import NotInPool, NotPoolMember
from evenhand.actions.pools.guard import inspect
from evenhand.actions.pools.holders import name_holders
from evenhand.actions.pools.inspection import Inspection, Transfer, rules_for
from evenhand.actions.pools.items import ClaimItem, ClaimStatus, refused
from evenhand.actions.pools.taking import lock_for, lock_records, take_out
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import FEW
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity, entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.holders import Holder, default_pool_id
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import current_actor

MOST = 1000
"""So many records one call may claim or give back."""


def ownable(name: str) -> Entity:
    """The entity of this name, if its records have holders.

    Raises:
        UnknownEntity, InvalidInput.
    """
    kind = entity(name)
    if not kind.ownable:
        message = f"{kind.name} records have no owner."
        raise InvalidInput([Problem("", "NOT_OWNABLE", message, "Accounts, leads and opportunities have owners.")])
    return kind


def own_user(operation: str) -> UUID:
    """The user who acts.

    Raises:
        PermissionDenied: the system acts, which claims nothing for itself.
    """
    user_id = current_actor().user_id
    if user_id is None:
        raise PermissionDenied(f"Only a user may {operation}.", hint="Use the key of a user.")
    return user_id


def few(ids: Sequence[UUID]) -> list[UUID]:
    """The ids, each once and in order.

    Raises:
        InvalidInput: more than one call may name.
    """
    unique = list(dict.fromkeys(ids))
    if len(unique) > MOST:
        message = f"ids: {len(unique)} ids are too many."
        raise InvalidInput([Problem("ids", "TOO_MANY", message, f"Send at most {MOST} at a time.")])
    return unique


async def claim_records(
    entity_name: str, record_ids: Sequence[UUID], *, pool_id: UUID | None = None
) -> list[ClaimItem]:
    """Claim records for the acting user, each for itself: one that is refused does not stop the others.

    Args:
        pool_id: only out of this pool; by default out of whichever they wait in.

    Returns: what became of each, once and in order. A record that the user has already stays so, and counts no claim.

    Raises:
        InvalidInput: too many. PermissionDenied.
    """
    kind = ownable(entity_name)
    user_id = own_user("claim records")
    require(current_actor(), Operation.UPDATE, kind.name)
    ids = few(record_ids)
    async with writing("claim_records", few=len(ids) <= FEW) as journal:
        locked, pools = await lock_for(kind, ids, user_id, journal)
        items: dict[UUID, ClaimItem] = {}
        waiting: list[UUID] = []
        for record_id in ids:
            item = _settled(kind, record_id, locked.get(record_id), user_id, pool_id)
            if item is None:
                waiting.append(record_id)
            else:
                items[record_id] = item
        waiting = _of_members(kind, waiting, locked, pools, items)
        why = Why(OwnershipReason.CLAIMED)
        items |= await _enter(kind, waiting, locked, user_id, journal)
        waiting = [one for one in waiting if one not in items]
        items |= await take_out(kind, {one: (locked[one], user_id, why) for one in waiting}, journal, late=True)
        items |= await name_holders(kind, items, locked, user_id, journal)
    return [items[record_id] for record_id in ids]


def _settled(
    kind: Entity, record_id: UUID, now: Mapping[str, Any] | None, user_id: UUID, pool_id: UUID | None
) -> ClaimItem | None:
    """What is already certain about a claim; None when the record waits in the pool."""
    if now is None:
        return refused(record_id, NotFound(kind.name, record_id))
    if now["owner_id"] == user_id:
        return ClaimItem(record_id, ClaimStatus.ALREADY_YOURS, owner_id=user_id, since=now["held_since"])
    if now["archived_at"] is not None:
        return refused(record_id, RecordArchived(f"This {kind.name.lower()} is archived.", hint="Restore it first."))
    if now["owner_id"] is not None:
        return ClaimItem(record_id, ClaimStatus.REFUSED, owner_id=now["owner_id"], since=now["held_since"])
    if pool_id is not None and now["pool_id"] != pool_id:
        message = f"This {kind.name.lower()} does not wait in the pool that is named."
        return refused(record_id, NotInPool(message, hint="Leave the pool out, or name the one that it waits in."))
    return None


async def _enter(
    kind: Entity,
    waiting: Sequence[UUID],
    locked: Mapping[UUID, Mapping[str, Any]],
    user_id: UUID,
    journal: Journal,
) -> dict[UUID, ClaimItem]:
    """Take part in the draws of those for which the rule asks for lots."""
    if not waiting:
        return {}
    rules = await rules_for(kind, journal)
    if all(rule.draw_minutes is None for rule in rules.rules):
        return {}
    found = {one: (locked[one], rules.of_pooled(locked[one], locked[one]["pool_id"])) for one in waiting}
    lots = {one: (row, rule) for one, (row, rule) in found.items() if rule is not None and rule.draw_minutes}
    return await enter_draws(kind, lots, user_id, journal)


def _of_members(
    kind: Entity,
    waiting: Sequence[UUID],
    locked: Mapping[UUID, Mapping[str, Any]],
    pools: Collection[UUID],
    items: dict[UUID, ClaimItem],
) -> list[UUID]:
    """Those that wait in pools from which the user may claim; the others are refused."""
    for record_id in waiting:
        pool_id = locked[record_id]["pool_id"]
        if pool_id not in pools:
            error = NotPoolMember(
                f"You may not claim from the pool in which this {kind.name.lower()} waits.",
                hint="Ask an admin to make you, your team, your region or your product line a member.",
                pool=str(pool_id),
            )
            items[record_id] = refused(record_id, error, pool_id=pool_id)
    return [record_id for record_id in waiting if record_id not in items]


async def return_records(
    entity_name: str, record_ids: Sequence[UUID], *, reason: str, pool_id: UUID | None = None
) -> list[ClaimItem]:
    """Give the acting user's own records back to a pool, each for itself.

    Args:
        reason: why, in the user's words; kept in the ledger.
        pool_id: to which pool; by default to that of the rule that is about the record, else to the default pool.

    Returns: what became of each, in order. A record that waits in a pool already stays there.

    Raises:
        InvalidInput: too many, no reason, no such pool. PermissionDenied.
    """
    kind = ownable(entity_name)
    user_id = own_user("give records back")
    require(current_actor(), Operation.UPDATE, kind.name)
    ids = few(record_ids)
    note = require_value(OwnershipEntry, "note", reason)
    if note is None:
        message = "reason: giving records back needs a reason."
        raise InvalidInput([Problem("reason", "REQUIRED", message, "Say why, for whoever gets them next.")])
    async with writing("return_records") as journal:
        if pool_id is not None:
            await require_pools({pool_id})
        locked = await lock_records(kind, ids, journal)
        items: dict[UUID, ClaimItem] = {}
        for record_id in ids:
            item = _not_returned(kind, record_id, locked.get(record_id), user_id)
            if item is not None:
                items[record_id] = item
        own = {record_id: locked[record_id] for record_id in ids if record_id not in items}
        items |= await _put_back(kind, own, user_id, Why(OwnershipReason.RETURNED, note=note), pool_id, journal)
    return [items[record_id] for record_id in ids]


def _not_returned(kind: Entity, record_id: UUID, now: Mapping[str, Any] | None, user_id: UUID) -> ClaimItem | None:
    if now is None:
        return refused(record_id, NotFound(kind.name, record_id))
    if now["pool_id"] is not None:
        return ClaimItem(record_id, ClaimStatus.RETURNED, pool_id=now["pool_id"], since=now["held_since"])
    if now["owner_id"] != user_id:
        error = PermissionDenied(
            f"This {kind.name.lower()} is not yours to give back.", hint="Its owner or a manager can do that."
        )
        return refused(record_id, error)
    if now["archived_at"] is not None:
        return refused(record_id, RecordArchived(f"This {kind.name.lower()} is archived.", hint="Restore it first."))
    return None


async def _put_back(
    kind: Entity,
    own: Mapping[UUID, Mapping[str, Any]],
    user_id: UUID,
    why: Why,
    pool_id: UUID | None,
    journal: Journal,
) -> dict[UUID, ClaimItem]:
    if not own:
        return {}
    rules = await rules_for(kind, journal)
    transfers: list[Transfer] = []
    usual: UUID | None = None
    for record_id, columns in own.items():
        rule = rules.of_owned(columns) if pool_id is None else None
        target = pool_id if rule is None else rule.pool_id
        if target is None:
            usual = target = usual or await default_pool_id()
        transfers.append(Transfer(record_id, columns, Holder(owner_id=user_id), Holder(pool_id=target), why))
    inspection = await inspect(Inspection(kind, transfers, journal))
    given = [one for place, one in enumerate(transfers) if place not in inspection.refused]
    since = await write_transfers(kind, given, journal)
    items: dict[UUID, ClaimItem] = {}
    for place, transfer in enumerate(transfers):
        record_id, target = transfer.record_id, transfer.after.pool_id
        error = inspection.refused.get(place)
        if error is not None:
            items[record_id] = refused(record_id, error)
            continue
        payload = {"owner_id": user_id, "pool_id": target, "note": why.note}
        journal.emit("RecordReturned", kind.name, record_id, payload)
        items[record_id] = ClaimItem(record_id, ClaimStatus.RETURNED, pool_id=target, since=since[record_id])
    return items


__all__ = ["ClaimItem", "ClaimStatus", "claim_records", "return_records"]
