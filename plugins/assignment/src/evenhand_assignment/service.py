"""Deal records out: lock the turns, apply the rules, keep the state, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from evenhand.api import (
    Candidate,
    OpenRecord,
    Resolution,
    TenantContext,
    current_tenant,
    insert_rows,
    raw_connection,
    reading,
    transaction,
    uuid7,
)
from evenhand_assignment.models import UserTurn
from evenhand_assignment.rules import Limits, Turn, deal, refusals
from evenhand_assignment.settings import ROUND_ROBIN, TurnRules

# After the conflicting first use of another transaction has ended, its row is there to be locked.
_CREATE_GROUP = """
INSERT INTO evenhand_assignment_groups (tenant_id, id, entity, policy, dealt) VALUES ($1, $2, $3, $4, 0)
ON CONFLICT (tenant_id, entity, policy) DO NOTHING
"""
_LOCK_GROUP = "SELECT 1 FROM evenhand_assignment_groups WHERE tenant_id = $1 AND entity = $2 AND policy = $3 FOR UPDATE"
_COUNT = "UPDATE evenhand_assignment_groups SET dealt = dealt + $4 WHERE tenant_id = $1 AND entity = $2 AND policy = $3"
_READ_TURNS = """
SELECT user_id, weight, credit, scale, received, in_turn
FROM evenhand_assignment_turns WHERE tenant_id = $1 AND entity = $2 AND policy = $3
"""
_KEEP = """
ON CONFLICT (tenant_id, entity, policy, user_id) DO UPDATE SET weight = excluded.weight, credit = excluded.credit,
scale = excluded.scale, received = excluded.received, in_turn = excluded.in_turn
"""


async def deal_records(
    ctx: TenantContext,
    settings: TurnRules,
    records: Sequence[OpenRecord],
    candidates: Sequence[Candidate],
    policy: str = ROUND_ROBIN,
) -> list[Resolution]:
    """Give records of one entity out in turn, within limits, and keep the turns; a rollback takes both back.

    Deals of the same entity and policy wait for each other until their transactions end.
    """
    if not records:
        return []
    refused = refusals(settings, candidates)
    weights = {
        candidate.user_id: settings.weight_of(candidate.user_id)
        for candidate in candidates
        if candidate.user_id not in refused
    }
    ids = [record.record_id for record in records]
    if not weights:
        return deal(ids, {}, weights, tuple(refused.values()), ctx.seed, policy)[0]
    entity = records[0].entity
    async with transaction() as client:
        connection = raw_connection(client)
        await connection.execute(_CREATE_GROUP, ctx.tenant_id, uuid7(), entity, policy)
        await connection.execute(_LOCK_GROUP, ctx.tenant_id, entity, policy)
        before = await turns_of(entity, policy)
        limits = Limits(records, candidates)
        resolutions, after = deal(ids, before, weights, tuple(refused.values()), ctx.seed, policy, limits)
        changed = {user: turn for user, turn in after.items() if before.get(user) != turn}
        await insert_rows(client, UserTurn, _rows(entity, policy, changed), suffix=_KEEP)
        dealt = sum(item.owner_id is not None for item in resolutions)
        await connection.execute(_COUNT, ctx.tenant_id, entity, policy, dealt)
    return resolutions


async def turns_of(entity: str, policy: str = ROUND_ROBIN) -> dict[UUID, Turn]:
    """Where every user stands in the turns of one kind of record ("Lead") under one policy, by user id."""
    async with reading() as client:
        rows = await client.execute_query_dict(_READ_TURNS, [current_tenant(), entity, policy])
    return {
        row["user_id"]: Turn(row["weight"], row["credit"], row["scale"], row["received"], row["in_turn"])
        for row in rows
    }


def _rows(entity: str, policy: str, turns: Mapping[UUID, Turn]) -> list[dict[str, object]]:
    tenant = current_tenant()
    return [
        {
            "id": uuid7(),
            "tenant_id": tenant,
            "entity": entity,
            "policy": policy,
            "user_id": user,
            "weight": turn.weight,
            "credit": turn.credit,
            "scale": turn.scale,
            "received": turn.received,
            "in_turn": turn.in_turn,
        }
        for user, turn in sorted(turns.items())
    ]
