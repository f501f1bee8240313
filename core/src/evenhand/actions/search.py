"""Keep what searches look through: written with the records, in the same transaction, set-based."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import chunks
from evenhand.db.session import raw_connection, transaction
from evenhand.entities.registry import ENTITIES, Entity, searchable
from evenhand.entities.searchable import Searchable
from evenhand.search.rules import findable
from evenhand.tenancy.context import current_actor

CHUNK = 2_000
"""Records whose entries are made in one statement."""
_BUCKETS = 64


@dataclass
class Touched:
    """The records of one transaction by which something else may now be found.

    Attributes:
        records: ids by entity.
        renamed: ids by entity of records that were there before and now are called something else.
        former: ids of records that others were named by before.
    """

    records: dict[str, set[UUID]] = field(default_factory=dict)
    renamed: dict[str, set[UUID]] = field(default_factory=dict)
    former: set[UUID] = field(default_factory=set)

    def note(
        self, entity: str, record_id: UUID, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        """Take in a change as the journal records it."""
        kind = ENTITIES.get(entity)
        if kind is None or kind.search is None:
            return
        changed = {*(before or ()), *(after or ())}
        if not changed & kind.search.keys:
            return
        self.records.setdefault(entity, set()).add(record_id)
        if before is None:
            return
        if changed & set(kind.search.names):
            self.renamed.setdefault(entity, set()).add(record_id)
        for column, _ in kind.search.named_by:
            if before.get(column) is not None:
                self.former.add(before[column])


async def write_entries(client: TransactionWrapper, tenant: UUID, touched: Touched) -> None:
    """Bring the entries of touched records up to date, and of those that are named by renamed ones."""
    if not touched.records:
        return
    connection = raw_connection(client)
    records = {name: set(ids) for name, ids in touched.records.items()}
    dependents = [
        (name, column, touched.renamed[target])
        for name, search in searchable().items()
        for column, target in search.named_by
        if target in touched.renamed
    ]
    if dependents:
        await _lock(connection, tenant, {i for _, _, ids in dependents for i in ids}, shared=False)
    named = {name: ids for name, ids in records.items() if _search(name).named_by}
    if named:
        await _lock(connection, tenant, await _named_by(connection, tenant, named) | touched.former, shared=True)
    for name, column, ids in dependents:
        records.setdefault(name, set()).update(await _ids_by(connection, tenant, ENTITIES[name], column, ids))
    for name, ids in records.items():
        for chunk in chunks(sorted(ids), CHUNK):
            await _write(connection, tenant, ENTITIES[name], chunk)
    touched.records, touched.renamed, touched.former = {}, {}, set()


def _search(name: str) -> Searchable:
    return searchable()[name]


async def _lock(connection: asyncpg.Connection, tenant: UUID, ids: Iterable[UUID], *, shared: bool) -> None:
    """Let renaming a record, and writing those that are found by its name, wait for each other.

    Otherwise somebody could write a contact under the old name while its account is being renamed, and neither would
    see the other. Row locks would make every write wait that only refers to a record; a lock per record would fill
    the server's table of locks. So records share 64 locks per tenant, taken in order.
    """
    buckets = sorted({one.int % _BUCKETS for one in ids})
    if not buckets:
        return
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    await connection.execute(
        f"SELECT {function}($1::int, bucket) FROM unnest($2::int[]) AS bucket",
        zlib.crc32(b"search" + tenant.bytes) - 2**31,
        buckets,
    )


async def _named_by(connection: asyncpg.Connection, tenant: UUID, records: Mapping[str, set[UUID]]) -> set[UUID]:
    """Ids of the records by whose names these are found."""
    parts, values = [], []
    for name, ids in records.items():
        values.append(list(ids))
        parts += [
            f'SELECT "{column}" AS id FROM "{ENTITIES[name].model._meta.db_table}" '
            f'WHERE tenant_id = $1 AND id = ANY (${len(values) + 1}::uuid[]) AND "{column}" IS NOT NULL'
            for column, _ in _search(name).named_by
        ]
    return {row["id"] for row in await connection.fetch(" UNION ".join(parts), tenant, *values)}


async def _ids_by(
    connection: asyncpg.Connection, tenant: UUID, kind: Entity, column: str, targets: Iterable[UUID]
) -> set[UUID]:
    rows = await connection.fetch(
        f'SELECT id FROM "{kind.model._meta.db_table}" WHERE tenant_id = $1 AND "{column}" = ANY ($2::uuid[])',
        tenant,
        list(targets),
    )
    return {row["id"] for row in rows}


def _select(kind: Entity, search: Searchable) -> str:
    """The texts of records as JSON arrays whose elements are texts, lists of texts or null."""
    joins, texts = [], [f't."{column}"' for column in search.texts]
    for number, (column, target) in enumerate(search.named_by):
        other = f"r{number}"
        table = ENTITIES[target].model._meta.db_table
        joins.append(f'LEFT JOIN "{table}" AS {other} ON {other}.tenant_id = $1 AND {other}.id = t."{column}"')
        texts += [f'{other}."{name}"' for name in _search(target).names]
    texts += [
        f'(SELECT jsonb_agg(c."{child.column}" ORDER BY c.id) FROM "{child.table}" AS c '
        f'WHERE c.tenant_id = $1 AND c."{child.parent}" = t.id)'
        for child in search.listed
    ]
    names = ", ".join(f't."{column}"' for column in search.names)
    return (
        f't.id, t.archived_at IS NOT NULL AS archived, t."{kind.title}" AS title, '
        f"jsonb_build_array({names})::text AS names, jsonb_build_array({', '.join(texts)})::text AS texts "
        f'FROM "{kind.model._meta.db_table}" AS t {" ".join(joins)}'
    )


def _texts(listed: str) -> list[str]:
    """The texts in an array of `_select`."""
    found: list[str] = []
    for value in orjson.loads(listed):
        if isinstance(value, list):
            found += [one for one in value if isinstance(one, str)]
        elif value is not None:
            found.append(value)
    return found


async def _write(connection: asyncpg.Connection, tenant: UUID, kind: Entity, ids: Sequence[UUID]) -> None:
    rows = await connection.fetch(
        f"SELECT {_select(kind, _search(kind.name))} WHERE t.tenant_id = $1 AND t.id = ANY ($2::uuid[]) ORDER BY t.id",
        tenant,
        list(ids),
    )
    parts = [findable(tenant, kind.name, _texts(row["names"]), _texts(row["texts"])) for row in rows]
    await connection.execute(
        "INSERT INTO search_entries (tenant_id, id, entity, title, archived, names, texts, grams) "
        "SELECT $1, id, $2, title, archived, names, texts, array_to_tsvector(string_to_array(grams, E'\\n')) "
        "FROM unnest($3::uuid[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[]) "
        "AS source (id, title, archived, names, texts, grams) "
        "ON CONFLICT (tenant_id, id) DO UPDATE SET title = excluded.title, archived = excluded.archived, "
        "names = excluded.names, texts = excluded.texts, grams = excluded.grams",
        tenant,
        kind.name,
        [row["id"] for row in rows],
        [row["title"] or "" for row in rows],
        [row["archived"] for row in rows],
        [part.names for part in parts],
        [part.texts for part in parts],
        ["\n".join(part.lexemes) for part in parts],
    )


async def rebuild_search(*, progress: Callable[[str, int], object] | None = None) -> int:
    """Make all entries of the current tenant anew, in many short transactions; nothing else changes.

    Records stay locked against changes while their entries are made, so that it may run while people work; it can be
    stopped and started again at any time.

    Args:
        progress: told the entity and how many of its records more are done.

    Returns: how many entries there are.

    Raises:
        PermissionDenied: the actor is no admin.
    """
    actor = current_actor()
    require(actor, Operation.CONFIGURE, "Tenant")
    total = 0
    for kind in (ENTITIES[name] for name in searchable()):
        last = UUID(int=0)
        while True:
            async with transaction() as client:
                ids = await _rebuild_chunk(client, actor.tenant_id, kind, last)
            if not ids:
                break
            last = ids[-1]
            total += len(ids)
            if progress is not None:
                progress(kind.name, len(ids))
    return total


async def _rebuild_chunk(client: TransactionWrapper, tenant: UUID, kind: Entity, after: UUID) -> list[UUID]:
    connection = raw_connection(client)
    rows = await connection.fetch(
        f'SELECT id FROM "{kind.model._meta.db_table}" WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT {CHUNK} '
        "FOR SHARE",
        tenant,
        after,
    )
    ids: list[UUID] = [row["id"] for row in rows]
    touched = Touched(records={kind.name: set(ids)} if ids else {})
    await write_entries(client, tenant, touched)
    return ids
