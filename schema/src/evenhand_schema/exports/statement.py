"""The statement of an export: the list that a query would show, all of it, with a column for each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLSchema, OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values

from evenhand.entities import CustomField
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.ownership.visibility.rules import Sight
from evenhand.tenancy.context import Actor
from evenhand_schema.declare import TYPES, Bound, One
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.exports.headers import header
from evenhand_schema.names import plural
from evenhand_schema.reads.arguments import Given, Variables, bind_arguments
from evenhand_schema.reads.lists import root_list
from evenhand_schema.reads.masks import shown_table
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.seen import in_tenant

EXPORTED = ("Account", "Contact", "Lead", "Opportunity", "Order", "Payment", "Activity", "Task", "Ticket")
"""Entities that can be exported."""
CHOOSING = ("search", "filter", "orderBy", "archived")
"""Arguments of lists that an export takes, too."""
_CHANNELS = ("email", "phone", "wechat")
_ROW = "t"


@dataclass(frozen=True)
class Statement:
    """What to execute, and what its columns are called."""

    sql: str
    parameters: Sequence[Any]
    headers: Sequence[str]


def given_arguments(schema: GraphQLSchema, kind: Entity, values: Mapping[str, Any]) -> tuple[dict[str, Given], Any]:
    """The arguments of the entity's list, checked as those of a query are. Returns: them, and their values.

    Raises:
        InvalidRequest: one that the list does not take.
    """
    name = plural(kind.name)
    name = name[0].lower() + name[1:]
    query = schema.query_type
    if query is None:
        raise TypeError("the schema has no queries")
    field = query.fields[name]
    declared = ", ".join(f"${one}: {field.args[one].type}" for one in values)
    passed = ", ".join(f"{one}: ${one}" for one in values)
    text = f"query ({declared}) {{ {name}({passed}) {{ __typename }} }}" if values else f"{{ {name} {{ __typename }} }}"
    (operation,) = parse(text).definitions
    if not isinstance(operation, OperationDefinitionNode):
        raise TypeError("an export reads")
    coerced = get_variable_values(schema, operation.variable_definitions or (), dict(values))
    if isinstance(coerced, list):
        raise InvalidRequest(coerced[0].message, hint=f"Write it as the list {name} of the API takes it.")
    (node,) = operation.selection_set.selections
    if not isinstance(node, FieldNode):
        raise TypeError("an export reads one list")
    return bind_arguments(field, node, Variables(coerced.coerced)), coerced.coerced


class _Columns:
    """Collects the columns of an export."""

    def __init__(self, parameters: Parameters, language: str) -> None:
        self._parameters = parameters
        self._language = language
        self.sql: list[str] = []
        self.headers: list[str] = []

    def add(self, name: str, sql: str) -> None:
        """A column of this name."""
        self.sql.append(f'{sql} AS "c{len(self.sql)}"')
        self.headers.append(header(name, self._language))

    def add_all(self, item: Bound, fields: Sequence[CustomField]) -> None:
        """Every value of the records: plain columns, what references are called, ways to reach, custom fields."""
        references = {one.column: (name, one) for name, one in item.members.items() if isinstance(one, One)}
        for name in item.columns:
            if name in ("custom", "version"):
                continue
            if name in references:
                key, one = references[name]
                if one.target in ENTITIES:
                    self.add(key, self._title(one, name))
                continue
            self.add(name, f'{_ROW}."{name}"')
        if item.name == "Contact":
            for kind in _CHANNELS:
                self.add(kind, self._channels(kind))
        for field in fields:
            self.sql.append(f'{_ROW}.custom ->> {self._parameters.add(field.key)}::text AS "c{len(self.sql)}"')
            self.headers.append(field.titles.get(self._language) or field.key)

    def _title(self, one: One, column: str) -> str:
        """What the record that a reference names is called; nothing when the caller does not see it."""
        target, inner = TYPES[one.target], f"r{len(self.sql)}"
        conditions = " AND ".join(in_tenant(target, inner, self._parameters))
        return (
            f'(SELECT {inner}."{ENTITIES[one.target].title}" FROM {shown_table(target, inner, self._parameters)} '
            f'WHERE {conditions} AND {inner}.id = {_ROW}."{column}")'
        )

    def _channels(self, kind: str) -> str:
        inner = f"r{len(self.sql)}"
        return (
            f"(SELECT string_agg({inner}.value, '; ' ORDER BY {inner}.is_primary DESC, {inner}.id) "
            f"FROM {shown_table(TYPES['ContactChannel'], inner, self._parameters)} "
            f"WHERE {inner}.tenant_id = $1 AND {inner}.contact_id = {_ROW}.id AND {inner}.kind = '{kind}')"
        )


async def statement_of(
    schema: GraphQLSchema, kind: Entity, values: Mapping[str, Any], sight: Sight, actor: Actor, language: str
) -> Statement:
    """The statement of an export for the current actor.

    Args:
        values: some of `CHOOSING`, as JSON has them.
        sight: what the actor sees.
    """
    item = TYPES[kind.name]
    given, coerced = given_arguments(schema, kind, values)
    parameters = Parameters(sight)
    listing = root_list(item, _ROW, given, parameters)
    columns = _Columns(parameters, language)
    columns.add_all(item, await CustomField.filter(entity=kind.name, archived_at=None).order_by("created_at", "id"))
    order = listing.ordering.sql(_ROW)
    sql = f"SELECT {', '.join(columns.sql)} FROM {listing.table} WHERE {' AND '.join(listing.members)} ORDER BY {order}"
    before, used, kept = parameters.only_used(*parameters.sighted(sql))
    return Statement(before + used, kept.values(actor, coerced), columns.headers)


__all__ = ["CHOOSING", "EXPORTED", "Statement", "statement_of"]
