"""The scalars of the API; strict about what they take, so that nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
"""A whole number that may not fit into 32 bits."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)


_LARGEST_BITS = 100
"""About the 30 digits that a text may have."""
_SHOWN = 60
"""Characters of a bad value that its error repeats."""


def _bad(what: str, value: object, hint: str) -> GraphQLError:
    endless = isinstance(value, float) and not isfinite(value)
    vast = isinstance(value, int) and value.bit_length() > 1000
    # Python reads more digits than it writes, and reads very many as no number or infinity.
    shown = "A number of that size" if endless or vast else repr(value)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}…"
    return GraphQLError(f"{shown} is not a {what}. {hint}")


def _in_query(parse: Callable[[object], object]) -> Callable[[ValueNode, dict[str, Any] | None], object]:
    """Parse a value that is written in the query; the error then says where."""

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from None

    return parse_literal


def serialize_moment(value: datetime) -> str:
    """A time in UTC, as ISO 8601 with its offset; no zeros at the end of a fraction, as the database writes it."""
    moment = value.astimezone(UTC)
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}{fraction}+00:00"


def parse_moment(value: object) -> datetime:
    """A time that says its offset; one without is refused."""
    hint = "Write it with its offset: 2026-05-31T14:30:00+08:00."
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and _MOMENT.match(value) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _bad("DateTime", value, hint)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise _bad("DateTime", value, hint) from None


def parse_day(value: object) -> date:
    """A calendar day, year-month-day."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and _DAY.fullmatch(value) else None
    except ValueError:
        day = None
    if day is None:
        raise _bad("Date", value, "Write it as 2026-05-31.")
    return day


def serialize_decimal(value: Decimal) -> str:
    """All digits, never an exponent."""
    return format(value, "f")


def parse_decimal(value: object) -> Decimal:
    """A number written out in a text, or a whole number; a floating point number is refused, it is not exact."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _LARGEST_BITS:
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise _bad("Decimal", value, 'Write it as a text: "1234.50".')


def parse_whole(value: object) -> int:
    """A whole number, or a text that is one; within 64 bits."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole or (isinstance(value, str) and _WHOLE.fullmatch(value)):
        number = int(str(value))
        if abs(number) < 2**63:
            return number
    raise _bad("BigInt", value, 'Write it as a text: "9007199254740993".')


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time with its offset, as ISO 8601: 2026-05-31T14:30:00+08:00. Answers are in UTC.",
        serialize=serialize_moment,
        parse_value=parse_moment,
        parse_literal=_in_query(parse_moment),
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar day: 2026-05-31.",
        serialize=date.isoformat,
        parse_value=parse_day,
        parse_literal=_in_query(parse_day),
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a text: "1234.50".',
        serialize=serialize_decimal,
        parse_value=parse_decimal,
        parse_literal=_in_query(parse_decimal),
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of up to 64 bits, as a text.",
        serialize=str,
        parse_value=parse_whole,
        parse_literal=_in_query(parse_whole),
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}
"""Python type to scalar; plugins annotate with the Python types `datetime`, `date`, `Decimal`, and `JSON`."""

__all__ = ["JSON", "SCALARS", "BigInt"]
