"""Filters: input types made from the columns, and the SQL condition that each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from typing import Any, cast

import strawberry

from evenhand_schema.columns import Column
from evenhand_schema.errors import InvalidFilter, to_uuid
from evenhand_schema.names import camel
from evenhand_schema.reads.arguments import Given, Leaf
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.scalars import BigInt

_COMPARISONS = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_TEXTS = {
    "eq": "Equal to.",
    "in": "Equal to one of these.",
    "lt": "Less than (earlier than).",
    "lte": "Less than or equal to.",
    "gt": "Greater than (later than).",
    "gte": "Greater than or equal to.",
    "contains": "Holds this text, in upper or lower case.",
    "startsWith": "Starts with this text, in upper or lower case.",
    "isNull": "True: has no value. False: has one.",
}
_ORDERED = ("eq", "in", "lt", "lte", "gt", "gte", "isNull")
_OPERATORS: dict[object, tuple[str, tuple[str, ...]]] = {
    strawberry.ID: ("Id", ("eq", "in", "isNull")),
    str: ("Text", (*_ORDERED, "contains", "startsWith")),
    int: ("Int", _ORDERED),
    BigInt: ("BigInt", _ORDERED),
    Decimal: ("Decimal", _ORDERED),
    date: ("Date", _ORDERED),
    datetime: ("DateTime", _ORDERED),
    bool: ("Boolean", ("eq", "isNull")),
}


MAX_CONDITIONS = 1_000
"""How many comparisons a filter may make; the values of one `in` are one comparison."""


def maybe(kind: Any) -> Any:
    """The annotation of an input's member that may be left out. Null is told apart: we then say in words what to do."""
    return cast(Any, strawberry.Maybe)[kind | None]


def make_input(name: str, members: dict[str, tuple[Any, str, str]], description: str) -> type:
    """An input type whose members may all be left out.

    Args:
        members: Python name to (type, GraphQL name, description).
    """
    cls = type(name, (), {"__annotations__": {key: maybe(kind) for key, (kind, _, _) in members.items()}})
    for key, (_, shown, text) in members.items():
        setattr(cls, key, strawberry.field(name=shown, description=text, default=None))
    return strawberry.input(cls, name=name, description=description)


@cache
def operator_input(kind: Any) -> type:
    """The input with the comparisons for one type of value."""
    name, operators = _OPERATORS.get(kind, (getattr(kind, "__name__", ""), ("eq", "in", "isNull")))
    members: dict[str, tuple[Any, str, str]] = {}
    for operator in operators:
        value: Any = {"in": list[kind], "isNull": bool}.get(operator, kind)
        members[f"{operator}_"] = (value, operator, _TEXTS[operator])
    return make_input(f"{name}Filter", members, f"Compares a {name} value; all that are given must hold.")


def filter_input(type_name: str, columns: Mapping[str, Column]) -> type:
    """The filter input of one type: its comparable columns, and `and`, `or`, `not`."""
    name = f"{type_name}Filter"
    cls = type(name, (), {})
    annotations: dict[str, Any] = {}
    for column in columns.values():
        if column.comparable:
            annotations[column.name] = maybe(operator_input(column.type))
            setattr(cls, column.name, strawberry.field(description=column.description, default=None))
    several: Any = list[cls]  # type: ignore[valid-type]
    joined: dict[str, tuple[Any, str]] = {
        "and": (several, "All of these hold."),
        "or": (several, "At least one of these holds."),
        "not": (cls, "This does not hold."),
    }
    for word, (kind, text) in joined.items():
        annotations[f"{word}_"] = maybe(kind)
        setattr(cls, f"{word}_", strawberry.field(name=word, description=text, default=None))
    cls.__annotations__ = annotations
    return strawberry.input(cls, name=name, description=f"Which {type_name} records; all that are given must hold.")


def condition(given: Given, columns: Mapping[str, Column], row: str, parameters: Parameters) -> str:
    """The SQL condition of a filter as it was given.

    Raises:
        InvalidFilter: null is to be compared with, or there are too many comparisons.
    """
    return _Condition(columns, row, parameters).all_of(given)


class _Condition:
    """Builds the condition of one filter."""

    def __init__(self, columns: Mapping[str, Column], row: str, parameters: Parameters) -> None:
        self._columns = {camel(column.name): column for column in columns.values()}
        self._row = row
        self._parameters = parameters
        self._comparisons = 0

    def all_of(self, given: Given) -> str:
        """All members hold."""
        parts: list[str] = []
        for name, value in _members(given):
            if value is None:
                raise _null(name)
            if name == "and":
                parts += [self.all_of(one) for one in _items(value)]
            elif name == "or":
                either = [self.all_of(one) for one in _items(value)]
                parts.append(f"({' OR '.join(either)})" if either else "FALSE")
            elif name == "not":
                # Of a comparison with an empty value nobody knows whether it holds; then its opposite does.
                parts.append(f"({self.all_of(value)}) IS NOT TRUE")
            else:
                column = self._columns[name]
                parts += self._comparisons_of(column, value, f'{self._row}."{column.name}"')
        return f"({' AND '.join(parts)})" if parts else "TRUE"

    def _comparisons_of(self, column: Column, given: Given, name: str) -> list[str]:
        parts: list[str] = []
        for operator, value in _members(given):
            if not isinstance(value, Leaf):
                raise _null(f"{camel(column.name)}.{operator}")
            self._comparisons += 1
            if self._comparisons > MAX_CONDITIONS:
                raise InvalidFilter(
                    f"The filter makes more than {MAX_CONDITIONS} comparisons.",
                    hint="Compare with several values at once by `in`, or ask in several requests.",
                )
            parts.append(self._comparison(column, operator, value, name))
        return parts

    def _comparison(self, column: Column, operator: str, given: Leaf, name: str) -> str:
        if operator == "isNull":
            return f"{name} IS {'' if given.known() else 'NOT '}NULL"
        one = partial(_value, column)
        if operator == "in":
            return f"{name} = ANY({self._parameters.add(given, lambda values: [one(value) for value in values])})"
        if operator in _COMPARISONS:
            return f"{name} {_COMPARISONS[operator]} {self._parameters.add(given, one)}"
        before, after = {"startsWith": ("", "%"), "contains": ("%", "%")}[operator]
        return f"{name} ILIKE {self._parameters.add(given, lambda value: before + _escape(one(value)) + after)}"


def _members(given: Given) -> list[tuple[str, Given]]:
    if not isinstance(given, dict):
        raise TypeError(f"{given!r} is no input object")
    return list(given.items())


def _items(given: Given) -> list[Given]:
    if not isinstance(given, list):
        raise TypeError(f"{given!r} is no list")
    return given


def _null(where: str) -> InvalidFilter:
    return InvalidFilter(
        f"{where}: null cannot be compared with.",
        hint="Use isNull: true to find records without a value; leave out what does not matter.",
    )


def _value(column: Column, value: Any) -> Any:
    if column.type is strawberry.ID:
        return to_uuid(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str) and "\x00" in value:
        raise InvalidFilter(f"{column.name}: the text holds a zero byte.", hint="Remove it; no record has one.")
    return value


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
