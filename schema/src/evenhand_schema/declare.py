"""Declare the types of the API once, bound to the core's models.

Plain columns come from the model; a type's class names only its relations. `complete` turns the
declared classes into strawberry types when all of them are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar, get_args, get_type_hints

import strawberry

from evenhand.entities.registry import ENTITIES
from evenhand.tenancy.models import TenantModel
from evenhand_schema.columns import Column, columns
from evenhand_schema.connections import Connection
from evenhand_schema.names import camel
from evenhand_schema.reads.arguments import Leaf
from evenhand_schema.reads.ordering import Order, Ordering, Term
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.resolvers import (
    embedded_resolver,
    first_resolver,
    many_resolver,
    one_resolver,
    part_resolver,
    rows_resolver,
)

C = TypeVar("C", bound=type)


@strawberry.interface(description="A record with an id of its own; `node(id)` finds it again.")
class Node:
    id: strawberry.ID = strawberry.field(description="The record's id; no other record of any kind has it.")


@dataclass(frozen=True)
class One:
    """A reference to one record: the type, and our column that holds its id.

    Attributes:
        optional: the id may be that of a record of another type.
    """

    target: str
    column: str
    description: str
    optional: bool = False


@dataclass(frozen=True)
class Flag:
    """A boolean argument of a list and the SQL condition it stands for, over `{row}` and the tenant as `$1`."""

    condition: str
    description: str
    annotation: Any = bool | None

    def sql(self, row: str, given: Leaf, parameters: Parameters) -> str:
        """The condition when it is given."""
        condition = f"({self.condition.format(row=row)})"
        return condition if given.known() else f"NOT {condition}"


@dataclass(frozen=True)
class Choice:
    """A list argument of a list: the values that a column may have.

    Attributes:
        annotation: e.g. `list[ActivityKind] | None`.
    """

    column: str
    annotation: Any
    description: str

    def sql(self, row: str, given: Leaf, parameters: Parameters) -> str:
        """The condition when it is given."""

        def values(chosen: Sequence[Any]) -> list[Any]:
            return [getattr(one, "value", one) for one in chosen]

        return f'{row}."{self.column}" = ANY({parameters.add(given, values)})'


@dataclass(frozen=True)
class Moment:
    """An argument of a list that is a point in time: a condition over `{row}`, `{moment}` and the tenant as `$1`."""

    condition: str
    description: str
    annotation: Any = datetime | None

    def sql(self, row: str, given: Leaf, parameters: Parameters) -> str:
        """The condition when it is given."""
        return f"({self.condition.format(row=row, moment=f'{parameters.add(given)}::timestamptz')})"


@dataclass(frozen=True)
class Many:
    """A list of the records of another type that name us.

    Attributes:
        by: the other type's column that holds our id.
        order: the list's ordering; the id is added.
        where: further columns with fixed values, e.g. {"entity": "Account"}.
        flags: further arguments by their names.
    """

    target: str
    by: str
    description: str
    order: tuple[Order, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Flag | Choice | Moment] = field(default_factory=dict)


@dataclass(frozen=True)
class _NamingUs:
    """Rows of another type that name us, in an order.

    Attributes:
        by: the other type's column that holds our id.
        source: a SELECT that stands for the type's own: its columns, and `by`.
    """

    target: str
    by: str
    description: str
    order: tuple[Order, ...]
    limit: int
    source: str | None = None


@dataclass(frozen=True)
class Rows(_NamingUs):
    """A short list without pages: at most `limit` of the rows that name us."""

    limit: int = 100


@dataclass(frozen=True)
class First(_NamingUs):
    """The first of the rows that name us; null when there is none."""

    limit: int = 1


@dataclass(frozen=True)
class Computed:
    """A value that the database computes: SQL over `{row}` and the tenant as `$1`."""

    type: Any
    sql: str
    description: str


@dataclass(frozen=True)
class Part:
    """Further values of the same record under a name of their own; the type's members are about our row.

    They are read only when they are asked for.
    """

    target: str
    description: str


@dataclass(frozen=True)
class Embedded(Part):
    """A part whose values were computed together with the row: in columns that begin with `prefix`."""

    prefix: str


@dataclass(frozen=True)
class Python:
    """A value that Python makes from some columns of the record.

    Attributes:
        type: its annotation.
        needs: the columns it reads.
        resolve: `resolve(record)` or `resolve(record, info)`.
    """

    type: Any
    needs: tuple[str, ...]
    resolve: Callable[..., Any]
    description: str


Member = One | Many | Rows | First | Computed | Part | Python


@dataclass(frozen=True)
class Bound:
    """A type of the API and the table behind it.

    Attributes:
        model: None for a type over a statement of its own, `source`, or for a part of another type.
        source: a SELECT that stands for a table; its rows have `tenant_id`.
        exact: types of columns that the class says more exactly than the model.
        keys: columns whose values together tell a row from all others.
        private_to: the column that names the only user who may see a record; None when the tenant's users share them.
        flags: further arguments of the list of all records, by their names.
        node: whether its records are the core's own; those of plugins are not found by `node(id)`.
        shown: the columns that the API shows; None for all.
    """

    name: str
    model: type[TenantModel] | None
    cls: type
    members: Mapping[str, Member]
    exact: Mapping[str, Any]
    source: str | None = None
    own_columns: Mapping[str, Column] = field(default_factory=dict)
    private_to: str | None = None
    flags: Mapping[str, Flag | Choice | Moment] = field(default_factory=dict)
    node: bool = True
    shown: frozenset[str] | None = None

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """The columns that the API shows, by name."""
        return columns(self.model, self.shown) if self.model is not None else self.own_columns

    @property
    def computed(self) -> dict[str, Computed]:
        """The values that the database computes, by name."""
        return {name: member for name, member in self.members.items() if isinstance(member, Computed)}

    @property
    def archivable(self) -> bool:
        """Whether records can be put away."""
        return self.model is not None and "archived_at" in self.columns

    @property
    def is_node(self) -> bool:
        """Whether its records can be found again by their ids alone."""
        return self.model is not None and self.node

    @property
    def has_custom(self) -> bool:
        """Whether its records have values of the tenant's own fields."""
        return self.name in ENTITIES and "custom" in self.columns

    @property
    def filtered(self) -> dict[str, One | Many]:
        """The relations that filters may follow, by name."""
        return {
            name: member
            for name, member in self.members.items()
            if isinstance(member, One | Many) and TYPES[member.target].is_node
        }

    @cached_property
    def filter_members(self) -> Mapping[str, Column | One | Many]:
        """What filters may name, as the API spells it."""
        comparable = {column.name: column for column in self.columns.values() if column.comparable}
        return {camel(name): member for name, member in (comparable | self.filtered).items()}

    def table(self, row: str) -> str:
        """The table under an alias, for FROM."""
        if self.model is not None:
            return f'"{self.model._meta.db_table}" AS {row}'
        return f"({self.source}) AS {row}"

    def stored(self) -> list[str]:
        """The columns of the table that a record is made of."""
        if self.model is not None:
            return list(self.model._meta.fields_db_projection.values())
        return list(self.own_columns)

    def ordering(self, *orders: Order, leading: Sequence[Term] = ()) -> Ordering:
        """A total ordering of its records; the newest first when no order is given."""
        default = () if leading else (Order("id", descending=True),)
        return Ordering.of(self.name, self.columns, orders or default, leading=leading)


TYPES: dict[str, Bound] = {}
"""Every declared type by its name."""


def one(target: str, column: str, description: str, *, optional: bool = False) -> Any:
    """Declare a reference, see `One`."""
    return One(target, column, description, optional)


def many(target: str, by: str, description: str, *order: Order, **options: Any) -> Any:
    """Declare a list, see `Many`."""
    return Many(target, by, description, tuple(order), **options)


def rows(target: str, by: str, description: str, *order: Order, **options: Any) -> Any:
    """Declare a short list, see `Rows`."""
    return Rows(target, by, description, tuple(order), **options)


def first(target: str, by: str, description: str, *order: Order) -> Any:
    """Declare the first of some rows, see `First`."""
    return First(target, by, description, tuple(order))


def computed(kind: Any, sql: str, description: str) -> Any:
    """Declare a computed value, see `Computed`."""
    return Computed(kind, sql, description)


def part(target: str, description: str) -> Any:
    """Declare a part, see `Part`."""
    return Part(target, description)


def python(kind: Any, needs: Sequence[str], resolve: Callable[..., Any], description: str) -> Any:
    """Declare a value that Python makes, see `Python`."""
    return Python(kind, tuple(needs), resolve, description)


def members_of(cls: type) -> dict[str, Member]:
    """What a class declares, by name."""
    return {name: value for name, value in vars(cls).items() if isinstance(value, Member)}


def bound(
    model: type[TenantModel],
    *,
    private_to: str | None = None,
    flags: Mapping[str, Flag | Choice | Moment] | None = None,
) -> Callable[[C], C]:
    """Declare a type over a model. An annotation without a value says a column's type more exactly.

    Args:
        private_to, flags: see `Bound`.
    """

    def declare(cls: C) -> C:
        own = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
        made: Any = type(cls.__name__, (Node,), own)
        exact = get_type_hints(cls, include_extras=True)
        TYPES[cls.__name__] = Bound(
            cls.__name__, model, made, members_of(cls), exact, private_to=private_to, flags=flags or {}
        )
        return made  # type: ignore[no-any-return]

    return declare


def derived(source: str | None = None, **descriptions: str) -> Callable[[C], C]:
    """Declare a type over a SELECT, or without one a part of another type.

    Annotations name the columns of the SELECT with their types; `tenant_id` belongs to it without being shown.

    Args:
        source: the SELECT, over the tenant as `$1`; every table in it carries `tenant_id = $1`. Conditions on its
            columns and its ordering are put around it, so the database must be able to push them down into it.
        descriptions: of the columns.
    """

    def declare(cls: C) -> C:
        own = {
            name: Column(name, _plain(kind), _optional(kind), False, descriptions[name])
            for name, kind in get_type_hints(cls, include_extras=True).items()
        }
        TYPES[cls.__name__] = Bound(cls.__name__, None, cls, members_of(cls), {}, source, own)
        return cls

    return declare


def _optional(kind: Any) -> bool:
    return type(None) in get_args(kind)


def _plain(kind: Any) -> Any:
    return next(one for one in get_args(kind) if one is not type(None)) if _optional(kind) else kind


_completed: set[type] = set()


def complete() -> None:
    """Make every declared class a strawberry type that is none yet, after all that it leads to are declared.

    Raises:
        TypeError: a type leads to records that only one user may see; filters would look into them.
    """
    for type_name, item in list(TYPES.items()):
        if item.cls in _completed:
            continue
        try:
            _refuse_private(item)
            _complete(item)
        except Exception:
            del TYPES[type_name]
            raise
        _completed.add(item.cls)


def _refuse_private(item: Bound) -> None:
    for name, member in item.members.items():
        target = TYPES.get(getattr(member, "target", ""))
        if target is not None and target.private_to is not None:
            raise TypeError(f"{item.name}.{name} leads to {target.name}, whose records are private")


class Row:
    """A record of a type that has no model."""

    def __init__(self, type_name: str, values: Mapping[str, Any]) -> None:
        self.type_name = type_name
        self.__dict__.update(values)


def _complete(item: Bound) -> None:
    cls = item.cls
    annotations: dict[str, Any] = {}
    for column in item.columns.values():
        annotations[column.name] = item.exact.get(column.name, column.annotation)
        setattr(cls, column.name, strawberry.field(description=column.description))
    for name, member in item.members.items():
        annotations[name], resolver = _shape(item, member)
        setattr(cls, name, strawberry.field(resolver=resolver, description=member.description))
    cls.__annotations__ = annotations
    model, type_name = item.model, item.name

    def is_type_of(value: object, info: object) -> bool:
        return isinstance(value, model) if model is not None else getattr(value, "type_name", None) == type_name

    cls.is_type_of = staticmethod(is_type_of)  # type: ignore[attr-defined]
    text = " ".join((cls.__doc__ or model.__doc__ or "").split())
    strawberry.type(cls, name=item.name, description=text)


def _shape(item: Bound, member: Member) -> tuple[Any, Any]:
    match member:
        case Computed():
            return member.type, None
        case Python():
            return member.type, member.resolve
    target: Any = TYPES[member.target].cls
    match member:
        case One():
            optional = member.optional or item.columns[member.column].null
            return (target | None if optional else target), one_resolver(member)
        case Many():
            return Connection[target], many_resolver(member)
        case Rows():
            return list[target], rows_resolver(member)
        case First():
            return target | None, first_resolver(member)
        case Embedded():
            return target, embedded_resolver(member, list(TYPES[member.target].computed))
        case Part():
            return target, part_resolver(member)
