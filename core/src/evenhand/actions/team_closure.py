"""Keep the closure of the tree of teams: exact, in the transaction that changes the tree."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.actions.structure import lock_tree
from evenhand.db.session import raw_connection
from evenhand.entities.registry import Entity
from evenhand.tenancy.models import RecordModel, uuid7

_BELOW = (
    "SELECT DISTINCT descendant_id AS id FROM team_closure WHERE tenant_id = $1 AND ancestor_id = ANY ($2::uuid[]) "
    "UNION SELECT unnest($2::uuid[])"
)
_REMOVE = "DELETE FROM team_closure WHERE tenant_id = $1 AND descendant_id = ANY ($2::uuid[])"
_PAIRS = """
WITH RECURSIVE up AS (
    SELECT id AS descendant_id, id AS ancestor_id, parent_id, 0 AS depth
    FROM teams WHERE tenant_id = $1 AND id = ANY ($2::uuid[])
    UNION ALL
    SELECT up.descendant_id, above.id, above.parent_id, up.depth + 1
    FROM up JOIN teams AS above ON above.tenant_id = $1 AND above.id = up.parent_id
)
SELECT ancestor_id, descendant_id, depth FROM up ORDER BY descendant_id, depth
"""
_ADD = (
    "INSERT INTO team_closure (tenant_id, id, ancestor_id, descendant_id, depth) "
    "SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[])"
)


async def hold_teams(kind: Entity, journal: Journal) -> None:
    """Before teams are created: nobody moves the teams above them meanwhile."""
    if kind.name == "Team":
        await lock_tree(kind, journal)


async def settle_teams(kind: Entity, ids: Collection[UUID], journal: Journal) -> None:
    """After teams were created or moved, with the tree locked: bring their part of the closure up to date."""
    if kind.name != "Team" or not ids:
        return
    connection, tenant = raw_connection(journal.client), journal.actor.tenant_id
    below = [row["id"] for row in await connection.fetch(_BELOW, tenant, list(ids))]
    await connection.execute(_REMOVE, tenant, below)
    pairs = await connection.fetch(_PAIRS, tenant, below)
    await connection.execute(
        _ADD,
        tenant,
        [uuid7() for _ in pairs],
        [pair["ancestor_id"] for pair in pairs],
        [pair["descendant_id"] for pair in pairs],
        [pair["depth"] for pair in pairs],
    )


async def settle_moves(kind: Entity, plans: Sequence[tuple[RecordModel, Mapping[str, Any]]], journal: Journal) -> None:
    """The same for changes of locked teams."""
    moved = [record.id for record, values in plans if "parent_id" in values]
    await settle_teams(kind, moved, journal)
