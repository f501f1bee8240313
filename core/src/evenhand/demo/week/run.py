"""Simulate the week: the jobs at their hours, the people at theirs; the clock is moved from moment to moment."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time

from evenhand import clock
from evenhand.actions.audit import verify_audit
from evenhand.audit.sealing import seal_entries
from evenhand.demo.week.cast import ZONE, hire, monday_before
from evenhand.demo.week.course import Week
from evenhand.demo.week.script import play
from evenhand.demo.week.telling import Balance, Report
from evenhand.tenancy.context import acting_as

_HELD = """
SELECT coalesce(u.name, p.name) AS name, count(*) AS held FROM accounts AS a
LEFT JOIN users AS u ON u.tenant_id = $1 AND u.id = a.owner_id
LEFT JOIN pools AS p ON p.tenant_id = $1 AND p.id = a.pool_id
WHERE a.tenant_id = $1 AND a.archived_at IS NULL GROUP BY 1
"""
_WRONG = """
SELECT count(*) FROM accounts AS a LEFT JOIN LATERAL (
    SELECT e.owner_id, e.pool_id, e.started_at FROM ownership_entries AS e
    WHERE e.tenant_id = $1 AND e.record_id = a.id ORDER BY e.started_at DESC, e.id DESC LIMIT 1
) AS line ON TRUE
WHERE a.tenant_id = $1 AND (num_nonnulls(a.owner_id, a.pool_id) <> 1 OR line.started_at IS DISTINCT FROM a.held_since
    OR line.owner_id IS DISTINCT FROM a.owner_id OR line.pool_id IS DISTINCT FROM a.pool_id)
"""
_LINES = "SELECT count(*) FROM ownership_entries WHERE tenant_id = $1 AND started_at >= $2"


async def simulate_week(seed: int = 2026, today: date | None = None) -> Report:
    """Simulate the last week that is over, in a tenant made for it.

    Args:
        seed: the same seed and day make the same week.
    """
    today = today or clock.now().astimezone(ZONE).date()
    begin = datetime.combine(monday_before(today), time(0), ZONE).astimezone(UTC)
    with clock.use_clock(lambda: begin):
        cast = await hire(seed, today)
    week = Week(cast)
    with clock.use_clock(lambda: week.moment):
        before = await _held(week)
        await play(week)
        after = await _held(week)
        with acting_as(cast.system):
            await seal_entries()
            found = await verify_audit()
        (wrong,) = await week.rows(_WRONG)
        (lines,) = await week.rows(_LINES, begin)
    names = [name for name in (*cast.users, *cast.pools) if before[name] or after[name]]
    return Report(
        slug=cast.slug,
        first=cast.at(0, 0),
        told=week.told,
        balances=[Balance(name, before[name], after[name]) for name in names],
        lines=lines[0],
        sealed=found.checked,
        broken=None if found.broken is None else str(found.broken),
        wrong=wrong[0],
        time_zone=ZONE.key,
    )


async def _held(week: Week) -> Counter[str]:
    return Counter({row["name"]: row["held"] for row in await week.rows(_HELD)})
