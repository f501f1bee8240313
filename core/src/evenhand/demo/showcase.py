"""What the tour points at: who got how many leads, and the records that show the most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from evenhand.db.session import raw_connection, reading
from evenhand.demo.intake import decisions_of, lead_ids
from evenhand.entities import Team, User
from evenhand.tenancy.context import Actor, acting_as


@dataclass(frozen=True)
class Share:
    """How many of the demo's leads one user holds by assignment."""

    user_id: UUID
    name: str
    team: str
    level: str
    leads: int


async def shares(actor: Actor) -> list[Share]:
    """Who got how many of the demo's leads by assignment, most first; also those of the reps who got none."""
    with acting_as(actor):
        ids = await lead_ids()
        async with reading():
            newest = {row.record_id: row.owner_id for row in await decisions_of(ids)}
            teams: Mapping[UUID, str] = {team.id: team.name for team in await Team.all()}
            reps = await User.filter(role="rep", archived_at=None).order_by("name")
    counts = Counter(newest.values())
    found = [
        Share(
            user.id, user.name, teams.get(user.team_id, "") if user.team_id else "", user.level.value, counts[user.id]
        )
        for user in reps
    ]
    return sorted(found, key=lambda share: (-share.leads, share.team, share.name))


_ACCOUNT = """
SELECT a.id
FROM accounts a
WHERE a.tenant_id = $1 AND a.archived_at IS NULL AND a.owner_id IS NOT NULL
ORDER BY
  4 * least(1, (SELECT count(*) FROM opportunities o
            WHERE o.tenant_id = $1 AND o.account_id = a.id AND o.closed_on IS NULL AND o.archived_at IS NULL))
  + 2 * least(2, (SELECT count(*) FROM ownership_entries l WHERE l.tenant_id = $1 AND l.record_id = a.id))
  + least(1, (SELECT count(*) FROM tickets t WHERE t.tenant_id = $1 AND t.account_id = a.id))
  + least(1, (SELECT count(*) FROM taggings g WHERE g.tenant_id = $1 AND g.account_id = a.id))
  + 5 * least(1, (SELECT count(*) FROM payments p WHERE p.tenant_id = $1
            AND p.archived_at IS NULL AND p.order_id = (
            SELECT r.id FROM orders r WHERE r.tenant_id = $1 AND r.account_id = a.id AND r.archived_at IS NULL
            ORDER BY r.created_at DESC, r.id DESC LIMIT 1))) DESC,
  a.created_at, a.id
LIMIT 1
"""


async def showcase_account(actor: Actor) -> UUID:
    """The account with most to see: open deals, payments, tickets, tags, owners before; the oldest of such."""
    with acting_as(actor):
        async with reading() as client:
            found: UUID = await raw_connection(client).fetchval(_ACCOUNT, actor.tenant_id)
    return found


async def showcase_lead(actor: Actor) -> UUID | None:
    """A lead in the middle of the file that a policy gave to somebody; None when there is none."""
    with acting_as(actor):
        ids = await lead_ids()
        async with reading():
            given = {row.record_id for row in await decisions_of(ids) if row.owner_id is not None}
    found = [lead for lead in ids if lead in given]
    return found[len(found) // 2] if found else None
