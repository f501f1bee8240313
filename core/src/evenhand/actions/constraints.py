"""Say in a person's terms what a constraint of the database refused.

With row level security PostgreSQL keeps values out of its messages, so they are taken from the rows at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from uuid import UUID

import asyncpg
from tortoise.connection import get_connection
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.models import Model

from evenhand.actions.errors import DuplicateValue
from evenhand.actions.journal import Journal
from evenhand.db.bulk import column_types
from evenhand.db.session import raw_connection
from evenhand.errors import EvenhandError, InvalidInput, Problem

_SHOWN = 5


@cache
def _unique_columns(model: type[Model]) -> dict[str, tuple[str, ...]]:
    """Columns of each unique constraint of the model, by the name that its migration gave it."""
    editor = AsyncpgSchemaEditor(get_connection("default"))
    names = {}
    for columns in model._meta.unique_together:
        names[editor._get_unique_constraint_name(model, list(columns))] = tuple(columns)
    table = model._meta.db_table
    return {**names, f"{table}_one_default": ("is_default",)}


def _shown(values: Sequence[Any]) -> str:
    distinct = list(dict.fromkeys(str(value) for value in values if value is not None))
    return ", ".join(distinct[:_SHOWN]) + (", …" if len(distinct) > _SHOWN else "")


@dataclass(frozen=True)
class Violation:
    """A constraint that was violated, and what was being written.

    Attributes:
        columns: of a uniqueness the columns without the tenant; of a reference the one column.
        target: the table that a reference points at.
    """

    model: type[Model]
    rows: Sequence[Mapping[str, Any]]
    columns: tuple[str, ...]
    target: str | None = None


def _missing(column: str, values: Sequence[Any]) -> InvalidInput:
    message = f"{column}: {_shown(values)} does not exist here."
    return InvalidInput([Problem(column, "REFERENCE_NOT_FOUND", message, "Use the id of an existing record.")])


def _taken(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> DuplicateValue:
    what = " and ".join(f"{name} {_shown([row.get(name) for row in rows])}" for name in columns)
    hint = "Use another value, or change the record that has it."
    return DuplicateValue(f"{what} is taken already.", hint=hint, columns=columns)


def _target(model: type[Model], column: str) -> str | None:
    """The table that a column refers to."""
    for name in model._meta.fk_fields:
        field = cast(ForeignKeyFieldInstance[Model], model._meta.fields_map[name])
        if field.source_field == column:
            return field.related_model._meta.db_table
    return None


def _explain(
    error: asyncpg.IntegrityConstraintViolationError, model: type[Model], rows: Sequence[Mapping[str, Any]]
) -> EvenhandError | None:
    constraint: str = error.constraint_name or ""
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        column = constraint.removeprefix(f"{model._meta.db_table}_").removesuffix("_fk")
        refused: EvenhandError = _missing(column, [row.get(column) for row in rows])
        refused.evidence = Violation(model, rows, (column,), _target(model, column))
        return refused
    if isinstance(error, asyncpg.UniqueViolationError):
        columns = [name for name in _unique_columns(model).get(constraint, ()) if name != "tenant_id"]
        if columns:
            refused = _taken(columns, rows)
            refused.evidence = Violation(model, rows, tuple(columns))
            return refused
    return None


@contextmanager
def explained(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """Turn violations of references and uniqueness, while `rows` are written, into errors that say what and where."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        explanation = _explain(error, model, rows)
        if explanation is None:
            raise
        raise explanation from error


async def find_violators(
    violation: Violation, rows: Sequence[Mapping[str, Any]], journal: Journal, *, among_themselves: bool = False
) -> dict[int, EvenhandError]:
    """Which of the rows violate the constraint, by place, in one statement; to be asked after the write was undone.

    Args:
        rows: those of the violation, with all columns of the constraint and `id`.
        among_themselves: no other rows can be in the way, since these replace all of their parents.
    """
    tenant, connection = journal.actor.tenant_id, raw_connection(journal.client)
    if violation.target is not None:
        (column,) = violation.columns
        values = list({row[column] for row in rows if row.get(column) is not None})
        statement = f'SELECT id FROM "{violation.target}" WHERE tenant_id = $1 AND id = ANY ($2::uuid[])'
        known = {record["id"] for record in await connection.fetch(statement, tenant, values)}
        return {
            place: _missing(column, [row[column]])
            for place, row in enumerate(rows)
            if row.get(column) is not None and row[column] not in known
        }
    if violation.columns == ("is_default",):
        return {place: _taken(violation.columns, [row]) for place, row in enumerate(rows) if row.get("is_default")}
    holders = {} if among_themselves else await _holders(violation, rows, journal)
    keys = [tuple(row.get(name) for name in violation.columns) for row in rows]
    found: dict[int, EvenhandError] = {}
    for place, (row, key) in enumerate(zip(rows, keys, strict=True)):
        # What is empty is never equal to anything.
        if None not in key and holders.setdefault(key, row["id"]) != row["id"]:
            found[place] = _taken(violation.columns, [row])
    return found


async def _holders(
    violation: Violation, rows: Sequence[Mapping[str, Any]], journal: Journal
) -> dict[tuple[Any, ...], UUID]:
    """Ids of the rows that have values which may be taken, by their values."""
    first = violation.columns[0]
    names = ", ".join(f'"{name}"' for name in violation.columns)
    records = await raw_connection(journal.client).fetch(
        f'SELECT id, {names} FROM "{violation.model._meta.db_table}" '
        f'WHERE tenant_id = $1 AND "{first}" = ANY ($2::{column_types(violation.model)[first]}[])',
        journal.actor.tenant_id,
        [row[first] for row in rows if row.get(first) is not None],
    )
    return {tuple(record[name] for name in violation.columns): record["id"] for record in records}
