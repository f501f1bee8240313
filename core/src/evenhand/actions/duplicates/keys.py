"""Keep the keys of accounts and leads: written with the records, in the same transaction, set-based."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import chunks, insert_rows
from evenhand.db.session import raw_connection, transaction
from evenhand.entities import Account, Lead
from evenhand.ownership.duplicates.models import DuplicateKey
from evenhand.ownership.duplicates.rules import COLUMNS, Key, keys_of
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel, uuid7

MODELS: Mapping[str, type[RecordModel]] = {"Account": Account, "Lead": Lead}
CHUNK = 2_000
"""Records whose keys are made in one statement."""


@dataclass
class KeysTouched:
    """What one transaction changed about keys.

    Attributes:
        new: columns of records that were not there before, by entity and id.
        changed: ids by entity of records whose keys may be others now.
    """

    new: dict[str, dict[UUID, Mapping[str, Any]]] = field(default_factory=dict)
    changed: dict[str, set[UUID]] = field(default_factory=dict)

    def note(
        self, entity: str, record_id: UUID, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> None:
        """Take in a change as the journal records it."""
        columns = COLUMNS.get(entity)
        if columns is None or after is None or not columns & after.keys():
            return
        if before is None:
            self.new.setdefault(entity, {})[record_id] = {name: after.get(name) for name in columns}
        else:
            self.changed.setdefault(entity, set()).add(record_id)


async def write_keys(client: TransactionWrapper, tenant: UUID, touched: KeysTouched) -> None:
    """Bring the keys up to date with what was touched."""
    for entity, ids in touched.changed.items():
        for record_id in ids:
            touched.new.get(entity, {}).pop(record_id, None)
        await _renew(client, tenant, entity, sorted(ids))
    for entity, records in touched.new.items():
        keys = {record_id: keys_of(entity, columns) for record_id, columns in records.items()}
        await _insert(client, tenant, entity, keys)
    touched.new, touched.changed = {}, {}


async def _renew(client: TransactionWrapper, tenant: UUID, entity: str, ids: Collection[UUID]) -> None:
    columns = sorted(COLUMNS[entity])
    rows = await MODELS[entity].filter(id__in=list(ids)).values("id", *columns)
    await raw_connection(client).execute(
        "DELETE FROM duplicate_keys WHERE tenant_id = $1 AND record_id = ANY ($2)", tenant, list(ids)
    )
    await _insert(client, tenant, entity, {row["id"]: keys_of(entity, row) for row in rows})


async def _insert(client: TransactionWrapper, tenant: UUID, entity: str, keys: Mapping[UUID, list[Key]]) -> None:
    rows = [
        {"id": uuid7(), "tenant_id": tenant, "entity": entity, "record_id": record_id, "kind": kind, "value": value}
        for record_id, found in keys.items()
        for kind, value in found
    ]
    await insert_rows(client, DuplicateKey, rows)


async def rebuild_keys() -> int:
    """Make the keys of the current tenant's records anew, for records that came before the keys did.

    Returns: how many records were looked at.

    Raises:
        PermissionDenied: only admins and the system may.
    """
    actor = current_actor()
    require(actor, Operation.CONFIGURE, "DuplicateSettings")
    done = 0
    for entity, model in MODELS.items():
        async with transaction():
            ids = await model.all().order_by("id").values_list("id", flat=True)
        for some in chunks(list(ids), CHUNK):
            async with transaction() as client:
                # Locked, so that no change in between is overwritten by what was read before.
                locked = await model.filter(id__in=list(some)).order_by("id").select_for_update(no_key=True)
                await _renew(client, actor.tenant_id, entity, [record.id for record in locked])
            done += len(some)
    return done
