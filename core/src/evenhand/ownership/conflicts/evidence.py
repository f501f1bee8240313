"""What is known about the records of a conflict case when it is opened: each fact with the id of its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from evenhand.db.session import raw_connection, reading
from evenhand.tenancy.context import current_tenant

MOST = 200
"""So many ledger lines, and deals, are kept of one record; the latest ones."""

_RECORD = """
SELECT to_jsonb(found) AS fact FROM (
    SELECT r.id, r.name, r.created_at, r.held_since, r.owner_id, u.name AS owner, r.pool_id, p.name AS pool,
        (SELECT a.user_id FROM audit_entries AS a WHERE a.tenant_id = $1 AND a.record_id = r.id AND a.entity = $3
            AND a.before IS NULL ORDER BY a.occurred_at, a.id LIMIT 1) AS created_by_id
    FROM "{table}" AS r
    LEFT JOIN users AS u ON u.tenant_id = $1 AND u.id = r.owner_id
    LEFT JOIN pools AS p ON p.tenant_id = $1 AND p.id = r.pool_id
    WHERE r.tenant_id = $1 AND r.id = $2
) AS found
"""
_LEDGER = f"""
SELECT to_jsonb(found) AS fact FROM (
    SELECT l.id, l.owner_id, u.name AS owner, l.pool_id, l.started_at, l.reason, l.note, l.actor_id, l.via
    FROM ownership_entries AS l LEFT JOIN users AS u ON u.tenant_id = $1 AND u.id = l.owner_id
    WHERE l.tenant_id = $1 AND l.record_id = $2 AND l.entity = $3
    ORDER BY l.started_at DESC, l.id DESC LIMIT {MOST}
) AS found ORDER BY found.started_at, found.id
"""
_ACTIVITIES = """
SELECT to_jsonb(found) AS fact FROM (
    SELECT a.author_id, u.name AS author, count(*) AS count, min(a.occurred_at) AS first_at,
        max(a.occurred_at) AS last_at, (array_agg(a.id ORDER BY a.occurred_at, a.id))[1] AS first_id,
        (array_agg(a.id ORDER BY a.occurred_at DESC, a.id DESC))[1] AS last_id,
        (SELECT jsonb_object_agg(k.kind, k.count) FROM (
            SELECT b.kind, count(*) AS count FROM activities AS b
            WHERE b.tenant_id = $1 AND b.{column} = $2 AND b.archived_at IS NULL
                AND b.author_id IS NOT DISTINCT FROM a.author_id GROUP BY b.kind
        ) AS k) AS kinds
    FROM activities AS a LEFT JOIN users AS u ON u.tenant_id = $1 AND u.id = a.author_id
    WHERE a.tenant_id = $1 AND a.{column} = $2 AND a.archived_at IS NULL AND $3::text IS NOT NULL
    GROUP BY a.author_id, u.name
) AS found ORDER BY found.first_at
"""
_DEALS = f"""
SELECT to_jsonb(found) AS fact FROM (
    SELECT d.id, d.name, d.owner_id, s.kind AS state, d.amount, d.currency, d.created_at, d.closed_on
    FROM opportunities AS d JOIN stages AS s ON s.tenant_id = $1 AND s.id = d.stage_id
    WHERE d.tenant_id = $1 AND d.account_id = $2 AND d.archived_at IS NULL AND $3::text IS NOT NULL
    ORDER BY d.created_at DESC, d.id DESC LIMIT {MOST}
) AS found ORDER BY found.created_at, found.id
"""
_KEYS = """
SELECT k.kind, k.value, array_agg(k.record_id ORDER BY k.record_id) AS records FROM duplicate_keys AS k
WHERE k.tenant_id = $1 AND k.record_id = ANY ($2) GROUP BY k.kind, k.value HAVING count(*) > 1 ORDER BY k.kind, k.value
"""
_TABLES: Mapping[str, str] = {"Account": "accounts", "Lead": "leads", "Opportunity": "opportunities"}


async def gather_evidence(records: Sequence[tuple[str, UUID]]) -> dict[str, Any]:
    """The evidence about records: {"records": […], "keys": […]}, in values that JSON can hold.

    Each record has its holder, who created it when, its ledger, its activities by author with count, first and last,
    and for an account its deals. Keys are those that at least two of the records have in common.
    """
    async with reading() as client:
        connection = raw_connection(client)
        found = []
        for entity, record_id in records:
            facts = await _facts(connection, _RECORD.format(table=_TABLES[entity]), record_id, entity)
            column = f"{entity.lower()}_id"
            found.append(
                {
                    "entity": entity,
                    **facts[0],
                    "ledger": await _facts(connection, _LEDGER, record_id, entity),
                    "activities": await _facts(connection, _ACTIVITIES.format(column=column), record_id, entity),
                    "deals": await _facts(connection, _DEALS, record_id, entity) if entity == "Account" else [],
                }
            )
        keys = await connection.fetch(_KEYS, current_tenant(), [record_id for _, record_id in records])
    return {
        "records": found,
        "keys": [
            {"kind": row["kind"], "value": row["value"], "records": [str(one) for one in row["records"]]}
            for row in keys
        ],
    }


async def _facts(connection: asyncpg.Connection, sql: str, record_id: UUID, entity: str) -> list[dict[str, Any]]:
    rows = await connection.fetch(sql, current_tenant(), record_id, entity)
    return [_fact(row["fact"]) for row in rows]


def _fact(value: Any) -> dict[str, Any]:
    # As text or decoded, as the connection reads JSON.

    fact: dict[str, Any] = orjson.loads(value) if isinstance(value, str | bytes) else dict(value)
    return fact
