"""Who may claim from which pool, and who manages it; set-based."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import PoolRole
from evenhand.tenancy.context import current_tenant

# A team reaches down to all teams below it, so a person is in the own team and in all above it.
_RIGHTS = """
SELECT person.id AS user_id, pool.id AS pool_id, person.role IN ('rep', 'manager') AS usual,
       count(member.id) AS members,
       bool_or(found.is_it) AS is_member, bool_or(found.is_it AND member.role = 'manager') AS is_manager
FROM users AS person CROSS JOIN pools AS pool
LEFT JOIN pool_members AS member
    ON member.tenant_id = $1 AND member.pool_id = pool.id AND member.archived_at IS NULL
LEFT JOIN LATERAL (
    SELECT member.user_id = person.id
        OR EXISTS (SELECT FROM team_closure AS above WHERE above.tenant_id = $1
                   AND above.ancestor_id = member.team_id AND above.descendant_id = person.team_id)
        OR person.regions ? member.region
        OR person.product_lines ? member.product_line AS is_it
) AS found ON true
WHERE person.tenant_id = $1 AND person.id = ANY ({users}) AND person.is_active AND person.archived_at IS NULL
  AND person.role <> 'read_only' AND pool.tenant_id = $1 AND pool.archived_at IS NULL AND {pools}
GROUP BY person.id, pool.id, person.role
"""


def pools_of(users: str) -> str:
    """SQL: the ids of the pools from which these people may claim, as an array or null; `$1` is the tenant.

    Args:
        users: SQL for the array of their ids.
    """
    return (
        f"SELECT array_agg(role.pool_id) FROM ({_RIGHTS.format(users=users, pools='true')}) AS role "
        "WHERE role.is_member OR (role.members = 0 AND role.usual)"
    )


async def pool_roles(
    user_ids: Collection[UUID], pool_ids: Collection[UUID] | None = None
) -> dict[tuple[UUID, UUID], PoolRole]:
    """What these people are in these pools, by person and pool; who is nothing there is left out.

    A pool without members is open to every active rep and manager. Whoever is inactive or read-only is nothing.

    Args:
        pool_ids: only these pools; by default all that are in use.
    """
    async with reading() as client:
        wanted = None if pool_ids is None else list(pool_ids)
        rows = await raw_connection(client).fetch(
            _RIGHTS.format(users="$2::uuid[]", pools="($3::uuid[] IS NULL OR pool.id = ANY ($3))"),
            current_tenant(),
            list(user_ids),
            wanted,
        )
    found: dict[tuple[UUID, UUID], PoolRole] = {}
    for row in rows:
        if row["is_manager"]:
            found[(row["user_id"], row["pool_id"])] = PoolRole.MANAGER
        elif row["is_member"] or (row["members"] == 0 and row["usual"]):
            found[(row["user_id"], row["pool_id"])] = PoolRole.MEMBER
    return found


async def is_member(user_id: UUID, pool_id: UUID) -> bool:
    """Whether a person may claim from a pool."""
    return (user_id, pool_id) in await pool_roles([user_id], [pool_id])


async def is_manager(user_id: UUID, pool_id: UUID) -> bool:
    """Whether a person manages a pool."""
    return (await pool_roles([user_id], [pool_id])).get((user_id, pool_id)) is PoolRole.MANAGER
