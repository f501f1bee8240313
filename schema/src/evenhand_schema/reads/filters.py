"""Filters: input types made from the columns, and the SQL condition that each of them means."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, cast

import strawberry
from strawberry.types.base import get_object_definition

from evenhand_schema.columns import Column
from evenhand_schema.errors import InvalidFilter, to_uuid
from evenhand_schema.names import camel
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


def filter_input(type_name: str, columns: dict[str, Column]) -> type:
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


def condition(given: Any, columns: dict[str, Column], row: str, parameters: Parameters) -> str:
    """The SQL condition of a filter input.

    Raises:
        InvalidId, InvalidFilter: a value cannot be compared with.
    """
    parts: list[str] = []
    for member in get_object_definition(given, strict=True).fields:
        value = getattr(given, member.python_name)
        if value is None:
            continue
        if value.value is None:
            raise _null(member.graphql_name or member.python_name.rstrip("_"))
        match member.python_name:
            case "and_":
                parts += [condition(one, columns, row, parameters) for one in value.value]
            case "or_":
                either = [condition(one, columns, row, parameters) for one in value.value]
                parts.append(f"({' OR '.join(either)})" if either else "FALSE")
            case "not_":
                # Of a comparison with an empty value nobody knows whether it holds; then its opposite does.
                parts.append(f"({condition(value.value, columns, row, parameters)}) IS NOT TRUE")
            case name:
                parts += _comparisons(columns[name], value.value, f'{row}."{name}"', parameters)
    return f"({' AND '.join(parts)})" if parts else "TRUE"


def _comparisons(column: Column, given: Any, name: str, parameters: Parameters) -> list[str]:
    parts: list[str] = []
    for member in get_object_definition(given, strict=True).fields:
        wrapped = getattr(given, member.python_name)
        if wrapped is None:
            continue
        operator, value = member.python_name.rstrip("_"), wrapped.value
        if value is None:
            raise _null(f"{camel(column.name)}.{operator}")
        if len(parameters.values) > MAX_CONDITIONS:
            raise InvalidFilter(
                f"The filter makes more than {MAX_CONDITIONS} comparisons.",
                hint="Compare with several values at once by `in`, or ask in several requests.",
            )
        if operator == "isNull":
            parts.append(f"{name} IS {'' if value else 'NOT '}NULL")
        elif operator == "in":
            parts.append(f"{name} = ANY({parameters.add([_value(column, one) for one in value])})")
        elif operator in _COMPARISONS:
            parts.append(f"{name} {_COMPARISONS[operator]} {parameters.add(_value(column, value))}")
        else:
            pattern = f"{_escape(_value(column, value))}%"
            parts.append(f"{name} ILIKE {parameters.add(pattern if operator == 'startsWith' else f'%{pattern}')}")
    return parts


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
