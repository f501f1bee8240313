"""Groups of records with figures about each, as one statement: counts, sums, averages, least and greatest values.

Money is never added across currencies: where a figure of money is asked for, its currency is one of the keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import strawberry
from graphql import GraphQLObjectType, get_named_type
from graphql.execution.collect_fields import FieldDetails

from evenhand.entities.columns import KEY_PATTERN
from evenhand_schema.columns import Column
from evenhand_schema.errors import InvalidGrouping, InvalidPageSize
from evenhand_schema.names import camel
from evenhand_schema.reads.arguments import Given, Leaf
from evenhand_schema.reads.lists import root_list
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.periods import ZONE
from evenhand_schema.scalars import JSON, BigInt

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound

MOST_GROUPS = 1_000
MOST_KEYS = 8
MEASURES = ("sum", "avg", "min", "max")
INNER = "g"

Collect = Callable[[GraphQLObjectType, Sequence[FieldDetails]], Mapping[str, Sequence[FieldDetails]]]
Asked = frozenset[tuple[str, str]]
"""Figures by measure and column, e.g. ("sum", "amount")."""

_SQL_TYPES: Mapping[object, str] = {
    strawberry.ID: "uuid",
    int: "bigint",
    BigInt: "bigint",
    Decimal: "numeric",
    date: "date",
    datetime: "timestamptz",
    bool: "boolean",
    JSON: "jsonb",
}


def is_number(column: Column) -> bool:
    """Whether sums and averages of the column say something."""
    return column.type in (int, BigInt, Decimal) and column.name != "version"


def is_day_or_moment(column: Column) -> bool:
    """Whether records can be grouped by the day, week, month, … of the column."""
    return column.type in (date, datetime)


def currency_of(columns: Mapping[str, Column], name: str) -> str | None:
    """The column that says in which currency the money in a column is; None for what is no money."""
    if columns[name].type is not Decimal:
        return None
    candidates = (f"{name}_currency", f"{name.split('_')[0]}_currency", "currency")
    return next((candidate for candidate in candidates if candidate in columns), None)


def measures_asked(collect: Collect, kind: GraphQLObjectType, details: Sequence[FieldDetails]) -> Asked:
    """The figures that a query asks of groups.

    Args:
        collect: groups the fields asked of an object.
        kind: the type of the groups.
    """
    asked: set[tuple[str, str]] = set()
    for group in collect(kind, details).values():
        measure = group[0].node.name.value
        inner = get_named_type(kind.fields[measure].type) if measure in MEASURES else None
        if isinstance(inner, GraphQLObjectType):
            names = {found[0].node.name.value for found in collect(inner, group).values()}
            asked |= {(measure, name) for name in names}
    return frozenset(asked)


@dataclass(frozen=True)
class Key:
    """What records are grouped by: the name of the column that shows it, and its SQL over a record."""

    name: str
    sql: str


@dataclass(frozen=True)
class Grouping:
    """Groups of records as the pieces of a statement.

    Attributes:
        row: the alias of the groups.
        source: the SELECT of all groups.
        ordering: as ORDER BY takes it.
    """

    row: str
    source: str
    ordering: str
    limit: int

    def statement(self, selected: str) -> str:
        """The statement that selects from the groups, in their order."""
        ordered = f" ORDER BY {self.ordering}" if self.ordering else ""
        return f"SELECT {selected} FROM ({self.source}) AS {self.row}{ordered} LIMIT {self.limit}"


def grouping(
    item: Bound, target: Bound, given: Mapping[str, Given], asked: Asked, row: str, parameters: Parameters
) -> Grouping:
    """Group the records that the arguments `search`, `filter` and `archived` choose.

    Args:
        item: the type of the records.
        target: the type of the groups.
        asked: the figures asked for, by the API's names.
        row: the alias of the groups.

    Raises:
        InvalidGrouping: the keys or the ordering make no sense. InvalidPageSize: a limit out of range.
    """
    return _Builder(item, target, given, asked, row, parameters).build()


class _Builder:
    def __init__(
        self,
        item: Bound,
        target: Bound,
        given: Mapping[str, Given],
        asked: Asked,
        row: str,
        parameters: Parameters,
    ) -> None:
        self._item = item
        self._target = target
        self._given = given
        self._row = row
        self._inner = f"{row}{INNER}"
        self._parameters = parameters
        self._columns = {camel(name): name for name in item.columns}
        self._asked = {(measure, self._columns[name]) for measure, name in asked if name in self._columns}
        self._keys: list[Key] = []
        self._custom: list[tuple[str, str]] = []
        """Of the custom fields: the place of the name, the key's column."""
        self._named: set[tuple[bool, str]] = set()

    def build(self) -> Grouping:
        for step in _steps(self._given.get("groupBy")):
            self._add_key(step)
        ordering = [self._ordered(step) for step in _steps(self._given.get("orderBy"))]
        self._add_currencies()
        ordering += [f'{self._row}."{key.name}"' for key in self._keys]
        return Grouping(self._row, self._source(), ", ".join(ordering), self._limit())

    # Keys

    def _add_key(self, step: Mapping[str, Given]) -> None:
        given = {name: leaf for name, leaf in step.items() if isinstance(leaf, Leaf)}
        chosen = sorted(given.keys() & {"field", "date", "custom"})
        if len(chosen) != 1:
            said = " and ".join(chosen) or "none of them"
            raise InvalidGrouping(
                f"groupBy: each entry names exactly one of field, date and custom; this one names {said}.",
                hint="Write for example groupBy: [{field: OWNER}, {date: CREATED_AT, by: MONTH}].",
            )
        if ("by" in given) is not (chosen == ["date"]):
            raise InvalidGrouping(
                "groupBy: by belongs to date, and date needs it.",
                hint="Write {date: CREATED_AT, by: MONTH}; by is DAY, WEEK, MONTH, QUARTER or YEAR.",
            )
        known: Any = given[chosen[0]].known()
        name: str = known if chosen == ["custom"] else known.value
        if (chosen == ["custom"], name) in self._named:
            raise InvalidGrouping(f"groupBy: {camel(name)[:80]} is named twice.", hint="Name each key once.")
        self._named.add((chosen == ["custom"], name))
        if len(self._keys) == MOST_KEYS:
            raise InvalidGrouping(f"groupBy: there are more than {MOST_KEYS} keys.", hint="Ask in several requests.")
        self._keys.append(self._key(chosen[0], name, given))

    def _key(self, word: str, name: str, given: Mapping[str, Leaf]) -> Key:
        if word == "custom":
            return self._custom_key(name)
        value = f'{self._inner}."{name}"'
        if word == "field":
            return Key(name, value)
        local = f"{value} AT TIME ZONE {ZONE}" if self._item.columns[name].type is datetime else f"{value}::timestamp"
        return Key(name, f"date_trunc('{given['by'].known().value}', {local})::date")

    def _custom_key(self, name: str) -> Key:
        if not re.fullmatch(KEY_PATTERN, name):
            raise InvalidGrouping(
                f"groupBy: {name[:80]!r} is no key of a custom field.",
                hint="Use the key of one of customFields, such as budget_2026.",
            )
        place = f"{self._parameters.add(name)}::text"
        key = Key(f"custom:{len(self._custom)}", f"{self._inner}.custom -> {place}")
        self._custom.append((place, key.name))
        return key

    def _add_currencies(self) -> None:
        for _, name in sorted(self._asked):
            currency = currency_of(self._item.columns, name)
            if currency is not None and all(key.name != currency for key in self._keys):
                self._keys.append(Key(currency, f'{self._inner}."{currency}"'))

    # Order and limit

    def _ordered(self, step: Mapping[str, Given]) -> str:
        leaf, field, direction = step.get("measure"), step.get("field"), step.get("direction")
        measure = leaf.known().value if isinstance(leaf, Leaf) else "count"
        descending = isinstance(direction, Leaf) and direction.known().value == "desc"
        name = field.known().value if isinstance(field, Leaf) else None
        if (name is None) is not (measure == "count"):
            raise InvalidGrouping(
                "orderBy: SUM, AVG, MIN and MAX need a field, COUNT takes none.",
                hint="Write orderBy: [{measure: COUNT, direction: DESC}], or name a field beside the measure.",
            )
        if name is None:
            return f"{self._row}.count{' DESC' if descending else ''}"
        if measure in ("sum", "avg") and not is_number(self._item.columns[name]):
            raise InvalidGrouping(
                f"orderBy: {camel(name)} has no {measure}, it is no number.", hint="Use MIN or MAX of it."
            )
        self._asked.add((measure, name))
        return f'{self._row}."{measure}_{name}"{" DESC" if descending else ""} NULLS LAST'

    def _limit(self) -> int:
        leaf = self._given.get("limit")
        limit: int = leaf.known() if isinstance(leaf, Leaf) else MOST_GROUPS
        if not 1 <= limit <= MOST_GROUPS:
            raise InvalidPageSize(f"limit: {limit} is out of range.", hint=f"Ask for 1 to {MOST_GROUPS} groups.")
        return limit

    # The statement

    def _source(self) -> str:
        chosen = {name: value for name, value in self._given.items() if name in ("search", "filter", "archived")}
        listing = root_list(self._item, self._inner, chosen, self._parameters)
        keys = [f'{key.sql} AS "{key.name}"' for key in self._keys]
        figures = ["count(*) AS count"] + [
            f'{self._figure(measure, name)} AS "{measure}_{name}"' for measure, name in sorted(self._asked)
        ]
        by = f" GROUP BY {', '.join(str(number) for number in range(1, len(keys) + 1))}" if keys else ""
        conditions = " AND ".join(listing.members)
        groups = f"SELECT {', '.join([*keys, *figures])} FROM {listing.table} WHERE {conditions}{by}"
        empty = self._empty({key.name for key in self._keys})
        return f"SELECT found.*, count(*) OVER () AS group_count{empty} FROM ({groups}) AS found"

    def _figure(self, measure: str, name: str) -> str:
        value = f'{self._inner}."{name}"'
        if measure == "avg":
            return f"round(avg({value}), 4)"
        whole = measure == "sum" and self._item.columns[name].type is not Decimal
        return f"{measure}({value}){'::bigint' if whole else ''}"

    def _empty(self, present: Collection[str]) -> str:
        """The columns of the groups that nobody asked for."""
        absent = [
            f'NULL::{_SQL_TYPES.get(column.type, "text")} AS "{name}"'
            for name, column in self._target.columns.items()
            if name not in present and name not in ("count", "group_count", "custom")
        ]
        members = ", ".join(f'{place}, found."{name}"' for place, name in self._custom)
        absent.append(f"{f'jsonb_build_object({members})' if members else 'NULL::jsonb'} AS custom")
        return "".join(f", {column}" for column in absent)


def _steps(given: Given) -> list[Mapping[str, Given]]:
    return [step for step in given if isinstance(step, dict)] if isinstance(given, list) else []


def group_columns(item: Bound, plain: Callable[[str], bool]) -> dict[str, Column]:
    """The columns of a type that its records can be grouped by as they are.

    Args:
        plain: whether a text column is short.
    """
    return {
        name: column
        for name, column in item.columns.items()
        if name not in ("id", "version")
        and column.comparable
        and column.type is not Decimal
        and not is_day_or_moment(column)
        and (column.type is not str or plain(name))
    }


def as_json(value: Any) -> Any:
    """A JSON column of a group as Python has it."""
    return orjson.loads(value) if isinstance(value, str) else value
