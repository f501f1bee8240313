"""Filters as clients write them: input types made from the columns and relations of the declared types."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, cast

import strawberry

from evenhand_schema.reads.periods import MOST_DAYS, Period
from evenhand_schema.scalars import JSON, BigInt

_TEXTS = {
    "eq": "Equal to.",
    "neq": "Not equal to; also records without a value.",
    "in": "Equal to one of these.",
    "notIn": "Equal to none of these; also records without a value.",
    "lt": "Less than (earlier than).",
    "lte": "Less than or equal to.",
    "gt": "Greater than (later than).",
    "gte": "Greater than or equal to.",
    "range": "From a value up to, and without, another.",
    "contains": "Holds this text, in upper or lower case.",
    "startsWith": "Starts with this text, in upper or lower case.",
    "endsWith": "Ends with this text, in upper or lower case.",
    "isNull": "True: has no value. False: has one.",
    "within": "In this period.",
    "lastDays": f"In the last so many days, of which today is one, 1 to {MOST_DAYS}.",
    "nextDays": f"In the next so many days, of which today is one, 1 to {MOST_DAYS}.",
}
_EQUAL = ("eq", "neq", "in", "notIn", "isNull")
_ORDERED = (*_EQUAL, "lt", "lte", "gt", "gte", "range")
_DAYS = (*_ORDERED, "within", "lastDays", "nextDays")
_OPERATORS: dict[object, tuple[str, tuple[str, ...]]] = {
    strawberry.ID: ("Id", _EQUAL),
    str: ("Text", (*_ORDERED, "contains", "startsWith", "endsWith")),
    int: ("Int", _ORDERED),
    BigInt: ("BigInt", _ORDERED),
    Decimal: ("Decimal", _ORDERED),
    date: ("Date", _DAYS),
    datetime: ("DateTime", _DAYS),
    bool: ("Boolean", ("eq", "neq", "isNull")),
}
_LISTS = ("in", "notIn")


def maybe(kind: Any) -> Any:
    """The annotation of an input's member that may be left out. Null is told apart: we then say in words what to do."""
    return cast(Any, strawberry.Maybe)[kind | None]


def _fill(cls: type, name: str, members: Mapping[str, tuple[Any, str, str]], description: str) -> Any:
    annotations: dict[str, Any] = dict(inspect.get_annotations(cls))
    for key, (kind, shown, text) in members.items():
        annotations[key] = maybe(kind)
        setattr(cls, key, strawberry.field(name=shown, description=text, default=None))
    cls.__annotations__ = annotations
    return strawberry.input(cls, name=name, description=description)


def make_input(name: str, members: Mapping[str, tuple[Any, str, str]], description: str) -> Any:
    """An input type whose members may all be left out.

    Args:
        members: Python name to (type, GraphQL name, description).
    """
    return _fill(type(name, (), {}), name, members, description)


@cache
def _range_input(kind: Any, name: str) -> Any:
    members = {
        "from_": (kind, "from", "The first value that belongs to it; from the beginning when left out."),
        "to_": (kind, "to", "The first value behind it, which does not belong to it; to the end when left out."),
    }
    return make_input(f"{name}Range", members, f"{name} values from one up to, and without, another.")


@cache
def operator_input(kind: Any) -> Any:
    """The input with the comparisons for one type of value."""
    name, operators = _OPERATORS.get(kind, (getattr(kind, "__name__", ""), _EQUAL))
    special: dict[str, Any] = {"isNull": bool, "within": Period, "lastDays": int, "nextDays": int}
    members: dict[str, tuple[Any, str, str]] = {}
    for operator in operators:
        if operator == "range":
            value = _range_input(kind, name)
        else:
            value = list[kind] if operator in _LISTS else special.get(operator, kind)
        members[f"{operator}_"] = (value, operator, _TEXTS[operator])
    return make_input(f"{name}Filter", members, f"Compares a {name} value; all that are given must hold.")


@cache
def custom_input() -> Any:
    """The input that compares with a custom field."""
    text = "What the tenant declared it to be decides how values compare: numbers as numbers, days as days."
    cls = type("CustomFilter", (), {"__annotations__": {"key": str}})
    cls.key = strawberry.field(description="The custom field's key.")  # type: ignore[attr-defined]
    operators = (*_EQUAL, "lt", "lte", "gt", "gte", "contains", "startsWith", "endsWith")
    members: dict[str, tuple[Any, str, str]] = {
        f"{operator}_": (
            list[JSON] if operator in _LISTS else bool if operator == "isNull" else JSON,
            operator,
            _TEXTS[operator],
        )
        for operator in operators
    }
    return _fill(cls, "CustomFilter", members, f"Compares a custom field; all that are given must hold. {text}")


def filter_inputs() -> Mapping[str, Any]:
    """The filter inputs of the core's types over tables, by the type's name."""
    return _core_inputs()[0]


@cache
def plugin_filter_input(cls: type, type_name: str) -> Any:
    """The filter input of a plugin's type over a table; its relations lead to the core's types.

    Args:
        cls: the type's class, which tells types of one name apart.
    """
    filters, lists = _core_inputs()
    shell = type(f"{type_name}Filter", (), {})
    return _fill(shell, f"{type_name}Filter", *_members(type_name, {**filters, type_name: shell}, lists))


@cache
def _core_inputs() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The filter inputs of the core's types, and those of lists of their records."""
    from evenhand_schema.declare import TYPES

    # All classes first: they refer to one another.
    shells = {name: type(f"{name}Filter", (), {}) for name, item in TYPES.items() if item.is_node}
    lists: dict[str, Any] = {}
    for name, cls in shells.items():
        wanted = "that is not put away" if TYPES[name].archivable else "in the list"
        quantified = {
            "some": (cls, "some", f"At least one {name} {wanted} fits."),
            "none": (cls, "none", f"No {name} {wanted} fits."),
            "every": (cls, "every", f"Every {name} {wanted} fits; also when there is none."),
        }
        lists[name] = make_input(f"{name}ListFilter", quantified, f"Which {name} records belong to a record.")
    filled = {name: _fill(cls, f"{name}Filter", *_members(name, shells, lists)) for name, cls in shells.items()}
    return filled, lists


def _members(
    type_name: str, filters: Mapping[str, Any], lists: Mapping[str, Any]
) -> tuple[dict[str, tuple[Any, str, str]], str]:
    from evenhand_schema.declare import TYPES, Many
    from evenhand_schema.names import camel

    item = TYPES[type_name]
    members: dict[str, tuple[Any, str, str]] = {}
    for column in item.columns.values():
        if column.comparable:
            members[column.name] = (operator_input(column.type), camel(column.name), column.description)
    for name, relation in item.filtered.items():
        kind = lists[relation.target] if isinstance(relation, Many) else filters[relation.target]
        members[name] = (kind, camel(name), relation.description)
    if item.has_custom:
        members["custom"] = (list[custom_input()], "custom", "Compares with the tenant's own fields.")  # type: ignore[misc]
    own: Any = filters[type_name]
    several: Any = list[own]
    members |= {
        "and_": (several, "and", "All of these hold."),
        "or_": (several, "or", "At least one of these holds."),
        "not_": (own, "not", "This does not hold."),
    }
    return members, f"Which {type_name} records; all that are given must hold."
