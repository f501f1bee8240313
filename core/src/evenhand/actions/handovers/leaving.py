"""Nobody leaves with records in hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.db.session import raw_connection, reading
from evenhand.entities import User
from evenhand.errors import Refusals
from evenhand.ownership.handovers.errors import HoldsRecords
from evenhand.tenancy.context import Role, current_tenant
from evenhand.tenancy.models import RecordModel

# Closed deals and converted leads are history and stay with who closed them.
_HELD = """
SELECT u.id,
    (SELECT count(*) FROM accounts AS a WHERE a.tenant_id = $1 AND a.owner_id = u.id AND a.archived_at IS NULL)
        AS accounts,
    (SELECT count(*) FROM leads AS l WHERE l.tenant_id = $1 AND l.owner_id = u.id AND l.archived_at IS NULL
        AND l.status <> 'converted') AS leads,
    (SELECT count(*) FROM opportunities AS o
        JOIN stages AS s ON s.tenant_id = $1 AND s.id = o.stage_id AND s.kind = 'open'
        WHERE o.tenant_id = $1 AND o.owner_id = u.id AND o.archived_at IS NULL) AS opportunities
FROM users AS u WHERE u.tenant_id = $1 AND u.id = ANY ($2::uuid[])
"""


async def held_by(user_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """How many accounts, leads and open opportunities each of these users holds; kinds without any are left out."""
    async with reading() as client:
        rows = await raw_connection(client).fetch(_HELD, current_tenant(), list(user_ids))
    kinds = ("accounts", "leads", "opportunities")
    return {row["id"]: {name: row[name] for name in kinds if row[name]} for row in rows}


async def refuse_leaving(leaving: Mapping[int, RecordModel], refusals: Refusals) -> None:
    """Refuse that users leave who hold records; the rows of the users are locked, so nobody gives them more.

    Args:
        leaving: users who are archived, become inactive or read-only, by their place in the caller's list.
        refusals: gets a `HoldsRecords` for each.
    """
    if not leaving:
        return
    held = await held_by([user.id for user in leaving.values()])
    for place, user in leaving.items():
        counts = [f"{count} {name}" for name, count in held[user.id].items()]
        if counts and isinstance(user, User):
            refusals.refuse(
                place,
                HoldsRecords(
                    f"{user.name} still holds {', '.join(counts)}.",
                    hint="Hand them over first: planHandover, or evenhand handover plan --from USER.",
                    user=str(user.id),
                ),
            )


def leaves(user: RecordModel, values: Mapping[str, Any]) -> bool:
    """Whether a change makes a user who can hold records one who cannot."""
    if not isinstance(user, User):
        return False
    before = user.is_active and user.role is not Role.READ_ONLY
    return before and not (values.get("is_active", user.is_active) and values.get("role", user.role) != Role.READ_ONLY)


def leaving_users(plans: Sequence[tuple[RecordModel, Mapping[str, Any]]]) -> dict[int, RecordModel]:
    """Those of the users who leave by their changes, by their places."""
    return {place: user for place, (user, values) in enumerate(plans) if leaves(user, values)}
