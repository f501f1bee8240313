"""What holds between records of one kind: one default, and trees without a loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.db.session import raw_connection
from evenhand.entities.registry import Entity
from evenhand.errors import InvalidInput, Problem
from evenhand.tenancy.models import RecordModel

TREES = {"Account": "parent_id", "Team": "parent_id", "User": "manager_id"}
"""Entities whose records stand in a tree, and the column that names the one above."""

DEFAULTS = frozenset({"Pool", "Pipeline"})
"""Entities of which every tenant has exactly one default."""

Plans = Sequence[tuple[RecordModel, dict[str, Any]]]


async def settle_structure(kind: Entity, plans: Plans, journal: Journal) -> None:
    """Check changes of locked records against the other records of their kind.

    Raises:
        InvalidInput: a record would be above itself, or the tenant would be left without a default.
    """
    if kind.name in DEFAULTS:
        await _hand_over_default(kind, plans, journal)
    if kind.name in TREES:
        await _refuse_loops(kind, TREES[kind.name], plans, journal)


def refuse_archiving(kind: Entity, record: RecordModel) -> None:
    """Raise unless the record may be put away: the default may not, something else must be it first."""
    if kind.name in DEFAULTS and record.columns()["is_default"]:
        raise _no_default(kind, record)


def _no_default(kind: Entity, record: RecordModel) -> InvalidInput:
    message = f"is_default: {kind.name} {record.columns()[kind.title]} is the default, and there must be one."
    return InvalidInput([Problem("is_default", "DEFAULT_NEEDED", message, "Make another one the default first.")])


async def _hand_over_default(kind: Entity, plans: Plans, journal: Journal) -> None:
    """Whoever becomes the default takes it from the one that was; nobody just gives it up."""
    for record, values in plans:
        was = record.columns()["is_default"]
        becomes = values.get("is_default", was)
        if was and not becomes:
            raise _no_default(kind, record)
        if becomes and not was:
            for old in await kind.model.filter(is_default=True).select_for_update(no_key=True):
                await kind.model.filter(id=old.id).update(
                    is_default=False, version=old.version + 1, updated_at=journal.now
                )
                journal.record(kind.name, old.id, before={"is_default": True}, after={"is_default": False})
                journal.emit(f"{kind.name}Updated", kind.name, old.id, {"is_default": False})


async def _refuse_loops(kind: Entity, column: str, plans: Plans, journal: Journal) -> None:
    above: dict[UUID, UUID] = {
        record.id: values[column]
        for record, values in plans
        if values.get(column) is not None and values[column] != record.columns()[column]
    }
    if not above:
        return
    connection = raw_connection(journal.client)
    # Two moves that are harmless alone can close a loop together, so moves in one tree wait for each other.
    tree = f"{journal.actor.tenant_id} {kind.name}"
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", tree)
    rows = await connection.fetch(
        f'SELECT id, "{column}" AS parent FROM "{kind.model._meta.db_table}" '
        f'WHERE tenant_id = $1 AND "{column}" IS NOT NULL',
        journal.actor.tenant_id,
    )
    parents: dict[UUID, UUID] = {**{row["id"]: row["parent"] for row in rows}, **above}
    problems = [
        Problem(column, "LOOP", f"{column}: {kind.name} {record_id} would be above itself.", "Choose another one.")
        for record_id in above
        if _loops(record_id, parents)
    ]
    if problems:
        raise InvalidInput(problems)


def _loops(start: UUID, parents: dict[UUID, UUID]) -> bool:
    """Whether the way up from `start` comes back to it."""
    seen: set[UUID] = set()
    step = parents.get(start)
    while step is not None and step not in seen:
        if step == start:
            return True
        seen.add(step)
        step = parents.get(step)
    return False
