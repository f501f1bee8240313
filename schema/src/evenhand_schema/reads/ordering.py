"""Orderings of lists and the cursors that carry them."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
import strawberry

from evenhand_schema.columns import Column
from evenhand_schema.errors import InvalidCursor
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
class Ordering:
    """A total order of one type's records: some columns, then the id."""

    type_name: str
    orders: tuple[Order, ...]
    columns: Mapping[str, Column]

    @classmethod
    def of(cls, type_name: str, columns: Mapping[str, Column], orders: Sequence[Order]) -> Ordering:
        """Complete the orders asked for with the id; a column named twice counts once."""
        unique = {order.column: order for order in reversed(orders)}
        kept = [order for order in orders if unique.get(order.column) is order]
        if not any(order.column == "id" for order in kept):
            kept.append(Order("id", kept[-1].descending if kept else False))
        return cls(type_name, tuple(kept), columns)

    @property
    def signature(self) -> str:
        """Tells this ordering from all others."""
        return f"{self.type_name}:" + ",".join(f"{'-' if o.descending else ''}{o.column}" for o in self.orders)

    def sql(self, row: str) -> str:
        """The columns as ORDER BY takes them."""
        parts = []
        for order in self.orders:
            direction = " DESC" if order.descending else ""
            last = " NULLS LAST" if order.descending and self.columns[order.column].null else ""
            parts.append(f'{row}."{order.column}"{direction}{last}')
        return ", ".join(parts)

    def cursor(self, record: Any) -> str:
        """The place right after `record`."""
        values = [_plain(getattr(record, order.column)) for order in self.orders]
        payload = orjson.dumps([self.signature, values])
        return base64.urlsafe_b64encode(_check(payload) + payload).decode().rstrip("=")

    def values(self, cursor: str) -> list[Any]:
        """The values that a cursor carries.

        Raises:
            InvalidCursor: it was changed, or belongs to another list or ordering.
        """
        signature, values = _read(cursor)
        if signature != self.signature or len(values) != len(self.orders):
            raise InvalidCursor(
                f"This cursor belongs to the ordering {signature!r}, the list is ordered by {self.signature!r}.",
                hint="Ask for the first page with the new ordering, without a cursor.",
            )
        try:
            return [_typed(self.columns[order.column], one) for order, one in zip(self.orders, values, strict=True)]
        except (ValueError, TypeError, ArithmeticError):
            raise _no_cursor(cursor) from None

    def after(self, values: Sequence[Any], row: str, parameters: Parameters) -> str:
        """The condition that a record comes after the one with these values."""
        plain = len({order.descending for order in self.orders}) == 1
        if plain and not any(self.columns[order.column].null for order in self.orders):
            names = ", ".join(f'{row}."{order.column}"' for order in self.orders)
            given = ", ".join(parameters.add(value) for value in values)
            return f"({names}) {'<' if self.orders[0].descending else '>'} ({given})"
        alternatives: list[str] = []
        equal: list[str] = []
        for order, value in zip(self.orders, values, strict=True):
            name = f'{row}."{order.column}"'
            if value is None:
                # Empty values come last: nothing of this column comes after them.
                equal.append(f"{name} IS NULL")
                continue
            given = parameters.add(value)
            beyond = f"{name} {'<' if order.descending else '>'} {given}"
            if self.columns[order.column].null:
                beyond = f"({beyond} OR {name} IS NULL)"
            alternatives.append(" AND ".join([*equal, beyond]))
            equal.append(f"{name} = {given}")
        return "(" + " OR ".join(f"({one})" for one in alternatives) + ")"


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, (Decimal, UUID)) else value


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


def _typed(column: Column, value: Any) -> Any:
    if value is None:
        return None
    return _READERS.get(column.type, _exactly(str))(value)


def _check(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_CHECK, person=b"evenhand-cursor").digest()


def _no_cursor(cursor: str) -> InvalidCursor:
    return InvalidCursor(
        f"{cursor[:80]!r} is not a cursor of this API.",
        hint="Use pageInfo.endCursor or an edge's cursor as it came.",
    )


def _read(cursor: str) -> tuple[str, list[Any]]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    payload = raw[_CHECK:]
    if not payload or raw[:_CHECK] != _check(payload):
        raise _no_cursor(cursor)
    signature, values = orjson.loads(payload)
    return signature, values
