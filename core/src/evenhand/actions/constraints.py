"""Say in a person's terms what a constraint of the database refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from evenhand.actions.errors import DuplicateValue
from evenhand.errors import EvenhandError, InvalidInput, Problem

_DETAIL = re.compile(r"Key \((?P<columns>[^)]*)\)=\((?P<values>.*?)\) ")


def _explain(error: asyncpg.IntegrityConstraintViolationError) -> EvenhandError | None:
    match = _DETAIL.match(error.detail or "")
    if match is None:
        return None
    columns = match.group("columns").replace('"', "").split(", ")
    values = match.group("values").split(", ")
    named = {column: value for column, value in zip(columns, values, strict=False) if column != "tenant_id"}
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return InvalidInput(
            [
                Problem(column, "REFERENCE_NOT_FOUND", f"{column}: {value} does not exist here.", "Use an existing id.")
                for column, value in named.items()
            ]
        )
    if isinstance(error, asyncpg.UniqueViolationError):
        what = ", ".join(f"{column} {value!r}" for column, value in named.items())
        return DuplicateValue(
            f"{what} is taken already.", hint="Use another value or change the existing record.", **named
        )
    return None


@contextmanager
def explained() -> Iterator[None]:
    """Turn violations of references and uniqueness into errors that name the field and the value."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        explanation = _explain(error)
        if explanation is None:
            raise
        raise explanation from error
