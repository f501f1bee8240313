"""What holds between records of one kind: one default, and trees without a loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.db.session import raw_connection
from evenhand.entities import Account
from evenhand.entities.registry import Entity
from evenhand.errors import Problem, Refusals
from evenhand.tenancy.models import RecordModel

TREES = {"Account": "parent_id", "Team": "parent_id", "User": "manager_id"}
"""Entities whose records stand in a tree, and the column that names the one above."""

DEFAULTS = frozenset({"Pool", "Pipeline"})
"""Entities of which every tenant has exactly one default."""

Plans = Sequence[tuple[RecordModel, dict[str, Any]]]


async def hold_tree(kind: Entity, changes: Iterable[Mapping[str, Any]], journal: Journal) -> None:
    """Let moves in one tree wait for each other; two that are harmless alone can close a loop together.

    Called before the records are locked, so that whoever holds records of a tree never waits for the tree.
    """
    column = TREES.get(kind.name)
    if column is not None and any(column in values for values in changes):
        await lock_tree(kind, journal)


async def lock_tree(kind: Entity, journal: Journal) -> None:
    """Keep others from moving records of this kind in their tree until the transaction ends."""
    tree = f"{journal.actor.tenant_id} {kind.name}"
    connection = raw_connection(journal.client)
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", tree)


async def settle_structure(kind: Entity, plans: Plans, journal: Journal, refusals: Refusals) -> None:
    """Check changes of locked records against the other records of their kind.

    Args:
        refusals: gets records that would be above themselves, and changes that leave the tenant without a default.
    """
    if kind.name in DEFAULTS:
        await _hand_over_default(kind, plans, journal, refusals)
    if kind.name in TREES:
        await _refuse_loops(kind, TREES[kind.name], plans, journal, refusals)


def may_not_archive(kind: Entity, record: RecordModel) -> Problem | None:
    """Why a record may not be put away: it is the default, something else must be it first."""
    if kind.name in DEFAULTS and record.columns()["is_default"]:
        return _no_default(kind, record)
    return None


def may_not_restore(record: RecordModel) -> Problem | None:
    """Why a record may not be brought back: it is an account that was merged into another."""
    if isinstance(record, Account) and record.merged_into_id is not None:
        message = f"merged_into_id: {record.name} was merged into account {record.merged_into_id}."
        return Problem("merged_into_id", "MERGED", message, "Undo the merge instead.")
    return None


def _no_default(kind: Entity, record: RecordModel) -> Problem:
    message = f"is_default: {kind.name} {record.columns()[kind.title]} is the default, and there must be one."
    return Problem("is_default", "DEFAULT_NEEDED", message, "Make another one the default first.")


async def _hand_over_default(kind: Entity, plans: Plans, journal: Journal, refusals: Refusals) -> None:
    """Whoever becomes the default takes it from the one that was; nobody just gives it up."""
    taken = False
    for row, (record, values) in enumerate(plans):
        was = record.columns()["is_default"]
        becomes = values.get("is_default", was)
        if was and not becomes:
            refusals.add(row, _no_default(kind, record))
        if becomes and not was and taken:
            message = f"is_default: another {kind.name} of this call becomes the default."
            refusals.add(row, Problem("is_default", "ONE_DEFAULT", message, "Make one of them the default."))
        elif becomes and not was:
            taken = True
            for old in await kind.model.filter(is_default=True).select_for_update(no_key=True):
                await kind.model.filter(id=old.id).update(
                    is_default=False, version=old.version + 1, updated_at=journal.now
                )
                change = {"before": {"is_default": True}, "after": {"is_default": False}}
                journal.record(kind.name, old.id, before=change["before"], after=change["after"])
                journal.emit(f"{kind.name}Updated", kind.name, old.id, change)


async def _refuse_loops(kind: Entity, column: str, plans: Plans, journal: Journal, refusals: Refusals) -> None:
    above: dict[UUID, UUID] = {
        record.id: values[column]
        for record, values in plans
        if values.get(column) is not None and values[column] != record.columns()[column]
    }
    if not above:
        return
    parents = {**await parents_of(kind, journal), **above}
    for row, (record, _) in enumerate(plans):
        if record.id in above and loops(record.id, parents):
            message = f"{column}: {kind.name} {record.id} would be above itself."
            refusals.add(row, Problem(column, "LOOP", message, "Choose another one."))


async def parents_of(kind: Entity, journal: Journal) -> dict[UUID, UUID]:
    """Which record of a tree stands below which."""
    column = TREES[kind.name]
    rows = await raw_connection(journal.client).fetch(
        f'SELECT id, "{column}" AS parent FROM "{kind.model._meta.db_table}" '
        f'WHERE tenant_id = $1 AND "{column}" IS NOT NULL',
        journal.actor.tenant_id,
    )
    return {row["id"]: row["parent"] for row in rows}


def loops(start: UUID, parents: dict[UUID, UUID]) -> bool:
    """Whether the way up from `start` comes back to it."""
    seen: set[UUID] = set()
    step = parents.get(start)
    while step is not None and step not in seen:
        if step == start:
            return True
        seen.add(step)
        step = parents.get(step)
    return False
