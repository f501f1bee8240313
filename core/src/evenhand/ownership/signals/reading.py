"""Read what happened, for the rules that look for patterns; the current tenant's, inside the open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from evenhand.entities.enums import ActivityKind
from evenhand.ownership.signals.rules import TAKEN, Holding, Look, Touch, Warned

MET = (ActivityKind.MEETING.value, ActivityKind.VISIT.value)

# Of records that changed hands since then: lines that had not ended before.
_HOLDINGS = """
SELECT id, entity, record_id, owner_id, started_at, ended_at, reason FROM (
    SELECT e.id, e.entity, e.record_id, e.owner_id, e.started_at, e.reason,
           lead(e.started_at) OVER (PARTITION BY e.record_id ORDER BY e.started_at, e.id) AS ended_at
    FROM ownership_entries AS e
    WHERE e.tenant_id = $1 AND e.record_id IN (
        SELECT recent.record_id FROM ownership_entries AS recent
        WHERE recent.tenant_id = $1 AND recent.started_at >= $2
    )
) AS line WHERE ended_at IS NULL OR ended_at >= $2
"""
# What is done on a deal, or with a person, is done on the account too.
_TOUCHES = """
SELECT a.id, named.record_id, a.author_id, a.occurred_at, coalesce(length(a.body), 0) AS characters,
       coalesce(a.duration_minutes, 0) AS minutes, a.kind = ANY ($4) AS met
FROM activities AS a
LEFT JOIN opportunities AS o ON o.tenant_id = $1 AND o.id = a.opportunity_id
LEFT JOIN contacts AS c ON c.tenant_id = $1 AND c.id = a.contact_id
CROSS JOIN LATERAL (
    SELECT DISTINCT id AS record_id FROM unnest(ARRAY[
        a.account_id, a.lead_id, a.opportunity_id, o.account_id, c.account_id
    ]) AS id WHERE id = ANY ($3)
) AS named
WHERE a.tenant_id = $1 AND a.occurred_at >= $2 AND a.archived_at IS NULL
"""
_WARNED = """
SELECT DISTINCT ON (w.record_id, (w.payload ->> 'due_at'))
       w.entity, w.record_id, (w.payload ->> 'owner_id')::uuid AS owner_id, w.occurred_at,
       (w.payload ->> 'due_at')::timestamptz AS due_at
FROM outbox_events AS w
WHERE w.tenant_id = $1 AND w.type = 'ReclaimWarned' AND w.occurred_at >= $2 AND w.payload ->> 'owner_id' IS NOT NULL
ORDER BY w.record_id, (w.payload ->> 'due_at'), w.occurred_at DESC
"""
_LOOKS = "SELECT user_id, entity, record_id, viewed_at FROM pool_views WHERE tenant_id = $1 AND viewed_at >= $2"


@dataclass(frozen=True)
class Facts:
    """What happened since a moment."""

    holdings: Sequence[Holding]
    touches: Sequence[Touch]
    warned: Sequence[Warned]
    looks: Sequence[Look]

    @property
    def claimed(self) -> list[tuple[UUID, UUID]]:
        """User and record of each claim."""
        return [
            (line.owner_id, line.record_id)
            for line in self.holdings
            if line.owner_id is not None and line.reason in TAKEN
        ]


async def facts_since(connection: asyncpg.Connection, tenant_id: UUID, since: datetime) -> Facts:
    """Read what happened since a moment; four statements."""
    holdings = [
        Holding(
            row["id"],
            row["entity"],
            row["record_id"],
            row["owner_id"],
            row["started_at"],
            row["ended_at"],
            row["reason"],
        )
        for row in await connection.fetch(_HOLDINGS, tenant_id, since)
    ]
    warned = [
        Warned(row["entity"], row["record_id"], row["owner_id"], row["occurred_at"], row["due_at"])
        for row in await connection.fetch(_WARNED, tenant_id, since)
    ]
    records = list({one.record_id for one in holdings} | {one.record_id for one in warned})
    touches = [
        Touch(
            row["id"],
            row["record_id"],
            row["author_id"],
            row["occurred_at"],
            row["characters"],
            row["minutes"],
            row["met"],
        )
        for row in await connection.fetch(_TOUCHES, tenant_id, since, records, list(MET))
    ]
    looks = [
        Look(row["user_id"], row["entity"], row["record_id"], row["viewed_at"])
        for row in await connection.fetch(_LOOKS, tenant_id, since)
    ]
    return Facts(holdings, touches, warned, looks)
