"""Undo a merge: put back what it moved, unless somebody has changed it since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.merges.merge import AlreadyMerged, as_kept, lock_accounts, write_account
from evenhand.actions.merges.references import Reference, point_at, references
from evenhand.actions.pools.guard import Transfer, enforce
from evenhand.actions.records import apply_clean
from evenhand.actions.structure import lock_tree, loops, parents_of
from evenhand.actions.values import convert
from evenhand.auth.permissions import Operation, require
from evenhand.entities import Account, AccountMerge, AccountMergeRow, CustomField
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError, InvalidInput, NotFound, Problem
from evenhand.ownership.holders import Holder, default_pool_id, ineligible_owners
from evenhand.tenancy.context import current_actor


class AlreadyUndone(EvenhandError):
    """The merge was undone before."""

    code = "ALREADY_UNDONE"


@dataclass(frozen=True)
class Left:
    """Something that stays where it is, because it was changed after the merge.

    Attributes:
        entity: the entity, or the table when its rows are no records.
        field: the column.
    """

    entity: str
    record_id: UUID
    field: str


@dataclass
class Unmerged:
    """What became of an undone merge."""

    account_id: UUID
    put_back: int = 0
    left: list[Left] = field(default_factory=list)


async def unmerge_account(merge_id: UUID) -> Unmerged:
    """Bring back the account that a merge took in, with all that it had then and that still stands as merged.

    Its former holder holds it again; when that user may not any more, it waits in the default pool.

    Raises:
        NotFound; AlreadyUndone; AlreadyMerged: the account that stayed was merged itself. InvalidInput: an account
        would be above itself. PermissionDenied.
    """
    require(current_actor(), Operation.ASSIGN, "Account")
    require(current_actor(), Operation.ARCHIVE, "Account")
    async with writing("unmerge_account") as journal:
        await lock_tree(entity("Account"), journal)
        merge = await AccountMerge.filter(id=merge_id).select_for_update().first()
        if merge is None:
            raise NotFound("AccountMerge", merge_id)
        if merge.undone_at is not None:
            raise AlreadyUndone(
                f"The merge was undone on {merge.undone_at:%Y-%m-%d}.", hint="There is nothing left to undo."
            )
        locked = await lock_accounts([merge.account_id, merge.merged_id])
        winner, loser = locked[merge.account_id], locked[merge.merged_id]
        if winner.merged_into_id is not None:
            raise AlreadyMerged(
                f"Account {winner.name}, which took it in, was merged into account {winner.merged_into_id} later.",
                hint="Undo that merge first.",
                account=str(winner.merged_into_id),
            )
        unmerged = Unmerged(loser.id)
        await _reopen(merge, winner, loser, journal)
        await _put_back(merge, journal, unmerged)
        await _empty_again(merge, winner, journal, unmerged)
        parents = await parents_of(entity("Account"), journal)
        if loops(loser.id, parents) or loops(winner.id, parents):
            message = f"merge_id: account {loser.name} would be above itself."
            raise InvalidInput([Problem("merge_id", "LOOP", message, "Change the parents of the accounts first.")])
        await AccountMerge.filter(id=merge.id).update(undone_at=journal.now)
    return unmerged


async def _reopen(merge: AccountMerge, winner: Account, loser: Account, journal: Journal) -> None:
    owner_id, pool_id = merge.owner_id, merge.pool_id
    note = f"from account {winner.id}"
    if owner_id is not None and await ineligible_owners([owner_id]):
        owner_id, pool_id = None, await default_pool_id()
        note += "; the former owner cannot hold customers any more"
    why = Why(OwnershipReason.UNMERGED, note=note)
    transfer = Transfer(loser.id, {**loser.columns(), "archived_at": None}, None, Holder(owner_id, pool_id), why)
    words = "the merge was undone"
    overridden = await enforce(entity("Account"), [transfer], journal, override=words)
    since = journal.hold(
        "Account",
        loser.id,
        owner_id=owner_id,
        pool_id=pool_id,
        why=why,
        after=loser.held_since,
        override=words if overridden else None,
    )
    archived_at = loser.archived_at
    new: dict[str, Any] = {"owner_id": owner_id, "pool_id": pool_id, "archived_at": None, "merged_into_id": None}
    await write_account(loser, new, since, journal)
    journal.emit("AccountUnmerged", "Account", loser.id, {"from_id": winner.id})
    restored = {"before": {"archived_at": archived_at}, "after": {"archived_at": None}}
    journal.emit("AccountRestored", "Account", loser.id, restored)


async def _put_back(merge: AccountMerge, journal: Journal, unmerged: Unmerged) -> None:
    """Let the rows that the merge took name their account again, where they still name the other one."""
    known = {(one.table, one.column): one for one in references()}
    taken: dict[tuple[str, str], list[UUID]] = {}
    for row in await AccountMergeRow.filter(merge_id=merge.id).order_by("id"):
        taken.setdefault((row.table_name, row.column_name), []).append(row.row_id)
    for (table, column), ids in taken.items():
        reference: Reference | None = known.get((table, column))
        done: list[UUID] = []
        if reference is not None:
            done = await point_at(reference, merge.account_id, merge.merged_id, journal, only=ids)
        kind = reference.entity if reference is not None else None
        name = kind.name if kind is not None else reference.model.__name__ if reference is not None else table
        unmerged.put_back += len(done)
        unmerged.left += [Left(name, row_id, column) for row_id in ids if row_id not in set(done)]


async def _empty_again(merge: AccountMerge, winner: Account, journal: Journal, unmerged: Unmerged) -> None:
    """Take back what the merge wrote into the account that stayed, where it still is as it was written."""
    fresh = await Account.get(id=winner.id)
    values: dict[str, Any] = {}
    for name, written in merge.after.items():
        now = as_kept(getattr(fresh, name))
        before = merge.before[name]
        if name == "custom":
            added = {key: value for key, value in written.items() if key not in before}
            same = {key for key, value in added.items() if now.get(key) == value}
            same &= {field.key for field in await CustomField.filter(entity="Account", archived_at=None)}
            if same:
                values["custom"] = dict.fromkeys(sorted(same))
            unmerged.left += [Left("Account", winner.id, f"custom.{key}") for key in sorted(added.keys() - same)]
        elif now == written:
            columns = {column: field for field, column in Account._meta.fields_db_projection.items()}
            values[name] = None if before is None else convert(Account._meta.fields_map[columns[name]], before)
        else:
            unmerged.left.append(Left("Account", winner.id, name))
    if values:
        await apply_clean(entity("Account"), [(fresh, values)], journal=journal, compared=False)
