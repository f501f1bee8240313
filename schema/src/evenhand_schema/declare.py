"""Declare the types of the API once, bound to the core's models.

Plain columns come from the model; a type's class names only its relations. `complete` turns the
declared classes into strawberry types when all of them are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

import strawberry

from evenhand.tenancy.models import TenantModel
from evenhand_schema.columns import Column, columns
from evenhand_schema.connections import Connection
from evenhand_schema.reads.ordering import Order, Ordering
from evenhand_schema.resolvers import many_resolver, one_resolver

C = TypeVar("C", bound=type)


@dataclass(frozen=True)
class One:
    """A reference to one record: the type, and our column that holds its id."""

    target: str
    column: str
    description: str


@dataclass(frozen=True)
class Flag:
    """A boolean argument of a list and the SQL condition it stands for, over `{row}` and the tenant as `$1`."""

    condition: str
    description: str


@dataclass(frozen=True)
class Many:
    """A list of the records of another type that name us.

    Attributes:
        by: the other type's column that holds our id.
        order: the list's ordering; the id is added.
        where: further columns with fixed values, e.g. {"entity": "Account"}.
        flags: boolean arguments by their names.
    """

    target: str
    by: str
    description: str
    order: tuple[Order, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Flag] = field(default_factory=dict)


@dataclass(frozen=True)
class Computed:
    """A value that the database computes: SQL over `{row}` and the tenant as `$1`."""

    type: Any
    sql: str
    description: str


@dataclass(frozen=True)
class Bound:
    """A type of the API and the table behind it."""

    name: str
    model: type[TenantModel]
    cls: type
    members: Mapping[str, One | Many | Computed]
    exact: Mapping[str, Any]
    """Types of columns that the class says more exactly than the model."""

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns that the API shows, by name."""
        return columns(self.model)

    @property
    def computed(self) -> dict[str, Computed]:
        """The values that the database computes, by name."""
        return {name: member for name, member in self.members.items() if isinstance(member, Computed)}

    @property
    def archivable(self) -> bool:
        """Whether records can be put away."""
        return "archived_at" in self.columns

    def ordering(self, *orders: Order) -> Ordering:
        """A total ordering of its records; the newest first when no order is given."""
        return Ordering.of(self.name, self.columns, orders or (Order("id", descending=True),))


TYPES: dict[str, Bound] = {}
"""Every declared type by its name."""


def one(target: str, column: str, description: str) -> Any:
    """Declare a reference, see `One`."""
    return One(target, column, description)


def many(target: str, by: str, description: str, *order: Order, **options: Any) -> Any:
    """Declare a list, see `Many`."""
    return Many(target, by, description, tuple(order), **options)


def computed(kind: Any, sql: str, description: str) -> Any:
    """Declare a computed value, see `Computed`."""
    return Computed(kind, sql, description)


def bound(model: type[TenantModel]) -> Callable[[C], C]:
    """Declare a type over a model. An annotation without a value says a column's type more exactly."""

    def declare(cls: C) -> C:
        members = {name: value for name, value in vars(cls).items() if isinstance(value, One | Many | Computed)}
        exact = get_type_hints(cls, include_extras=True)
        TYPES[cls.__name__] = Bound(cls.__name__, model, cls, members, exact)
        return cls

    return declare


def complete() -> None:
    """Make every declared class a strawberry type; needed once, after all of them are declared."""
    for item in TYPES.values():
        _complete(item)


def _complete(item: Bound) -> None:
    cls = item.cls
    annotations: dict[str, Any] = {}
    resolved = {name for name, value in vars(cls).items() if getattr(value, "base_resolver", None) is not None}
    for column in item.columns.values():
        if column.name in resolved:
            continue
        annotations[column.name] = item.exact.get(column.name, column.annotation)
        setattr(cls, column.name, strawberry.field(description=column.description))
    for name, member in item.members.items():
        annotations[name], resolver = _shape(item, member)
        setattr(cls, name, strawberry.field(resolver=resolver, description=member.description))
    cls.__annotations__ = annotations
    model = item.model

    def is_type_of(value: object, info: object) -> bool:
        return isinstance(value, model)

    cls.is_type_of = staticmethod(is_type_of)  # type: ignore[attr-defined]
    text = " ".join((cls.__doc__ or model.__doc__ or "").split())
    strawberry.type(cls, name=item.name, description=text)


def _shape(item: Bound, member: One | Many | Computed) -> tuple[Any, Any]:
    if isinstance(member, Computed):
        return member.type, None
    target: Any = TYPES[member.target].cls
    if isinstance(member, One):
        return (target | None if item.columns[member.column].null else target), one_resolver(member)
    return Connection[target], many_resolver(member)
