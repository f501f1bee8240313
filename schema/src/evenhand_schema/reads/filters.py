"""Filters as SQL: the condition that a filter means for a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

import strawberry

from evenhand_schema.columns import Column
from evenhand_schema.errors import InvalidFilter, to_uuid
from evenhand_schema.names import camel
from evenhand_schema.reads.arguments import Given, Leaf
from evenhand_schema.reads.custom_filters import custom_condition, escape
from evenhand_schema.reads.masks import shown_table
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.periods import days_condition, period_condition
from evenhand_schema.reads.seen import in_tenant, leads_to_seen, seen_with

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound, Many, One

_COMPARISONS = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PATTERNS = {"startsWith": ("", "%"), "contains": ("%", "%"), "endsWith": ("%", "")}
_RANGE = {"from": ">=", "to": "<"}

MAX_CONDITIONS = 1_000
"""How many comparisons a filter may make; the values of one `in` are one comparison."""
MAX_DEPTH = 5
"""How many relations a filter may follow one behind another."""
MAX_RELATIONS = 30
"""How many relations a filter may follow in all; each is a table that the database looks into."""


def condition(given: Given, item: Bound, row: str, parameters: Parameters) -> str:
    """The SQL condition of a filter as it was given.

    Raises:
        InvalidFilter: null is to be compared with, or there are too many comparisons or relations.
    """
    return _Condition(row, parameters).all_of(given, item, row, 0)


class _Condition:
    """Builds the condition of one filter."""

    def __init__(self, row: str, parameters: Parameters) -> None:
        self._root = row
        self._parameters = parameters
        self._comparisons = 0
        self._relations = 0

    def all_of(self, given: Given, item: Bound, row: str, depth: int) -> str:
        """All members hold."""
        parts: list[str] = []
        for name, value in _members(given):
            if value is None:
                raise _null(name)
            parts += self._member(name, value, item, row, depth)
        return f"({' AND '.join(parts)})" if parts else "TRUE"

    def _member(self, name: str, value: Given, item: Bound, row: str, depth: int) -> list[str]:
        again: Callable[[Given], str] = lambda one: self.all_of(one, item, row, depth)  # noqa: E731
        if name == "and":
            return [again(one) for one in _items(value)]
        if name == "or":
            either = [again(one) for one in _items(value)]
            return [f"({' OR '.join(either)})" if either else "FALSE"]
        if name == "not":
            # Of a comparison with an empty value nobody knows whether it holds; then its opposite does.
            return [f"({again(value)}) IS NOT TRUE"]
        if name == "custom":
            return [part for one in _items(value) for part in self._custom(one, item, row)]
        member = item.filter_members[name]
        if isinstance(member, Column):
            return self._comparisons_of(member, value, f'{row}."{member.name}"')
        return self._related(member, value, item, row, depth)

    def _related(self, member: One | Many, given: Given, item: Bound, row: str, depth: int) -> list[str]:
        from evenhand_schema.declare import TYPES, One

        if depth == MAX_DEPTH:
            raise InvalidFilter(
                f"The filter follows more than {MAX_DEPTH} relations one behind another.", hint="Start further in."
            )
        target = TYPES[member.target]
        self._parameters.require_read(target.name)
        if isinstance(member, One):
            inner = self._enter()
            seen_too = leads_to_seen(item, member.column)
            link = f'{inner}.id = {row}."{member.column}"'
            return [self._exists(target, inner, [link], self.all_of(given, target, inner, depth + 1), seen_too)]
        parts = []
        seen_too = seen_with(target, member.by, member.where.get("entity"))
        for quantifier, value in _members(given):
            if value is None:
                raise _null(quantifier)
            inner = self._enter()
            links = [f'{inner}."{member.by}" = {row}.id']
            links += [f"{inner}.\"{column}\" = '{constant}'" for column, constant in member.where.items()]
            if target.archivable:
                links.append(f"{inner}.archived_at IS NULL")
            fits = self.all_of(value, target, inner, depth + 1)
            fits = f"({fits}) IS NOT TRUE" if quantifier == "every" else fits
            found = self._exists(target, inner, links, fits, seen_too)
            parts.append(found if quantifier == "some" else f"NOT {found}")
        return parts

    def _enter(self) -> str:
        """The alias of one more table."""
        self._relations += 1
        if self._relations > MAX_RELATIONS:
            raise InvalidFilter(
                f"The filter follows more than {MAX_RELATIONS} relations.",
                hint="Put conditions on one relation together.",
            )
        return f"{self._root}_r{self._relations}"

    def _exists(self, target: Bound, row: str, links: list[str], fits: str, is_seen: bool) -> str:
        conditions = " AND ".join([*in_tenant(target, row, self._parameters, is_seen=is_seen), *links, fits])
        return f"EXISTS (SELECT 1 FROM {shown_table(target, row, self._parameters)} WHERE {conditions})"

    def _count(self) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_CONDITIONS:
            raise InvalidFilter(
                f"The filter makes more than {MAX_CONDITIONS} comparisons.",
                hint="Compare with several values at once by `in`, or ask in several requests.",
            )

    def _custom(self, given: Given, item: Bound, row: str) -> list[str]:
        if not isinstance(given, dict) or not isinstance(key := given["key"], Leaf) or item.model is None:
            raise TypeError(f"{given!r} is no comparison with a custom field")
        parts = []
        for operator, value in given.items():
            if operator != "key":
                self._count()
                table = item.model._meta.db_table
                parts.append(
                    custom_condition(
                        operator, key, value, entity=item.name, table=table, row=row, parameters=self._parameters
                    )
                )
        return parts

    def _comparisons_of(self, column: Column, given: Given, name: str) -> list[str]:
        parts: list[str] = []
        for operator, value in _members(given):
            self._count()
            if operator == "range" and value is not None:
                for end, limit in _members(value):
                    if not isinstance(limit, Leaf):
                        raise _null(f"{camel(column.name)}.range.{end}")
                    parts.append(f"{name} {_RANGE[end]} {self._parameters.add(limit, partial(_value, column))}")
            elif isinstance(value, Leaf):
                parts.append(self._comparison(column, operator, value, name))
            else:
                raise _null(f"{camel(column.name)}.{operator}")
        return parts

    def _comparison(self, column: Column, operator: str, given: Leaf, name: str) -> str:
        one = partial(_value, column)
        if operator == "isNull":
            return f"{name} IS {'' if given.known() else 'NOT '}NULL"
        if operator in ("in", "notIn"):
            among = f"{name} = ANY({self._parameters.add(given, lambda values: [one(value) for value in values])})"
            return among if operator == "in" else f"({among}) IS NOT TRUE"
        if operator == "neq":
            return f"({name} = {self._parameters.add(given, one)}) IS NOT TRUE"
        if operator in _COMPARISONS:
            return f"{name} {_COMPARISONS[operator]} {self._parameters.add(given, one)}"
        moments = column.type is datetime
        if operator == "within":
            period = given.known()
            return period_condition(
                name, getattr(period, "value", period), moments=moments, parameters=self._parameters
            )
        if operator in ("lastDays", "nextDays"):
            back = operator == "lastDays"
            return days_condition(name, given, back=back, moments=moments, parameters=self._parameters)
        before, after = _PATTERNS[operator]
        return f"{name} ILIKE {self._parameters.add(given, lambda value: before + escape(one(value)) + after)}"


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
