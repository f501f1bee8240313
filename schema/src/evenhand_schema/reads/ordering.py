"""Orderings of lists and the cursors that carry them.

A cursor is `base64url(check + payload)`: the payload is a JSON list of the ordering's signature and the
record's values, the check are the first bytes of its SHA-256. The database writes cursors, we read them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import orjson
import strawberry

from evenhand_schema.columns import Column
from evenhand_schema.errors import InvalidCursor
from evenhand_schema.reads.arguments import Leaf
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.scalars import BigInt

_CHECK = 6
"""Bytes of the checksum: it finds slips and tampering by hand; the values are only ever parameters."""


@dataclass(frozen=True)
class Order:
    """Ascending or descending by one column; records without a value come last."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Term:
    """One step of an ordering: a column or another value that the database computes for a row.

    Attributes:
        name: tells it from other terms in the signature of cursors.
        sql: its SQL over `{row}`.
        type: of its values, as columns name types.
        null: whether it may be empty.
    """

    name: str
    sql: str
    type: Any
    null: bool
    descending: bool = False

    def value(self, row: str) -> str:
        """Its SQL for a row."""
        return self.sql.format(row=row)

    @classmethod
    def of(cls, column: Column, *, descending: bool) -> Term:
        """The term of a column."""
        return cls(column.name, f'{{row}}."{column.name}"', column.type, column.null, descending)


@dataclass(frozen=True)
class Ordering:
    """A total order of one type's records: some terms, the last of them the id."""

    type_name: str
    terms: tuple[Term, ...]

    @classmethod
    def of(
        cls, type_name: str, columns: Mapping[str, Column], orders: Sequence[Order], *, leading: Sequence[Term] = ()
    ) -> Ordering:
        """Complete the orders asked for with the id; a column named twice counts once.

        Args:
            leading: terms that come before the columns.
        """
        unique: dict[str, Order] = {}
        for order in orders:
            unique.setdefault(order.column, order)
        kept = list(unique.values())
        if "id" not in unique:
            last = kept[-1].descending if kept else leading[-1].descending if leading else False
            kept.append(Order("id", last))
        terms = [Term.of(columns[order.column], descending=order.descending) for order in kept]
        return cls(type_name, (*leading, *terms))

    @property
    def signature(self) -> str:
        """Tells this ordering from all others."""
        return f"{self.type_name}:" + ",".join(f"{'-' if term.descending else ''}{term.name}" for term in self.terms)

    def sql(self, row: str, *, backwards: bool = False) -> str:
        """The terms as ORDER BY takes them; empty values are the last, or the first when it runs backwards."""
        parts = []
        for term in self.terms:
            descending = term.descending is not backwards
            nulls = ""
            if term.null and descending is not backwards:
                nulls = " NULLS FIRST" if backwards else " NULLS LAST"
            parts.append(f"{term.value(row)}{' DESC' if descending else ''}{nulls}")
        return ", ".join(parts)

    def cursor_sql(self, values: Sequence[str]) -> str:
        """The cursor of a record, from the SQL of the terms' values."""
        members = [
            f"{value}::text" if term.type in (Decimal, BigInt) else value
            for term, value in zip(self.terms, values, strict=True)
        ]
        payload = f"convert_to(json_build_array('{self.signature}', {', '.join(members)})::text, 'UTF8')"
        return (
            f"(SELECT translate(encode(substr(sha256(payload), 1, {_CHECK}) || payload, 'base64'), "
            f"E'+/=\\n', '-_') FROM (SELECT {payload} AS payload) AS place)"
        )

    def cursor_of(self, row: str) -> str:
        """The cursor of a row."""
        return self.cursor_sql([term.value(row) for term in self.terms])

    def values(self, cursor: str) -> list[Any]:
        """The values that a cursor carries.

        Raises:
            InvalidCursor: it was changed, or belongs to another list or ordering.
        """
        signature, values = _read(cursor)
        if signature != self.signature or len(values) != len(self.terms):
            raise InvalidCursor(
                f"This cursor belongs to the ordering {signature!r}, the list is ordered by {self.signature!r}.",
                hint="Ask for the first page with the new ordering, without a cursor.",
            )
        try:
            return [_typed(term.type, one) for term, one in zip(self.terms, values, strict=True)]
        except (ValueError, TypeError, ArithmeticError):
            raise _no_cursor(cursor) from None

    def beyond(self, cursor: Leaf, row: str, parameters: Parameters, *, backwards: bool = False) -> str:
        """The condition that a record comes after the one that the cursor names; before it when `backwards`."""
        places = [parameters.add(cursor, partial(self._value, index)) for index in range(len(self.terms))]
        names = [term.value(row) for term in self.terms]
        if not any(term.null for term in self.terms) and len({term.descending for term in self.terms}) == 1:
            less = self.terms[0].descending is not backwards
            return f"({', '.join(names)}) {'<' if less else '>'} ({', '.join(places)})"
        empty = cursor.ask(_empty_values)
        alternatives: list[str] = []
        equal: list[str] = []
        for term, name, place, null in zip(self.terms, names, places, empty, strict=False):
            if null:
                # Empty values come last: nothing of this term comes after them, everything else before.
                if backwards:
                    alternatives.append(" AND ".join([*equal, f"{name} IS NOT NULL"]))
                equal.append(f"({name} IS NULL AND {place}::text IS NULL)")
                continue
            less = term.descending is not backwards
            further = f"{name} {'<' if less else '>'} {place}"
            if term.null and not backwards:
                further = f"({further} OR {name} IS NULL)"
            alternatives.append(" AND ".join([*equal, further]))
            equal.append(f"{name} = {place}")
        return "(" + " OR ".join(f"({one})" for one in alternatives) + ")"

    def _value(self, index: int, cursor: str) -> Any:
        return self.values(cursor)[index]


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value

    return read


_READERS: Mapping[object, Callable[[Any], Any]] = {
    bool: _exactly(bool),
    int: _exactly(int),
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
    strawberry.ID: UUID,
    BigInt: int,
}


def _typed(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    return _READERS.get(kind, _exactly(str))(value)


def _empty_values(cursor: str) -> tuple[bool, ...]:
    """Which of a cursor's values are empty."""
    return tuple(value is None for value in _read(cursor)[1])


def _no_cursor(cursor: str) -> InvalidCursor:
    return InvalidCursor(
        f"{cursor[:80]!r} is not a cursor of this API.",
        hint="Use pageInfo.endCursor or an edge's cursor as it came.",
    )


@lru_cache(maxsize=256)
def _read(cursor: str) -> tuple[str, tuple[Any, ...]]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    payload = raw[_CHECK:]
    if not payload or raw[:_CHECK] != hashlib.sha256(payload).digest()[:_CHECK]:
        raise _no_cursor(cursor)
    try:
        signature, *values = orjson.loads(payload)
    except (ValueError, TypeError):
        raise _no_cursor(cursor) from None
    return signature, tuple(values)
