"""How PostgreSQL writes the values of the API, byte for byte as the scalars of `scalars` do.

`row_to_json` already writes texts, numbers, truth values, ids, days and (with the session in UTC) times as we
do; what is left is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin
from uuid import UUID

import strawberry

from evenhand_schema.scalars import JSON, BigInt

Pair = tuple[str, str]
"""A key of an answer and the SQL of its value."""


def plain_type(annotation: Any) -> Any:
    """What is annotated, without "or null"."""
    inner = [one for one in get_args(annotation) if one is not type(None)]
    return inner[0] if len(inner) == 1 and get_origin(annotation) is not list else annotation


def holds_json(kind: Any) -> bool:
    """Whether a value is stored as JSON, which the database writes in a form of its own."""
    return kind is JSON or get_origin(kind) is list


def rendered(kind: Any, sql: str) -> str:
    """The SQL that gives a value as the answer shows it.

    Args:
        kind: its type as columns name types.
    """
    if kind in (Decimal, BigInt):
        return f"({sql})::text"
    if isinstance(kind, type) and issubclass(kind, Enum):
        if all(member.name == str(member.value).upper() for member in kind):
            return f'upper({sql} COLLATE "C")'
        cases = " ".join(f"WHEN '{member.value}' THEN '{member.name}'" for member in kind)
        return f"CASE {sql} {cases} END"
    return sql


def raw(kind: Any, sql: str) -> str:
    """The SQL that carries a value through JSON without loss, for `from_json`."""
    return f"({sql})::text" if kind in (Decimal, BigInt) else sql


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    strawberry.ID: UUID,
    Decimal: Decimal,
    BigInt: int,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
}


def from_json(kind: Any, value: Any) -> Any:
    """A value that was carried by `raw`, as the model has it."""
    if value is None:
        return None
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    reader = _READERS.get(kind)
    return reader(value) if reader else value


def text(value: str) -> str:
    """A constant text."""
    return f"'{value}'::text"


def columns_of(pairs: Sequence[Pair]) -> str:
    """The pairs as SELECT takes them."""
    return ", ".join(f'{sql} AS "{key}"' for key, sql in pairs)


def an_object(pairs: Sequence[Pair], source: str = "") -> str:
    """The object of the one row of `source` (FROM … WHERE …); null when there is none."""
    return f"(SELECT row_to_json(o) FROM (SELECT {columns_of(pairs)} {source}) AS o)"


def a_list(selection: Callable[[str], str], pairs: Sequence[Pair]) -> str:
    """The list of the objects of the rows of a statement, in its order.

    Args:
        selection: makes the statement that selects the columns it is given.
    """
    # Not json_agg, which puts line ends between the members; this costs the same.
    return f"coalesce((SELECT array_to_json(array_agg(o)) FROM ({selection(columns_of(pairs))}) AS o), '[]'::json)"


def an_only(statement: str) -> str:
    """The object of the only row of a statement; null when it has none."""
    return f"(SELECT row_to_json(o) FROM ({statement}) AS o)"
