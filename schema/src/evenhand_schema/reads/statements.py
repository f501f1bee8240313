"""The SQL of reads. Every table in a statement carries its own `tenant_id = $1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evenhand_schema.reads.filters import condition
from evenhand_schema.reads.ordering import Ordering
from evenhand_schema.reads.parameters import Parameters

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound, Many

Statement = tuple[str, Sequence[Any]]
ROW = "t"
PARENT = "evenhand_parent"


def _selected(item: Bound) -> str:
    own = [f'{ROW}."{column}"' for column in item.model._meta.fields_db_projection.values()]
    computed = [f'({member.sql.format(row=ROW)}) AS "{name}"' for name, member in item.computed.items()]
    return ", ".join(own + computed)


def _table(item: Bound) -> str:
    return f'"{item.model._meta.db_table}" AS {ROW}'


def by_ids(item: Bound, tenant: UUID, ids: Sequence[UUID]) -> Statement:
    """The records with these ids."""
    parameters = Parameters(tenant, list(ids))
    sql = f"SELECT {_selected(item)} FROM {_table(item)} WHERE {ROW}.tenant_id = $1 AND {ROW}.id = ANY($2)"
    return sql, parameters.values


def page(
    item: Bound,
    tenant: UUID,
    *,
    ordering: Ordering,
    first: int,
    after: str | None,
    where: Any,
    archived: bool,
) -> Statement:
    """One page of all records of a type, and one record more."""
    parameters = Parameters(tenant)
    parts = [f"{ROW}.tenant_id = $1"]
    if item.archivable and not archived:
        parts.append(f"{ROW}.archived_at IS NULL")
    if where is not None:
        parts.append(condition(where, item.columns, ROW, parameters))
    if after is not None:
        parts.append(ordering.after(ordering.values(after), ROW, parameters))
    sql = (
        f"SELECT {_selected(item)} FROM {_table(item)} WHERE {' AND '.join(parts)} "
        f"ORDER BY {ordering.sql(ROW)} LIMIT {first + 1}"
    )
    return sql, parameters.values


def pages(
    item: Bound,
    tenant: UUID,
    member: Many,
    parents: Sequence[UUID],
    *,
    ordering: Ordering,
    first: int,
    after: str | None,
    flags: Mapping[str, bool | None],
) -> Statement:
    """One page per parent of the records that name it, and one record more each."""
    parameters = Parameters(tenant, list(parents))
    parts = [f"{ROW}.tenant_id = $1", f'{ROW}."{member.by}" = parent.id']
    parts += [f'{ROW}."{column}" = {parameters.add(value)}' for column, value in member.where.items()]
    if item.archivable:
        parts.append(f"{ROW}.archived_at IS NULL")
    for name, value in flags.items():
        if value is not None:
            wanted = f"({member.flags[name].condition.format(row=ROW)})"
            parts.append(wanted if value else f"NOT {wanted}")
    if after is not None:
        parts.append(ordering.after(ordering.values(after), ROW, parameters))
    sql = (
        f'SELECT parent.id AS "{PARENT}", page.* FROM unnest($2::uuid[]) AS parent (id) CROSS JOIN LATERAL ('
        f"SELECT {_selected(item)} FROM {_table(item)} WHERE {' AND '.join(parts)} "
        f"ORDER BY {ordering.sql(ROW)} LIMIT {first + 1}) AS page "
        f"ORDER BY parent.id, {ordering.sql('page')}"
    )
    return sql, parameters.values
