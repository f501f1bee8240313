"""Conditions on the tenant's own fields, typed by what the tenant declared them to be.

The statement's text is the same for all tenants: the database's `evenhand_custom` looks the declaration up, and
uses the index when it is switched on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import asyncpg

from evenhand_schema.errors import InvalidFilter
from evenhand_schema.reads.arguments import Given, Leaf
from evenhand_schema.reads.parameters import Parameters

REFUSAL = "EV001"
"""The SQLSTATE with which `evenhand_custom` refuses a field or a value."""

FUNCTION = "evenhand_custom"
_NEGATED = {"neq": "eq", "notIn": "in"}


@contextmanager
def refusals() -> Iterator[None]:
    """Around a statement: say in words what `evenhand_custom` refuses.

    Raises:
        InvalidFilter: a custom field that there is not, or a value that does not fit it.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate != REFUSAL:
            raise
        raise InvalidFilter(str(error.message), hint=str(error.hint)) from error


def custom_condition(
    operator: str, key: Leaf, given: Given, *, entity: str, table: str, row: str, parameters: Parameters
) -> str:
    """That a record's value of a custom field compares so."""
    if not isinstance(given, Leaf):
        raise InvalidFilter(
            f"custom.{operator}: null cannot be compared with.",
            hint="Use isNull: true to find records without a value; leave out what does not matter.",
        )
    negated = operator in _NEGATED or (operator == "isNull" and given.known())
    positive = _NEGATED.get(operator, operator)
    # One value is a list of one; so the database has fewer cases.
    sent = {"eq": "in", "isNull": "isNotNull"}.get(positive, positive)
    place = parameters.add(key, partial(_text, "key"))
    values = "NULL::text[]" if positive == "isNull" else f"{parameters.add(given, partial(_texts, operator))}::text[]"
    found = f"SELECT {FUNCTION}('{entity}', '{table}', {place}, '{sent}', {values})"
    return f"{row}.id {'NOT IN' if negated else 'IN'} ({found})"


def _texts(operator: str, value: Any) -> list[str]:
    if operator in ("in", "notIn"):
        return [_text(operator, one) for one in value]
    text = _text(operator, value)
    before, after = {"contains": ("%", "%"), "startsWith": ("", "%"), "endsWith": ("%", "")}.get(operator, (None, None))
    return [text if before is None else f"{before}{escape(text)}{after}"]


def _text(operator: str, value: Any) -> str:
    """A value as JSON shows it as a text."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str() if "\x00" not in value:
            return value
    raise InvalidFilter(
        f"custom.{operator}: {value!r} cannot be compared with.", hint="Give a text, a number, true or false."
    )


def escape(text: str) -> str:
    """A text as a part of a LIKE pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
