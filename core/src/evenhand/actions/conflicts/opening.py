"""Open conflict cases by themselves, where the tenant wants it: what looks like one customer is held by two people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import asyncpg
import structlog

from evenhand.actions.conflicts.cases import MOST_RECORDS, Parties, store_case
from evenhand.actions.conflicts.freezing import PARTY_COLUMNS, frozen_by
from evenhand.actions.conflicts.settings import conflict_choices
from evenhand.db.session import raw_connection
from evenhand.entities.enums import ConflictKind, DuplicateKeyKind
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.registry import Entity, entity

if TYPE_CHECKING:
    from evenhand.actions.journal import Journal

KINDS: Mapping[tuple[str, str, DuplicateKeyKind], ConflictKind] = {
    ("Account", "Account", DuplicateKeyKind.TAX_ID): ConflictKind.SAME_TAX_ID,
    ("Account", "Account", DuplicateKeyKind.DOMAIN): ConflictKind.SAME_DOMAIN,
    ("Lead", "Lead", DuplicateKeyKind.EMAIL): ConflictKind.DUPLICATE_CUSTOMER,
}
"""Which keys in common make a case, by both entities: names and switchboards are shared by too many."""

_ORDER = (
    ConflictKind.SAME_TAX_ID,
    ConflictKind.SAME_DOMAIN,
    ConflictKind.DUPLICATE_CUSTOMER,
    ConflictKind.PARENT_CHILD,
)
_WAIT = "500ms"
"""Less than the database waits before it looks for a circle: the change itself never fails by a case."""

_log = structlog.get_logger(__name__)


def suspect(journal: Journal, name: str, record_id: UUID, other_id: UUID, kind: ConflictKind) -> None:
    """Note that a record that is written and another one may be claimed by two; looked at when all is written."""
    journal.suspicions.setdefault((name, record_id), {}).setdefault(kind, set()).add(other_id)
    journal.at_end(open_cases)


def suspect_duplicate(
    journal: Journal, name: str, record_id: UUID, other: str, other_id: UUID, key: DuplicateKeyKind
) -> None:
    """Note a record that has a key of another one."""
    kind = KINDS.get((name, other, key))
    if kind is not None:
        suspect(journal, name, record_id, other_id, kind)


def suspect_groups(kind: Entity, written: Mapping[UUID, Mapping[str, Any]], journal: Journal) -> None:
    """Note accounts that were put below others.

    Args:
        written: the new values by id.
    """
    if kind.name == "Account":
        for record_id, values in written.items():
            parent_id = values.get("parent_id")
            if parent_id is not None:
                suspect(journal, kind.name, record_id, parent_id, ConflictKind.PARENT_CHILD)


async def open_cases(journal: Journal) -> None:
    """Open a case for each record that was suspected, if the tenant wants it; once for a pair of records."""
    suspicions, journal.suspicions = journal.suspicions, {}
    if not suspicions or not (await conflict_choices()).open_by_itself:
        return
    for (name, record_id), kinds in sorted(suspicions.items()):
        try:
            async with journal.attempt():
                await _lock(name, {record_id, *(one for others in kinds.values() for one in others)}, journal)
                await _open(name, record_id, kinds, journal)
        except asyncpg.LockNotAvailableError:
            # Somebody else is changing one of them; waiting longer could stop both changes.
            _log.warning("no conflict case was opened", entity=name, record=str(record_id), reason="locked")


async def _lock(name: str, ids: Collection[UUID], journal: Journal) -> None:
    connection = raw_connection(journal.client)
    usual = await connection.fetchval("SELECT current_setting('lock_timeout')")
    await connection.execute("SELECT set_config('lock_timeout', $1, true)", _WAIT)
    await connection.execute(
        f'SELECT id FROM "{entity(name).model._meta.db_table}" WHERE tenant_id = $1 AND id = ANY ($2) '
        "ORDER BY id FOR NO KEY UPDATE",
        journal.actor.tenant_id,
        list(ids),
    )
    await connection.execute("SELECT set_config('lock_timeout', $1, true)", usual)


async def _open(name: str, record_id: UUID, kinds: Mapping[ConflictKind, set[UUID]], journal: Journal) -> None:
    kind_of = {other: kind for kind in reversed(_ORDER) for other in kinds.get(kind, ())}
    found = await entity(name).model.filter(id__in=[record_id, *kind_of], archived_at=None).order_by("id")
    rows = {row.id: cast(OwnableModel, row) for row in found}
    own = rows.pop(record_id, None)
    settled = await _settled(name, record_id, list(rows), journal)
    if own is None or own.owner_id is None or record_id in settled:
        return
    others = [row for row in rows.values() if row.owner_id not in (None, own.owner_id) and row.id not in settled]
    locked = [*others[: MOST_RECORDS - 1], own]
    if not others:
        return
    users = dict.fromkeys(row.owner_id for row in locked if row.owner_id is not None)
    kind = min((kind_of[row.id] for row in others), key=_ORDER.index)
    parties = Parties(tuple((name, row.id) for row in locked), tuple(users))
    await store_case(parties, kind, None, locked, journal, by_itself=True)


async def _settled(name: str, record_id: UUID, others: Collection[UUID], journal: Journal) -> set[UUID]:
    """Those that wait for a ruling already, and those about which and the record there has been a case."""
    column = PARTY_COLUMNS[name]
    rows = await raw_connection(journal.client).fetch(
        f"SELECT other.{column} AS id FROM conflict_parties AS mine JOIN conflict_parties AS other "
        f"ON other.tenant_id = $1 AND other.case_id = mine.case_id AND other.{column} = ANY ($3) "
        f"WHERE mine.tenant_id = $1 AND mine.{column} = $2",
        journal.actor.tenant_id,
        record_id,
        list(others),
    )
    return {row["id"] for row in rows} | (await frozen_by(name, [record_id, *others])).keys()


__all__ = ["open_cases", "suspect", "suspect_duplicate", "suspect_groups"]
