"""Who stands above whom: by the managers that users name, and by the managers in the teams above."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from evenhand.db.session import reading
from evenhand.tenancy.context import current_tenant

DEEPEST = 50
"""So many levels are followed; a loop ends there."""

_SUPERIORS = f"""
WITH RECURSIVE chain (user_id, above, depth) AS (
    SELECT u.id, u.manager_id, 1 FROM users AS u
    WHERE u.tenant_id = $1 AND u.id = ANY ($2) AND u.manager_id IS NOT NULL
    UNION ALL
    SELECT c.user_id, u.manager_id, c.depth + 1
    FROM chain AS c JOIN users AS u ON u.tenant_id = $1 AND u.id = c.above
    WHERE u.manager_id IS NOT NULL AND c.depth < {DEEPEST}
), places (user_id, team_id, depth) AS (
    SELECT u.id, u.team_id, 1 FROM users AS u
    WHERE u.tenant_id = $1 AND u.id = ANY ($2) AND u.team_id IS NOT NULL
    UNION ALL
    SELECT p.user_id, t.parent_id, p.depth + 1
    FROM places AS p JOIN teams AS t ON t.tenant_id = $1 AND t.id = p.team_id
    WHERE t.parent_id IS NOT NULL AND p.depth < {DEEPEST}
), found (user_id, above, way, depth) AS (
    SELECT user_id, above, 1, depth FROM chain
    UNION ALL
    SELECT p.user_id, lead.id, 2, p.depth
    FROM places AS p JOIN users AS lead ON lead.tenant_id = $1 AND lead.team_id = p.team_id AND lead.role = 'manager'
)
SELECT f.user_id, f.above
FROM found AS f JOIN users AS lead ON lead.tenant_id = $1 AND lead.id = f.above
WHERE f.above <> f.user_id AND lead.is_active AND lead.archived_at IS NULL AND lead.role IN ('manager', 'admin')
GROUP BY f.user_id, f.above
ORDER BY f.user_id, min((f.way, f.depth)), f.above
"""


async def superiors_of(user_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The active managers and admins above each of these users, the nearest first; one statement.

    First those whom the chain of managers names, then the managers of the user's team and the teams above it. Two
    managers in one team stand above each other by that; who is above oneself never counts.
    """
    if not user_ids:
        return {}
    async with reading() as client:
        rows = await client.execute_query_dict(_SUPERIORS, [current_tenant(), list(user_ids)])
    found: dict[UUID, list[UUID]] = {user_id: [] for user_id in user_ids}
    for row in rows:
        found[row["user_id"]].append(row["above"])
    return found
