"""Look into records that wait in pools: counted, because a list of customers is worth something by itself."""

from __future__ import annotations

from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.actions.pools.claims import own_user, ownable
from evenhand.actions.pools.errors import NotPoolMember, ViewLimitReached
from evenhand.actions.pools.limits import lock_owners
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import raw_connection
from evenhand.errors import NotFound
from evenhand.ownership.pools.members import pool_roles
from evenhand.ownership.pools.reading import rules_now
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import uuid7

# The first look of a day counts, and only while there is room; both are decided where they are written.
_VIEW = """
WITH today AS (
    SELECT count(*) FILTER (WHERE rule_id IS NOT DISTINCT FROM $7) AS seen,
           coalesce(bool_or(record_id = $5), false) AS again
    FROM pool_views WHERE tenant_id = $1 AND user_id = $3 AND day = $4
), looked AS (
    INSERT INTO pool_views (id, tenant_id, user_id, day, entity, record_id, pool_id, rule_id, viewed_at)
    SELECT $2, $1, $3, $4, $10, $5, $6, $7, $8 FROM today WHERE NOT again AND ($9::int IS NULL OR seen < $9)
    ON CONFLICT (tenant_id, user_id, day, record_id) DO NOTHING RETURNING id
)
SELECT seen, again, EXISTS (SELECT FROM looked) AS counted FROM today
"""


async def view_record(entity_name: str, record_id: UUID) -> int | None:
    """Note that the acting user looks into a record that waits in a pool; the same record counts once a day.

    Records that somebody holds count nothing, nor does what managers and admins look at.

    Returns: how many more records the user may look into today; None when there is no limit.

    Raises:
        NotFound; NotPoolMember; ViewLimitReached. PermissionDenied.
    """
    kind = ownable(entity_name)
    user_id = own_user("look into records")
    actor = current_actor()
    require(actor, Operation.READ, kind.name)
    async with writing("view_record") as journal:
        record = await kind.model.filter(id=record_id, archived_at=None).first()
        if record is None:
            raise NotFound(kind.name, record_id)
        columns = record.columns()
        pool_id = columns["pool_id"]
        if pool_id is None or actor.role in (Role.ADMIN, Role.MANAGER):
            return None
        if (user_id, pool_id) not in await pool_roles([user_id], [pool_id]):
            raise NotPoolMember(
                f"You may not look into pool {pool_id}.", hint="Ask an admin to make you a member.", pool=str(pool_id)
            )
        rules = await rules_now(kind.name, journal.now)
        rule = rules.of_pooled(columns, pool_id)
        most = None if rule is None else rule.views_per_day
        if most is not None:
            await lock_owners([user_id], journal)
        (row,) = await raw_connection(journal.client).fetch(
            _VIEW,
            actor.tenant_id,
            uuid7(),
            user_id,
            rules.today,
            record_id,
            pool_id,
            None if rule is None else rule.id,
            journal.now,
            most,
            kind.name,
        )
        if not row["again"] and not row["counted"] and most is not None:
            raise ViewLimitReached(
                f"You have looked into {most} records of the pool today, as many as the rule allows.",
                hint=f"Claim some of them, or come back at {rules.shown(rules.day[1])}.",
                until=rules.day[1].isoformat(),
                limit=most,
            )
        return None if most is None else max(0, most - row["seen"] - int(row["counted"]))
