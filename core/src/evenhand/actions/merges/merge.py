"""Merge accounts: one stays and gets all that refers to the others; these are archived and point at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson

from evenhand.actions.errors import RecordArchived
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.merges.references import point_at, references
from evenhand.actions.pools.guard import Transfer, enforce
from evenhand.actions.records import apply_clean, refuse_archived, refuse_stale
from evenhand.actions.sight import refused_records
from evenhand.actions.structure import lock_tree, loops, parents_of
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows, to_json, update_rows
from evenhand.entities import Account, AccountMerge, AccountMergeRow, CustomField
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError, InvalidInput, NotFound, Problem
from evenhand.ownership.holders import Holder
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

MOST = 50
"""So many accounts one call may take in."""
_PAIRS = {"annual_revenue": "annual_revenue_currency"}
"""A value that means nothing without the other."""


class AlreadyMerged(EvenhandError):
    """The account was merged into another before."""

    code = "ALREADY_MERGED"


@dataclass(frozen=True)
class Source:
    """An account to take in, and the version it was read at (None for any)."""

    account_id: UUID
    version: int | None = None


async def merge_accounts(
    into: UUID,
    sources: Sequence[Source],
    *,
    version: int | None = None,
    fill_empty: bool = False,
    override: str | None = None,
) -> list[UUID]:
    """Take accounts in: whatever refers to them refers to `into` afterwards, which keeps its holder.

    They are archived, point at it, and change to its holder in the ledger, with a reason of its own.

    Args:
        version: the version of `into` it was decided on; None takes any.
        fill_empty: fill fields of `into` that are empty from the others, the first ones first.
        override: why limits are set aside that keep the holder of `into` from the others.

    Returns: ids of the merges, one for each source in order, by which they can be undone.

    Raises:
        NotFound, VersionConflict, RecordArchived, AlreadyMerged; InvalidInput: into itself, named twice, or an
        account would be above itself. TransferRefused: the holder of `into` may not get one of the others.
        PermissionDenied.
    """
    require(current_actor(), Operation.ASSIGN, "Account")
    require(current_actor(), Operation.ARCHIVE, "Account")
    _check(into, sources)
    async with writing("merge_accounts") as journal:
        await lock_tree(entity("Account"), journal)
        winner, losers = await _lock(into, sources, version)
        above = await _refuse_loops(winner, losers, journal)
        overridden = await _enforce(winner, losers, journal, override)
        words = dict.fromkeys(overridden, override)
        return [await _take_in(winner, loser, above, words, journal, fill_empty=fill_empty) for loser in losers]


async def merge_within(journal: Journal, into: UUID, account_ids: Sequence[UUID]) -> list[UUID]:
    """Take accounts of the same holder in, inside the transaction of `journal`; see `merge_accounts`."""
    await lock_tree(entity("Account"), journal)
    winner, losers = await _lock(into, [Source(one) for one in account_ids], None)
    above = await _refuse_loops(winner, losers, journal)
    await _enforce(winner, losers, journal, None)
    return [await _take_in(winner, loser, above, {}, journal, fill_empty=True) for loser in losers]


def _why(winner: Account) -> Why:
    return Why(OwnershipReason.MERGED, note=f"into account {winner.id}")


async def _enforce(
    winner: Account, losers: Sequence[Account], journal: Journal, override: str | None
) -> frozenset[UUID]:
    """Whoever holds the account that stays gets the others."""
    after = Holder(winner.owner_id, winner.pool_id)
    transfers = [
        # It is put away in the same breath, so that it does not count as held.
        Transfer(
            loser.id,
            {**loser.columns(), "archived_at": journal.now},
            Holder(loser.owner_id, loser.pool_id),
            after,
            _why(winner),
        )
        for loser in losers
        if Holder(loser.owner_id, loser.pool_id) != after
    ]
    return await enforce(entity("Account"), transfers, journal, override=override)


def _check(into: UUID, sources: Sequence[Source]) -> None:
    ids = [source.account_id for source in sources]
    problems = []
    if not ids or len(ids) > MOST:
        message = f"from: {len(ids)} accounts cannot be taken in at once."
        problems.append(Problem("from", "WRONG_NUMBER", message, f"Name 1 to {MOST}."))
    if into in ids:
        message = "from: an account cannot be merged into itself."
        problems.append(Problem("from", "INTO_ITSELF", message, "Leave it out."))
    if len(set(ids)) < len(ids):
        message = "from: an account is named twice."
        problems.append(Problem("from", "NAMED_TWICE", message, "Name each once."))
    if problems:
        raise InvalidInput(problems)


async def lock_accounts(ids: Sequence[UUID]) -> dict[UUID, Account]:
    """Lock accounts in the order of their ids, also against new rows that refer to them.

    Raises:
        NotFound.
    """
    found = await Account.filter(id__in=list(ids)).order_by("id").select_for_update()
    locked = {account.id: account for account in found}
    refused = await refused_records(entity("Account"), locked)
    for account_id in ids:
        if account_id not in locked:
            raise NotFound("Account", account_id)
        if account_id in refused:
            raise refused[account_id]
    return locked


async def _lock(into: UUID, sources: Sequence[Source], version: int | None) -> tuple[Account, list[Account]]:
    kind = entity("Account")
    locked = await lock_accounts([into, *(source.account_id for source in sources)])
    versions = {into: version, **{source.account_id: source.version for source in sources}}
    for account_id, account in locked.items():
        if account.merged_into_id is not None:
            raise AlreadyMerged(
                f"Account {account.name} ({account.id}) was merged into account {account.merged_into_id}.",
                hint="Use that account, or undo the merge first.",
                account=str(account.merged_into_id),
            )
        refuse_stale(kind, account, versions[account_id])
        try:
            refuse_archived(kind, account)
        except RecordArchived as archived:
            raise RecordArchived(archived.message, hint="Restore it before it is merged.") from None
    return locked[into], [locked[source.account_id] for source in sources]


async def _refuse_loops(winner: Account, losers: Sequence[Account], journal: Journal) -> UUID | None:
    """Refuse a merge after which an account would be above itself. Returns: what is above `winner` afterwards."""
    parents = await parents_of(entity("Account"), journal)
    gone = {loser.id for loser in losers}
    above = parents.get(winner.id)
    while above in gone:
        above = parents.get(above)
    after = {child: winner.id if parent in gone else parent for child, parent in parents.items()}
    after.pop(winner.id, None)
    if above is not None:
        after[winner.id] = above
    if above == winner.id or loops(winner.id, after):
        message = f"from: account {winner.name} would be above itself, through what stands below an account taken in."
        raise InvalidInput([Problem("from", "LOOP", message, "Change the parent of the account that stays first.")])
    return above


async def _take_in(
    winner: Account,
    loser: Account,
    above: UUID | None,
    overrides: Mapping[UUID, str | None],
    journal: Journal,
    *,
    fill_empty: bool,
) -> UUID:
    values = await _fill(winner, loser) if fill_empty else {}
    if winner.parent_id == loser.id:
        values["parent_id"] = above
    before = {name: getattr(winner, name) for name in values}
    if values and await apply_clean(entity("Account"), [(winner, values)], journal=journal, compared=False):
        for name, value in values.items():
            setattr(winner, name, value)
        winner.version += 1
    merge = {
        "id": uuid7(),
        "tenant_id": winner.tenant_id,
        "account_id": winner.id,
        "merged_id": loser.id,
        "owner_id": loser.owner_id,
        "pool_id": loser.pool_id,
        "before": before,
        "after": values,
        "merged_at": journal.now,
        "actor_id": journal.actor.user_id,
        "undone_at": None,
    }
    await insert_rows(journal.client, AccountMerge, [merge])
    rows: list[dict[str, Any]] = []
    for reference in references():
        but = [winner.id] if reference.model is Account else []
        for row_id in await point_at(reference, loser.id, winner.id, journal, but=but):
            row = {"id": uuid7(), "tenant_id": winner.tenant_id, "merge_id": merge["id"], "row_id": row_id}
            rows.append({**row, "table_name": reference.table, "column_name": reference.column})
    await insert_rows(journal.client, AccountMergeRow, rows)
    await _close(winner, loser, journal, len(rows), overrides.get(loser.id))
    return cast(UUID, merge["id"])


async def _fill(winner: Account, loser: Account) -> dict[str, Any]:
    """Values of the loser for what is empty in the winner."""
    kind = entity("Account")
    followers = set(_PAIRS.values())
    values: dict[str, Any] = {}
    for name in sorted(kind.changeable - {"parent_id", "custom"} - followers):
        if getattr(winner, name) in (None, "", [], {}) and getattr(loser, name) not in (None, "", [], {}):
            values[name] = getattr(loser, name)
            if name in _PAIRS:
                values[_PAIRS[name]] = getattr(loser, _PAIRS[name])
    missing = {key: value for key, value in loser.custom.items() if key not in winner.custom}
    if missing:
        defined = {field.key for field in await CustomField.filter(entity=kind.name, archived_at=None)}
        custom = {key: value for key, value in missing.items() if key in defined}
        if custom:
            values["custom"] = custom
    return values


async def _close(winner: Account, loser: Account, journal: Journal, moved: int, override: str | None) -> None:
    """Archive the account that was taken in, and give it to the holder of the other."""
    since = journal.hold(
        "Account",
        loser.id,
        owner_id=winner.owner_id,
        pool_id=winner.pool_id,
        why=_why(winner),
        after=loser.held_since,
        override=override,
    )
    new: dict[str, Any] = {
        "owner_id": winner.owner_id,
        "pool_id": winner.pool_id,
        "archived_at": journal.now,
        "merged_into_id": winner.id,
    }
    await write_account(loser, new, since, journal)
    journal.emit("AccountMerged", "Account", loser.id, {"into_id": winner.id, "moved": moved})
    archived = {"before": {"archived_at": None}, "after": {"archived_at": journal.now}}
    journal.emit("AccountArchived", "Account", loser.id, archived)


async def write_account(account: Account, new: Mapping[str, Any], since: Any, journal: Journal) -> None:
    """Write what only a merge or its end may write over a locked account.

    It may have changed since it was locked, when it stood below another account of the same merge.
    """
    fresh = await Account.get(id=account.id)
    row = {"id": account.id, "tenant_id": account.tenant_id, **new, "held_since": since}
    row |= {"version": fresh.version + 1, "updated_at": journal.now}
    await update_rows(journal.client, Account, [row])
    journal.record("Account", account.id, before={name: getattr(fresh, name) for name in new}, after=new)


def as_kept(value: Any) -> Any:
    """A value as the merge keeps it in JSON, to compare with."""
    return orjson.loads(to_json(value))
