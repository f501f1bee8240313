"""Keep the index over custom fields: written with the records, filled when it is switched on."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand.db.session import raw_connection
from evenhand.entities.registry import ENTITIES

_DEFINING = frozenset({"entity", "key", "indexed"})
_SHARED, _ALONE = "pg_advisory_xact_lock_shared", "pg_advisory_xact_lock"


@dataclass
class CustomTouched:
    """What one transaction changed about custom fields.

    Attributes:
        records: ids by entity of records with other values.
        fields: ids of definitions whose index is switched, or that are about something else now.
    """

    records: dict[str, set[UUID]] = field(default_factory=dict)
    fields: set[UUID] = field(default_factory=set)

    def note(
        self, entity: str, record_id: UUID, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        """Take in a change as the journal records it."""
        if entity not in ENTITIES or after is None:
            return
        if "custom" in after:
            self.records.setdefault(entity, set()).add(record_id)
        if entity == "CustomField" and (after.get("indexed") if before is None else _DEFINING & after.keys()):
            self.fields.add(record_id)


async def write_custom_index(client: TransactionWrapper, tenant: UUID, touched: CustomTouched) -> None:
    """Bring the index up to date with what was touched."""
    connection = raw_connection(client)
    if touched.fields:
        await _fill(connection, tenant, list(touched.fields))
    if touched.records:
        await _lock(connection, tenant, touched.records, _SHARED)
        keys = await _indexed_keys(connection, tenant, list(touched.records))
        for entity, found in keys.items():
            ids = list(touched.records[entity])
            await connection.execute(
                "DELETE FROM custom_values WHERE tenant_id = $1 AND record_id = ANY ($2::uuid[])", tenant, ids
            )
            await connection.execute(f"{_insert(entity)} AND t.id = ANY ($4::uuid[])", tenant, entity, found, ids)
    touched.records, touched.fields = {}, set()


async def _lock(connection: asyncpg.Connection, tenant: UUID, entities: Iterable[str], function: str) -> None:
    """Let writing values of an entity, and switching an index of it, wait for each other, or neither sees the other."""
    await connection.execute(
        f"SELECT {function}($1::int, number) FROM unnest($2::int[]) AS number",
        zlib.crc32(b"custom" + tenant.bytes) - 2**31,
        sorted(zlib.crc32(entity.encode()) - 2**31 for entity in entities),
    )


async def _indexed_keys(connection: asyncpg.Connection, tenant: UUID, entities: list[str]) -> dict[str, list[str]]:
    """The indexed fields by entity, also put away ones: they may come back."""
    rows = await connection.fetch(
        "SELECT entity, array_agg(key ORDER BY key) AS keys FROM custom_fields "
        "WHERE tenant_id = $1 AND indexed AND entity = ANY ($2::text[]) GROUP BY entity ORDER BY entity",
        tenant,
        entities,
    )
    return {row["entity"]: row["keys"] for row in rows}


def _insert(entity: str) -> str:
    """Insert the values of the fields $3 of an entity, $2, of the tenant $1; a condition may follow."""
    return (
        "INSERT INTO custom_values (tenant_id, id, entity, key, record_id, text_key, number_key) "
        "SELECT t.tenant_id, md5(t.id::text || field.key)::uuid, $2::text, field.key, t.id, left(held.value, 100), "
        "evenhand_number_key(evenhand_number(held.value)) "
        f'FROM "{ENTITIES[entity].model._meta.db_table}" AS t CROSS JOIN unnest($3::text[]) AS field (key) '
        "CROSS JOIN LATERAL (SELECT t.custom ->> field.key AS value) AS held "
        "WHERE t.tenant_id = $1 AND held.value IS NOT NULL"
    )


async def _fill(connection: asyncpg.Connection, tenant: UUID, ids: list[UUID]) -> None:
    """Make the index of definitions anew that were switched on, and drop what no definition is about any more."""
    rows = await connection.fetch(
        "SELECT entity FROM custom_fields WHERE tenant_id = $1 AND id = ANY ($2)", tenant, ids
    )
    entities = sorted({row["entity"] for row in rows})
    await _lock(connection, tenant, entities, _ALONE)
    await connection.execute(
        "DELETE FROM custom_values AS v WHERE v.tenant_id = $1 AND NOT EXISTS (SELECT 1 FROM custom_fields AS f "
        "WHERE f.tenant_id = $1 AND f.indexed AND f.entity = v.entity AND f.key = v.key AND f.id <> ALL ($2))",
        tenant,
        ids,
    )
    for row in await connection.fetch(
        "SELECT entity, array_agg(key) AS keys FROM custom_fields "
        "WHERE tenant_id = $1 AND id = ANY ($2) AND indexed GROUP BY entity ORDER BY entity",
        tenant,
        ids,
    ):
        await connection.execute(_insert(row["entity"]), tenant, row["entity"], row["keys"])
