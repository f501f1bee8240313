"""Who may claim from which pool, and who manages it; set-based."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import PoolRole
from evenhand.tenancy.context import current_tenant

# A team reaches down to all teams below it, so a person is in the own team and in all above it.
_RIGHTS = """
WITH RECURSIVE person AS (
    SELECT id, team_id, regions, product_lines, role FROM users
    WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND is_active AND archived_at IS NULL
      AND role <> 'read_only'
), above AS (
    SELECT person.id AS user_id, person.team_id FROM person WHERE person.team_id IS NOT NULL
    UNION
    SELECT above.user_id, team.parent_id FROM above
    JOIN teams AS team ON team.tenant_id = $1 AND team.id = above.team_id
    WHERE team.parent_id IS NOT NULL
)
SELECT person.id AS user_id, pool.id AS pool_id, person.role IN ('rep', 'manager') AS usual,
       count(member.id) AS members,
       bool_or(found.is_it) AS is_member, bool_or(found.is_it AND member.role = 'manager') AS is_manager
FROM person CROSS JOIN pools AS pool
LEFT JOIN pool_members AS member
    ON member.tenant_id = $1 AND member.pool_id = pool.id AND member.archived_at IS NULL
LEFT JOIN LATERAL (
    SELECT member.user_id = person.id
        OR member.team_id IN (SELECT above.team_id FROM above WHERE above.user_id = person.id)
        OR person.regions ? member.region
        OR person.product_lines ? member.product_line AS is_it
) AS found ON true
WHERE pool.tenant_id = $1 AND pool.archived_at IS NULL AND ($3::uuid[] IS NULL OR pool.id = ANY ($3))
GROUP BY person.id, pool.id, person.role
"""


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
        rows = await raw_connection(client).fetch(_RIGHTS, current_tenant(), list(user_ids), wanted)
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
