"""Read why policies gave records to whom they gave them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from evenhand.db.session import reading
from evenhand.plugins.contract import Verdict
from evenhand.tenancy.context import current_tenant

_LATEST = """
SELECT DISTINCT ON (record_id) id, record_id, plugin, policy, owner_id, seed, decided_at, verdicts
FROM decisions
WHERE tenant_id = $1 AND entity = $2 AND record_id = ANY ($3) AND ($4::text IS NULL OR plugin = $4)
ORDER BY record_id, decided_at DESC, id DESC
"""


@dataclass(frozen=True)
class Decided:
    """A decision as it was recorded.

    Attributes:
        owner_id: None when nobody was eligible.
        verdicts: one for every candidate there was.
    """

    id: UUID
    record_id: UUID
    plugin: str
    policy: str
    owner_id: UUID | None
    seed: int
    decided_at: datetime
    verdicts: Sequence[Verdict]


def _verdict(stored: Mapping[str, Any]) -> Verdict:
    return Verdict(
        candidate_id=UUID(stored["candidate"]),
        eligible=stored["eligible"],
        reason=stored["reason"],
        rank=stored["rank"],
        evidence=stored["evidence"],
    )


async def decisions_for(entity: str, record_ids: Collection[UUID], *, plugin: str | None = None) -> dict[UUID, Decided]:
    """The newest decision about each record of the current tenant, by record id; one statement.

    Args:
        entity: as in the API, e.g. "Lead".
        plugin: only decisions of this plugin, by its slug.
    """
    async with reading() as client:
        rows = await client.execute_query_dict(_LATEST, [current_tenant(), entity, list(record_ids), plugin])
    return {
        row["record_id"]: Decided(
            id=row["id"],
            record_id=row["record_id"],
            plugin=row["plugin"],
            policy=row["policy"],
            owner_id=row["owner_id"],
            seed=row["seed"],
            decided_at=row["decided_at"],
            verdicts=tuple(_verdict(stored) for stored in orjson.loads(row["verdicts"])),
        )
        for row in rows
    }


async def names_of_users(user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Names of users of the current tenant by id, also of archived ones; one statement."""
    async with reading() as client:
        statement = "SELECT id, name FROM users WHERE tenant_id = $1 AND id = ANY ($2)"
        rows = await client.execute_query_dict(statement, [current_tenant(), list(user_ids)])
    return {row["id"]: row["name"] for row in rows}
