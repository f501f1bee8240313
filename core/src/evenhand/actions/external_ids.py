"""What other systems call our records: each name is claimed once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import ExternalId
from evenhand.tenancy.models import uuid7


@dataclass(frozen=True)
class Claims:
    """What became of names in a source system.

    Attributes:
        new: ids that were announced for the records of names that nobody had.
        known: ids of the records that have their names.
        rows: ids of the rows that keep the new names.
    """

    new: Mapping[str, UUID]
    known: Mapping[str, UUID]
    rows: Mapping[str, UUID]


async def claim(entity: str, source: str, names: Collection[str], journal: Journal) -> Claims:
    """Claim names for records of an entity, in two statements.

    A name that another transaction is just claiming is waited for; names are claimed in order, so that two writers
    never wait for each other.
    """
    tenant = journal.actor.tenant_id
    ids = {name: uuid7() for name in names}
    rows = [
        {
            "id": uuid7(),
            "tenant_id": tenant,
            "entity": entity,
            "record_id": ids[name],
            "source": source,
            "external_id": name,
            "created_at": journal.now,
        }
        for name in sorted(ids)
    ]
    conflict = "ON CONFLICT (tenant_id, entity, source, external_id) DO NOTHING RETURNING id, external_id, record_id"
    claimed = await insert_rows(journal.client, ExternalId, rows, suffix=conflict)
    new = {row["external_id"]: row["record_id"] for row in claimed}
    known: dict[str, UUID] = {}
    others = [name for name in ids if name not in new]
    if others:
        found = await raw_connection(journal.client).fetch(
            "SELECT external_id, record_id FROM external_ids "
            "WHERE tenant_id = $1 AND entity = $2 AND source = $3 AND external_id = ANY($4)",
            tenant,
            entity,
            source,
            others,
        )
        known = {row["external_id"]: row["record_id"] for row in found}
    return Claims(new, known, {row["external_id"]: row["id"] for row in claimed})
