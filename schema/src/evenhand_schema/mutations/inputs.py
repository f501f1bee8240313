"""Input types of mutations, made from the models' columns; what is left out is told apart from null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.types.base import get_object_definition

from evenhand.entities.registry import SYSTEM_COLUMNS, Child, Entity
from evenhand_schema.columns import Column, columns
from evenhand_schema.declare import TYPES
from evenhand_schema.reads.filter_inputs import maybe

_DERIVED = frozenset({"amount", "position"})
"""Columns of child rows that the action derives when they are left out."""

_LISTS = {
    "channels": "The ways to reach the person; replaces the whole list.",
    "lines": "The positions; replaces the whole list.",
    "competitors": "Who else sells; replaces the whole list.",
}


def _make(name: str, description: str, members: Mapping[str, tuple[Any, bool, str]]) -> type:
    """An input of (type, required, description) by name."""
    cls = type(name, (), {})
    ordered = sorted(members.items(), key=lambda item: not item[1][1])
    for key, (_, required, text) in ordered:
        options: dict[str, Any] = {} if required else {"default": None}
        setattr(cls, key, strawberry.field(description=text, **options))
    cls.__annotations__ = {key: kind if required else maybe(kind) for key, (kind, required, _) in ordered}
    return strawberry.input(cls, name=name, description=description)


def _list_of(kind: Any) -> Any:
    return list[kind]


def _member(column: Column, kind: Any, *, required: bool) -> tuple[Any, bool, str]:
    # Left out or null is told apart also where the column may not be empty: the action then says so, as data.
    return kind, required, column.description


def _writable(kind: Entity) -> dict[str, Column]:
    hidden = SYSTEM_COLUMNS | kind.managed
    return {name: column for name, column in columns(kind.model).items() if name not in hidden}


def _child_input(kind: Entity, child: Child) -> Any:
    name = child.model.__name__
    hidden = {"id", "created_at", child.parent}
    exact = TYPES[name].exact
    members = {
        column.name: _member(
            column,
            exact.get(column.name, column.type),
            required=not column.defaulted and column.name not in _DERIVED,
        )
        for column in columns(child.model).values()
        if column.name not in hidden
    }
    return _make(f"{name}Input", f"One {name} of a {kind.name}.", members)


def child_inputs(kind: Entity) -> dict[str, Any]:
    """The inputs of the rows that are written with a record, by the name of their list."""
    return {child.key: _child_input(kind, child) for child in kind.children}


def create_input(kind: Entity, children: Mapping[str, Any]) -> type:
    """The input of a new record: what the model requires is required."""
    exact = TYPES[kind.name].exact
    members = {
        column.name: _member(
            column,
            exact.get(column.name, column.type),
            required=not column.defaulted and column.name not in kind.filled,
        )
        for column in _writable(kind).values()
    }
    members |= {key: (_list_of(child), False, _LISTS[key]) for key, child in children.items()}
    return _make(f"Create{kind.name}Input", f"A new {kind.name}.", members)


def update_input(kind: Entity, children: Mapping[str, Any]) -> type:
    """The input of a change: only what is given changes, null empties."""
    exact = TYPES[kind.name].exact
    members = {
        column.name: _member(column, exact.get(column.name, column.type), required=False)
        for column in _writable(kind).values()
        if not (kind.ownable and column.name in ("owner_id", "pool_id"))
    }
    members |= {key: (_list_of(child), False, _LISTS[key]) for key, child in children.items()}
    text = f"Changes of a {kind.name}: what is left out stays, null empties."
    return _make(f"Update{kind.name}Input", text, members)


def draft(given: Any) -> dict[str, Any]:
    """An input as the core's actions take it: column name to value, without what was left out."""
    values: dict[str, Any] = {}
    for member in get_object_definition(given, strict=True).fields:
        value = getattr(given, member.python_name)
        if value is None:
            continue
        if isinstance(value, strawberry.Some):
            value = value.value
        if value is None and member.python_name in _LISTS:
            value = []
        if isinstance(value, list):
            value = [draft(one) if get_object_definition(one) else one for one in value]
        values[member.python_name] = value
    return values
