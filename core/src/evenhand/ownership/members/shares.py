"""Who has which share of a record, now and on any day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from uuid import UUID

from evenhand.db.session import reading
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.members.rules import WHOLE
from evenhand.tenancy.context import current_tenant

# `$3` is the moment before which a line must have started: the end of the day, or far ahead for now.
_END = """
coalesce((SELECT ($3::date + 1)::timestamp AT TIME ZONE tenant.time_zone FROM tenants AS tenant WHERE tenant.id = $1),
         'infinity'::timestamptz)
"""
_SHARES = f"""
SELECT asked.id, owner.owner_id, member.user_id, member.share, member.case_id
FROM unnest($2::uuid[]) AS asked (id)
LEFT JOIN LATERAL (
    SELECT line.owner_id FROM ownership_entries AS line
    WHERE line.tenant_id = $1 AND line.record_id = asked.id AND line.entity = $4 AND line.started_at < {_END}
    ORDER BY line.started_at DESC, line.id DESC LIMIT 1
) AS owner ON true
LEFT JOIN LATERAL (
    SELECT DISTINCT ON (line.user_id) line.user_id, line.share, line.case_id
    FROM membership_entries AS line
    WHERE line.tenant_id = $1 AND line.record_id = asked.id AND line.entity = $4 AND line.started_at < {_END}
    ORDER BY line.user_id, line.started_at DESC, line.id DESC
) AS member ON true
ORDER BY asked.id, member.user_id
"""


class Shares(dict[UUID, Decimal]):
    """Percent by user, the owner first; exactly 100 together.

    Attributes:
        owner_id: the owner, who has what the collaborators leave.
        case_id: the conflict case whose ruling set the shares, when all that hold come from one.
    """

    def __init__(self, owner_id: UUID, collaborators: dict[UUID, Decimal], case_id: UUID | None = None) -> None:
        rest = WHOLE - sum(collaborators.values(), Decimal(0))
        super().__init__({owner_id: rest, **collaborators})
        self.owner_id = owner_id
        self.case_id = case_id


async def shares_of(entity_name: str, record_ids: Collection[UUID], on: date | None = None) -> dict[UUID, Shares]:
    """Who has which share of records of the current tenant; one statement.

    Args:
        on: as it was at the end of this day, in the tenant's time zone; now by default.

    Returns: by record id. A record that nobody owned then (it waited in a pool, or was not there yet) is left out.

    Raises:
        UnknownEntity. InvalidInput: records of this kind have no owner.
    """
    kind = entity(entity_name)
    if not kind.ownable:
        message = f"{kind.name} records have no owner."
        raise InvalidInput(
            [Problem("entity", "NOT_OWNABLE", message, "Accounts, leads and opportunities have owners.")]
        )
    async with reading() as client:
        rows = await client.execute_query_dict(_SHARES, [current_tenant(), list(record_ids), on, kind.name])
    owners: dict[UUID, UUID] = {}
    shares: dict[UUID, dict[UUID, Decimal]] = {}
    cases: dict[UUID, set[UUID | None]] = {}
    for row in rows:
        if row["owner_id"] is None:
            continue
        owners[row["id"]] = row["owner_id"]
        if row["share"] is not None and row["user_id"] != row["owner_id"]:
            shares.setdefault(row["id"], {})[row["user_id"]] = row["share"]
            cases.setdefault(row["id"], set()).add(row["case_id"])
    return {
        record_id: Shares(
            owner_id,
            shares.get(record_id, {}),
            next(iter(found)) if len(found := cases.get(record_id, {None})) == 1 else None,
        )
        for record_id, owner_id in owners.items()
    }
