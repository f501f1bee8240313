"""What records that change hands have about them, asked in one round trip before the checks go into any of it.

Most have nothing: no conflict case, no former owner, no key in common with others, no team.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.db.session import raw_connection
from evenhand.entities.registry import Entity
from evenhand.ownership.locks import holder_locks

_COLUMNS = {"Account": "account_id", "Lead": "lead_id", "Opportunity": "opportunity_id"}
_ASK = """
SELECT EXISTS (
    SELECT FROM conflict_parties AS party
    JOIN conflict_cases AS conflict ON conflict.tenant_id = $1 AND conflict.id = party.case_id
    WHERE party.tenant_id = $1 AND party.{column} = ANY ($3::uuid[]) AND conflict.state IN ('open', 'appealed')
) AS cases, EXISTS (
    SELECT FROM ownership_entries AS line
    WHERE line.tenant_id = $1 AND line.entity = $2 AND line.record_id = ANY ($4::uuid[]) AND line.owner_id IS NOT NULL
) AS owners, EXISTS (
    SELECT FROM duplicate_keys AS own
    JOIN duplicate_keys AS other ON other.tenant_id = $1 AND other.kind = own.kind AND other.value = own.value
        AND other.record_id <> own.record_id
    WHERE own.tenant_id = $1 AND own.record_id = ANY ($5::uuid[])
) AS twins, EXISTS (
    SELECT FROM record_members AS member
    WHERE member.tenant_id = $1 AND member.{column} = ANY ($3::uuid[])
) AS members, (SELECT count(pg_advisory_xact_lock($6::int, number)::text) FROM unnest($7::int[]) AS number) AS locked
"""


@dataclass(frozen=True)
class Standing:
    """What some of the records asked about may have; False is certain.

    Attributes:
        cases: an open conflict case.
        owners: somebody who held it, at any time.
        twins: a key that another record has, too.
        members: a team.
    """

    cases: bool = True
    owners: bool = True
    twins: bool = True
    members: bool = True


async def ask_standing(
    kind: Entity,
    journal: Journal,
    *,
    moving: Collection[UUID],
    limited: Collection[UUID],
    taken: Collection[UUID],
    owner_ids: Collection[UUID],
) -> Standing:
    """Ask about locked records, and take the locks of the people whose records and claims are counted next.

    Args:
        moving: ids for `cases` and `members`; limited: for `owners`; taken: for `twins`.
        owner_ids: see `lock_owners`.
    """
    group, numbers = holder_locks(journal.actor.tenant_id, journal.locked_owners, owner_ids)
    (row,) = await raw_connection(journal.client).fetch(
        _ASK.format(column=_COLUMNS[kind.name]),
        journal.actor.tenant_id,
        kind.name,
        list(moving),
        list(limited),
        list(taken),
        group,
        numbers,
    )
    journal.locked_owners.update(owner_ids)
    return Standing(row["cases"], row["owners"], row["twins"], row["members"])
