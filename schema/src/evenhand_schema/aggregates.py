"""Aggregates: `opportunitiesAggregate` and the like, with their types made from the columns of each entity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any

import strawberry
from graphql import GraphQLObjectType, get_named_type
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.execution.values import VariableValues
from strawberry import Info
from tortoise import fields

from evenhand.entities.registry import ENTITIES
from evenhand_schema.columns import Column
from evenhand_schema.context import place, request_of
from evenhand_schema.declare import TYPES, Bound, Computed, Embedded, Member, One
from evenhand_schema.ordering import OrderDirection
from evenhand_schema.reads.budget import LIST_COST
from evenhand_schema.reads.grouping import (
    MEASURES,
    MOST_GROUPS,
    Asked,
    group_columns,
    is_day_or_moment,
    is_number,
    measures_asked,
)
from evenhand_schema.reads.loaders import load_groups
from evenhand_schema.reads.marks import GroupsField, marked
from evenhand_schema.resolvers import arguments_of, with_arguments
from evenhand_schema.scalars import JSON, BigInt


@strawberry.enum(description="How long the spans are into which days and times are put; in the tenant's time zone.")
class DateBucket(Enum):
    DAY = strawberry.enum_value("day", description="A calendar day.")
    WEEK = strawberry.enum_value("week", description="Seven days from Monday.")
    MONTH = strawberry.enum_value("month", description="A calendar month.")
    QUARTER = strawberry.enum_value("quarter", description="Three months from January, April, July or October.")
    YEAR = strawberry.enum_value("year", description="A calendar year.")


@strawberry.enum(description="A figure about a group.")
class AggregateMeasure(Enum):
    COUNT = strawberry.enum_value("count", description="How many records the group has.")
    SUM = strawberry.enum_value("sum", description="The sum of the records' values.")
    AVG = strawberry.enum_value("avg", description="The average of the records' values.")
    MIN = strawberry.enum_value("min", description="The least or earliest of the records' values.")
    MAX = strawberry.enum_value("max", description="The greatest or latest of the records' values.")


_SHAPES: Mapping[str, tuple[str, str]] = {
    "sum": ("Sums", "Sums of the records' values; null without any."),
    "avg": ("Averages", "Averages of the records' values, with four decimals; null without any."),
    "min": ("Least", "The least or earliest of the records' values; null without any."),
    "max": ("Greatest", "The greatest or latest of the records' values; null without any."),
}


def groups_type(name: str) -> str:
    """The name of the type of groups of an entity."""
    return f"{name}Aggregate"


def _short_text(item: Bound, name: str) -> bool:
    field = item.model._meta.fields_map.get(name) if item.model is not None else None
    return isinstance(field, fields.CharField)


def _keys(item: Bound) -> dict[str, Column]:
    return group_columns(item, lambda name: _short_text(item, name))


def _days(item: Bound) -> dict[str, Column]:
    return {name: column for name, column in item.columns.items() if is_day_or_moment(column)}


def _figures(item: Bound, measure: str) -> dict[str, Any]:
    """The columns that a measure is taken of, with the type of the figure."""
    found: dict[str, Any] = {}
    for name, column in item.columns.items():
        if is_number(column):
            whole = column.type is not Decimal
            found[name] = {"sum": BigInt if whole else Decimal, "avg": Decimal}.get(measure, column.type)
        elif is_day_or_moment(column) and measure in ("min", "max"):
            found[name] = column.type
    return found


def declare_aggregates() -> None:
    """Declare the types of groups of all entities; needed before `complete`."""
    for name in ENTITIES:
        _declare(TYPES[name])


def _declare(item: Bound) -> None:
    members: dict[str, Member] = {}
    keys = _keys(item)
    for name, member in item.members.items():
        if isinstance(member, One) and member.column in keys:
            members[name] = One(member.target, member.column, f"{member.description} Null unless it is a key.")
    for measure in MEASURES:
        figures = _figures(item, measure)
        if figures:
            shape, text = _SHAPES[measure]
            target = f"{item.name}{shape}"
            values: dict[str, Member] = {
                name: Computed(kind | None, f'{{row}}."{measure}_{name}"', item.columns[name].description)
                for name, kind in figures.items()
            }
            _register(target, f"{shape} of {item.name} records.", {}, values)
            members[measure] = Embedded(target, text, f"{measure}_")
    columns = {
        "count": Column("count", int, False, False, "How many records the group has."),
        "group_count": Column(
            "group_count", int, False, False, "How many groups there are; `limit` may have left some of them out."
        ),
        "custom": Column(
            "custom", JSON, True, False, "The custom fields that are keys, with their values; null without any."
        ),
    }
    for name, column in keys.items():
        text = f"{column.description} Null unless it is a key."
        columns[name] = Column(name, column.type, True, False, text)
    for name, column in _days(item).items():
        text = f"The first day of the span, for a key of: {column.description} Null unless it is one."
        columns[name] = Column(name, date, True, False, text)
    _register(groups_type(item.name), f"A group of {item.name} records that agree in the keys.", columns, members)


def _register(name: str, text: str, columns: Mapping[str, Column], members: Mapping[str, Member]) -> None:
    cls = type(name, (), {"__doc__": text})
    TYPES[name] = Bound(name, None, cls, members, {}, None, columns)


# The arguments


def _enum(name: str, members: Mapping[str, Column], text: str) -> Any:
    described = {
        key: strawberry.enum_value(column.name, description=column.description) for key, column in members.items()
    }
    made: Any = Enum(name, described)  # type: ignore[misc]
    return strawberry.enum(made, description=text)


def _input(name: str, members: Mapping[str, tuple[Any, str]], text: str, defaults: Mapping[str, Any]) -> Any:
    cls = type(name, (), {"__annotations__": {key: kind for key, (kind, _) in members.items()}})
    for key, (_, description) in members.items():
        options = {"default": defaults[key]} if key in defaults else {}
        setattr(cls, key, strawberry.field(description=description, **options))
    return strawberry.input(cls, name=name, description=text)


@cache
def _inputs(entity: str) -> tuple[Any, Any]:
    """The inputs of an entity for keys and for the order."""
    item = TYPES[entity]
    relations = {member.column: key for key, member in item.members.items() if isinstance(member, One)}
    keys = {relations.get(name, name).upper(): column for name, column in _keys(item).items()}
    days = {name.upper(): column for name, column in _days(item).items()}
    measured = {name.upper(): item.columns[name] for name in _figures(item, "min")}
    field: Any = _enum(f"{entity}GroupField", keys, f"What {entity} records can be grouped by as it is.")
    day: Any = _enum(f"{entity}GroupDate", days, f"Days and times by whose spans {entity} records can be grouped.")
    number: Any = _enum(f"{entity}MeasuredField", measured, f"What figures about {entity} records are taken of.")
    nothing = {"field": None, "date": None, "by": None, "custom": None}
    group = _input(
        f"{entity}GroupBy",
        {
            "field": (field | None, "A value to group by."),
            "date": (day | None, "A day or time to group by; with `by`."),
            "by": (DateBucket | None, "How long the spans of `date` are."),
            "custom": (str | None, "The key of a custom field to group by."),
        },
        f"One key of groups of {entity} records: exactly one of field, date and custom.",
        nothing,
    )
    order = _input(
        f"{entity}AggregateOrderBy",
        {
            "measure": (AggregateMeasure, "Which figure."),
            "field": (number | None, "Of what; nothing for COUNT."),
            "direction": (OrderDirection, "Which way."),
        },
        f"One step of the order of groups of {entity} records.",
        {"field": None, "direction": OrderDirection.ASC},
    )
    return group, order


def _asked(info: Info) -> Asked:
    raw = info._raw_info
    fragments = {name: FragmentDetails(node) for name, node in raw.fragments.items()}
    # strawberry hands out the plain values only.
    values = VariableValues({}, info.variable_values)

    def collect(kind: GraphQLObjectType, details: Any) -> Any:
        found = collect_subfields(raw.schema, fragments, values, raw.operation, kind, list(details))
        return found.grouped_field_set

    kind = get_named_type(raw.return_type)
    if not isinstance(kind, GraphQLObjectType):
        raise TypeError(f"{kind} is no object type")
    return measures_asked(collect, kind, [FieldDetails(node, None) for node in raw.field_nodes])


def groups_field(item: Bound, choosing: Mapping[str, tuple[Any, Any]]) -> Any:
    """`opportunitiesAggregate(search, filter, archived, groupBy, orderBy, limit)`.

    Args:
        choosing: the arguments that say which records.
    """
    groups = groups_type(item.name)
    inputs = _inputs(item.name)
    group: Any = inputs[0]
    order: Any = inputs[1]

    async def resolve(info: Info, **arguments: Any) -> list[Any]:
        given, values, asked = arguments_of(info), info.variable_values, _asked(info)

        async def load(keys: list[Any]) -> list[list[Any]]:
            return [await load_groups(item.name, groups, given, asked, values)] * len(keys)

        context = request_of(info)
        context.budget.spend(LIST_COST)
        found: list[Any] = await context.loader(("groups", place(info)), load).load("groups")
        context.spend(info, len(found))
        return found

    keys = strawberry.argument(description="What the records of a group agree in; all are one group when left out.")
    ordered = strawberry.argument(description="In which order; by the keys when left out.")
    limit = strawberry.argument(description=f"How many groups at most, 1 to {MOST_GROUPS:,}.")
    with_arguments(
        resolve,
        {
            **choosing,
            "group_by": (Annotated[list[group] | None, keys], None),
            "order_by": (Annotated[list[order] | None, ordered], None),
            "limit": (Annotated[int, limit], MOST_GROUPS),
        },
        returns=list[TYPES[groups].cls],  # type: ignore[misc]
    )
    return strawberry.field(
        resolver=resolve,
        description=f"Groups of {item.name} records with figures about each. Money is never added across currencies: "
        "where a figure of money is asked for, its currency becomes a key.",
        metadata=marked(GroupsField(item.name, groups)),
    )


__all__ = ["AggregateMeasure", "DateBucket", "declare_aggregates", "groups_field", "groups_type"]
