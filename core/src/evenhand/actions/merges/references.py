"""Everything that refers to accounts, found from the models, and the way to point it at another account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from tortoise import Tortoise
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from evenhand.actions.journal import Journal
from evenhand.db.session import raw_connection
from evenhand.entities import Account, AccountMerge, CustomValue
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.ownership.clocks.models import ExtensionRequest, RecordClock, RecordProtection
from evenhand.ownership.duplicates.models import DuplicateKey
from evenhand.ownership.handovers.models import HandoverLine
from evenhand.ownership.members.models import RecordMember
from evenhand.tenancy.models import RecordModel, TenantModel

STAYS: frozenset[type[TenantModel]] = frozenset(
    {
        AccountMerge,
        CustomValue,
        DuplicateKey,
        ExtensionRequest,
        HandoverLine,
        RecordClock,
        RecordMember,
        RecordProtection,
    }
)
"""Tables that name accounts and never move: what happened, the indices of an account's own values, its team, whose
shares make a whole only together, its clocks, which follow from what moves, what a holder was granted, and what a
hand-over decided about this very record."""


@dataclass(frozen=True)
class Reference:
    """A column that names accounts.

    Attributes:
        generic: the table has names of records of any entity; only rows about accounts count.
    """

    model: type[TenantModel]
    column: str
    generic: bool = False

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.model._meta.db_table)

    @property
    def entity(self) -> Entity | None:
        """The entity whose records the rows are, if they are any's."""
        return next((kind for kind in ENTITIES.values() if kind.model is self.model), None)


def references() -> list[Reference]:
    """Every column of the core and the installed plugins that names an account and may change."""
    found: list[Reference] = []
    for app in (Tortoise.apps or {}).values():
        for model in app.values():
            if not issubclass(model, TenantModel) or model.append_only or model in STAYS:
                continue
            for name in sorted(model._meta.fk_fields):
                field = cast(ForeignKeyFieldInstance[Model], model._meta.fields_map[name])
                if field.related_model is Account:
                    found.append(Reference(model, str(field.source_field)))
            if {"entity", "record_id"} <= set(model._meta.fields_db_projection.values()):
                found.append(Reference(model, "record_id", generic=True))
    return sorted(found, key=lambda one: (one.table, one.column))


async def point_at(
    reference: Reference,
    old: UUID,
    new: UUID,
    journal: Journal,
    *,
    only: Sequence[UUID] | None = None,
    but: Sequence[UUID] = (),
) -> list[UUID]:
    """Let rows that name one account name another, in one statement, with their journal.

    A row that would then be there twice (the same tag, say) stays as it is.

    Args:
        only: ids of the rows to take; all that name the old account by default.
        but: ids of rows to leave out.

    Returns: ids of the rows that changed.
    """
    connection, tenant = raw_connection(journal.client), journal.actor.tenant_id
    table, column = reference.table, reference.column
    conditions = [f'row.tenant_id = $1 AND row."{column}" = $2 AND NOT row.id = ANY ($4::uuid[])']
    conditions.append("($5::uuid[] IS NULL OR row.id = ANY ($5))")
    if reference.generic:
        conditions.append("row.entity = 'Account'")
    for others in await _unique_with(reference, journal):
        same = "".join(f' AND other."{name}" = row."{name}"' for name in others)
        conditions.append(
            f'NOT EXISTS (SELECT FROM "{table}" AS other WHERE other.tenant_id = $1 AND other."{column}" = $3{same})'
        )
    counted = issubclass(reference.model, RecordModel)
    touched = ", version = target.version + 1, updated_at = $6" if counted else ""
    rows = await connection.fetch(
        f'WITH moving AS (SELECT row.id FROM "{table}" AS row WHERE {" AND ".join(conditions)} '
        f"ORDER BY row.id FOR NO KEY UPDATE) "
        f'UPDATE "{table}" AS target SET "{column}" = $3{touched} FROM moving '
        f"WHERE target.tenant_id = $1 AND target.id = moving.id RETURNING target.id",
        tenant,
        old,
        new,
        list(but),
        None if only is None else list(only),
        *([journal.now] if counted else []),
    )
    ids = sorted(row["id"] for row in rows)
    kind = reference.entity
    if kind is not None:
        for row_id in ids:
            change = {"before": {column: old}, "after": {column: new}}
            journal.record(kind.name, row_id, before=change["before"], after=change["after"])
            journal.emit(f"{kind.name}Updated", kind.name, row_id, change)
    return ids


async def _unique_with(reference: Reference, journal: Journal) -> list[list[str]]:
    """The other columns of each uniqueness that the reference is part of, also of those that only migrations know."""
    rows = await raw_connection(journal.client).fetch(
        "SELECT ARRAY(SELECT a.attname::text FROM unnest(i.indkey) AS k (number) "
        "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number) AS names "
        "FROM pg_index AS i WHERE i.indrelid = $1::text::regclass AND i.indisunique",
        f'"{reference.table}"',
    )
    return [
        [name for name in row["names"] if name not in ("tenant_id", reference.column)]
        for row in rows
        if reference.column in row["names"]
    ]
