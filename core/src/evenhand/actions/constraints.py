"""Say in a person's terms what a constraint of the database refused.

With row level security PostgreSQL keeps values out of its messages, so they are taken from the rows at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import asyncpg
from tortoise.connection import get_connection
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.models import Model

from evenhand.actions.errors import DuplicateValue
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


def _explain(
    error: asyncpg.IntegrityConstraintViolationError, model: type[Model], rows: Sequence[Mapping[str, Any]]
) -> EvenhandError | None:
    constraint: str = error.constraint_name or ""
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        column = constraint.removeprefix(f"{model._meta.db_table}_").removesuffix("_fk")
        values = _shown([row.get(column) for row in rows])
        message = f"{column}: {values} does not exist here."
        return InvalidInput([Problem(column, "REFERENCE_NOT_FOUND", message, "Use the id of an existing record.")])
    if isinstance(error, asyncpg.UniqueViolationError):
        columns = [name for name in _unique_columns(model).get(constraint, ()) if name != "tenant_id"]
        if columns:
            what = " and ".join(f"{name} {_shown([row.get(name) for row in rows])}" for name in columns)
            hint = "Use another value, or change the record that has it."
            return DuplicateValue(f"{what} is taken already.", hint=hint, columns=columns)
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
