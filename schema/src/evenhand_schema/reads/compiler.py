"""Compile an operation into one statement whose value is the answer.

Each object of the answer is a sub-select over its table that `row_to_json` turns into JSON; a list is such
a sub-select under `array_to_json`. Types, relations and lists come from the declarations, see `declare`. What
only Python can make is left null and listed as an `Addition`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from graphql.language import DirectiveNode

from evenhand.auth.permissions import Operation, may
from evenhand.ownership.visibility.rules import Sight
from evenhand.tenancy.context import Actor
from evenhand_schema.declare import TYPES, Bound, Computed, First, Many, One, Part, Python, Rows
from evenhand_schema.errors import to_uuid
from evenhand_schema.reads.arguments import Given, Leaf, Variables, bind_arguments, itself
from evenhand_schema.reads.grouping import grouping, measures_asked
from evenhand_schema.reads.lists import nested_list, root_list, short_list
from evenhand_schema.reads.marks import (
    MARK,
    CallerField,
    FirstField,
    GroupsField,
    NodeField,
    PluginField,
    PluginRecordsField,
    PluginTableField,
    RecordField,
    RecordsField,
    declaration_of,
    plugin_is_on,
)
from evenhand_schema.reads.masks import shown_table
from evenhand_schema.reads.pages import Page, page_sql
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.plans import HIDDEN, LIST, Addition, NotCompiled, Plan, Step
from evenhand_schema.reads.rendering import (
    Pair,
    a_list,
    an_object,
    an_only,
    columns_of,
    holds_json,
    plain_type,
    raw,
    rendered,
    text,
)
from evenhand_schema.reads.seen import in_tenant, leads_to_seen

LONGEST_KEY = 63
"""Bytes of a name in PostgreSQL."""
MOST_COLUMNS = 1_500

Path = tuple[Step, ...]
Grouped = Mapping[str, Sequence[FieldDetails]]


class _DirectiveVariables(Visitor):
    """Finds the variables that decide which fields are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


def deciding_variables(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> frozenset[str]:
    """The variables that @skip and @include of an operation read."""
    found = _DirectiveVariables()
    visit(operation, found)
    for fragment in fragments.values():
        visit(fragment, found)
    return frozenset(found.names)


class Compiler:
    """Compiles one operation for one kind of caller; used once.

    Args:
        variables: remembers what was asked about them, see `Variables`.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
        values: VariableValues,
        variables: Variables,
        actor: Actor,
        sight: Sight,
    ) -> None:
        self._schema = schema
        self._fragments = {name: FragmentDetails(node) for name, node in fragments.items()}
        self._operation = operation
        self._values = values
        self._variables = variables
        self._actor = actor
        self.parameters = Parameters(sight)
        self._rows = (f"t{number}" for number in count(1))
        self._additions: list[Addition] = []
        self._required: list[str] = []
        self._rewrite = False
        for name in sorted(deciding_variables(operation, fragments)):
            variables.ask(itself, (name,))

    def compile(self) -> Plan:
        """The plan.

        Raises:
            NotCompiled: the ordinary executor has to do it.
        """
        kind = self._schema.query_type
        if kind is None:
            raise NotCompiled("there is nothing to read")
        grouped = collect_fields(self._schema, self._fragments, self._values, kind, self._operation).grouped_field_set
        pairs = [self._root(key, kind, details) for key, details in grouped.items()]
        if pairs and sum(not addition.path for addition in self._additions) == len(pairs):
            raise NotCompiled("every field is made by Python")
        before, sql, parameters = self.parameters.only_used(*self.parameters.sighted(an_object(pairs)))
        required = tuple(dict.fromkeys(self._required))
        return Plan(sql, parameters, tuple(self._additions), self._rewrite, before, required)

    def _collect(self, kind: GraphQLObjectType, details: Sequence[FieldDetails]) -> Grouped:
        found = collect_subfields(
            self._schema, self._fragments, self._values, self._operation, kind, list(details)
        ).grouped_field_set
        if len(found) > MOST_COLUMNS:
            raise NotCompiled("an object has too many fields")
        return found

    def _bound(self, field: GraphQLField, details: Sequence[FieldDetails]) -> dict[str, Given]:
        return bind_arguments(field, details[0].node, self._variables)

    def _readable(self, type_name: str) -> Bound:
        if not may(self._actor, Operation.READ, type_name):
            # Refused for every record on its own, with the path of each.
            raise NotCompiled(f"{type_name} may not be read")
        return TYPES[type_name]

    # The fields of Query

    def _root(self, key: str, kind: GraphQLObjectType, details: Sequence[FieldDetails]) -> Pair:
        _check_key(key)
        name = details[0].node.name.value
        if name == "__typename":
            return key, text(kind.name)
        if name.startswith("__"):
            raise NotCompiled("introspection")
        field = kind.fields[name]
        given = self._bound(field, details)
        match _declared(field).metadata.get(MARK):
            case RecordField(target):
                return key, self._record(target, given["id"], field, details, (key,))
            case CallerField():
                place = self.parameters.place(lambda actor, values: actor.user_id)
                return key, self._record_at("User", place, self._object_type("User"), details, (key,))
            case NodeField():
                return key, self._node(given["id"], details, (key,))
            case RecordsField(target):
                item, row = self._readable(target), next(self._rows)
                listing = root_list(item, row, given, self.parameters)
                return key, self._page(Page(listing, self._object_of(field)), details, (key,))
            case FirstField(target, listed):
                item, row = self._readable(target), next(self._rows)
                listing = root_list(item, row, listed(given), self.parameters)
                pairs = self._object(item, self._object_of(field), details, row, (key,))
                return key, an_only(listing.page(columns_of(pairs), self.parameters, more=False))
            case PluginRecordsField(slug, target):
                item, row = self._readable(target), next(self._rows)
                self._required.append(plugin_is_on(slug))
                listing = root_list(item, row, given, self.parameters)
                return key, self._page(Page(listing, self._object_of(field)), details, (key,))
            case GroupsField(target, groups):
                return key, self._groups(target, groups, given, field, details, (key, LIST))
        self._additions.append(Addition((), key, kind, details, (), ""))
        return key, "NULL::text"

    def _id(self, given: Given) -> str:
        if not isinstance(given, Leaf):
            raise NotCompiled("an id is null")
        return self.parameters.add(given, to_uuid)

    def _record(
        self, target: str, given: Given, field: GraphQLField, details: Sequence[FieldDetails], path: Path
    ) -> str:
        return self._record_at(target, self._id(given), self._object_of(field), details, path)

    def _record_at(
        self,
        target: str,
        place: str,
        kind: GraphQLObjectType,
        details: Sequence[FieldDetails],
        path: Path,
        *,
        is_seen: bool = False,
    ) -> str:
        item, row = self._readable(target), next(self._rows)
        conditions = " AND ".join([*in_tenant(item, row, self.parameters, is_seen=is_seen), f"{row}.id = {place}"])
        pairs = self._object(item, kind, details, row, path)
        return an_object(pairs, f"FROM {shown_table(item, row, self.parameters)} WHERE {conditions}")

    def _node(self, given: Given, details: Sequence[FieldDetails], path: Path) -> str:
        place = self._id(given)
        readable = [name for name, item in TYPES.items() if item.is_node and may(self._actor, Operation.READ, name)]
        # Kinds of which more than the common fields is asked are the likely ones: they are looked for first.
        found = {name: self._collect(self._object_type(name), details) for name in readable}
        readable.sort(key=lambda name: -len(found[name]))
        records = [self._record_at(name, place, self._object_type(name), details, path) for name in readable]
        return f"coalesce({', '.join(records)})" if records else "NULL::json"

    def _groups(
        self,
        target: str,
        groups: str,
        given: dict[str, Given],
        field: GraphQLField,
        details: Sequence[FieldDetails],
        path: Path,
    ) -> str:
        item, shown, row = self._readable(target), self._object_of(field), next(self._rows)
        asked = measures_asked(self._collect, shown, details)
        found = grouping(item, TYPES[groups], given, asked, row, self.parameters)
        return a_list(found.statement, self._object(TYPES[groups], shown, details, row, path))

    # Objects

    def _object(
        self, item: Bound, kind: GraphQLObjectType, details: Sequence[FieldDetails], row: str, path: Path
    ) -> list[Pair]:
        pairs: list[Pair] = []
        for key, group in self._collect(kind, details).items():
            _check_key(key)
            name = group[0].node.name.value
            if name == "__typename":
                pairs.append((key, text(kind.name)))
            else:
                pairs += self._field(item, kind, key, group, row, path)
        return pairs

    def _field(
        self, item: Bound, kind: GraphQLObjectType, key: str, details: Sequence[FieldDetails], row: str, path: Path
    ) -> list[Pair]:
        field = kind.fields[details[0].node.name.value]
        shown = _declared(field)
        name = shown.python_name
        match item.members.get(name, shown.metadata.get(MARK)):
            case None if name in item.columns:
                column = item.columns[name]
                return [(key, self._value(item.exact.get(name, column.type), f'{row}."{name}"'))]
            case Computed() as computed:
                return [(key, self._value(plain_type(computed.type), f"({computed.sql.format(row=row)})"))]
            case One() as one:
                reference = f'{row}."{one.column}"'
                target_kind, is_seen = self._object_of(field), leads_to_seen(item, one.column)
                record = self._record_at(one.target, reference, target_kind, details, (*path, key), is_seen=is_seen)
                return [(key, record)]
            case Many() as many:
                return [(key, self._many(many, field, details, row, (*path, key)))]
            case Rows() as rows:
                target, inner = self._readable(rows.target), next(self._rows)
                pairs = self._object(target, self._object_of(field), details, inner, (*path, key, LIST))
                return [
                    (
                        key,
                        a_list(
                            lambda columns: short_list(target, rows, inner, f"{row}.id", columns, self.parameters),
                            pairs,
                        ),
                    )
                ]
            case First() as first:
                target, inner = self._readable(first.target), next(self._rows)
                pairs = self._object(target, self._object_of(field), details, inner, (*path, key))
                return [
                    (key, an_only(short_list(target, first, inner, f"{row}.id", columns_of(pairs), self.parameters)))
                ]
            case Part() as part:
                target = self._readable(part.target)
                return [(key, an_object(self._object(target, self._object_of(field), details, row, (*path, key))))]
            case PluginTableField(slug, target_name):
                target = self._readable(target_name)
                shown_object = an_object(self._object(target, self._object_of(field), details, row, (*path, key)))
                return [(key, f"CASE WHEN {plugin_is_on(slug)} THEN {shown_object} END")]
            case Python() | PluginField() as made:
                return self._addition(item, kind, key, details, row, path, made.needs)
        raise NotCompiled(f"{kind.name}.{details[0].node.name.value} has a resolver of its own")

    def _value(self, kind: Any, sql: str) -> str:
        if holds_json(kind):
            self._rewrite = True
        return rendered(kind, sql)

    def _many(self, member: Many, field: GraphQLField, details: Sequence[FieldDetails], row: str, path: Path) -> str:
        item, inner = self._readable(member.target), next(self._rows)
        given = self._bound(field, details)
        listing = nested_list(item, member, inner, f"{row}.id", given, self.parameters)
        return self._page(Page(listing, self._object_of(field)), details, path)

    def _addition(
        self,
        item: Bound,
        kind: GraphQLObjectType,
        key: str,
        details: Sequence[FieldDetails],
        row: str,
        path: Path,
        needs: Sequence[str],
    ) -> list[Pair]:
        pairs: list[Pair] = [(key, "NULL::text")]
        hidden = []
        for name in dict.fromkeys(("id", *needs)):
            column = item.columns[name]
            shown = f"{HIDDEN}{len(self._additions)}.{name}"
            pairs.append((shown, raw(column.type, f'{row}."{name}"')))
            hidden.append((shown, name, column.type))
        self._additions.append(Addition(path, key, kind, details, hidden, item.name))
        return pairs

    # Lists

    def _page(self, page: Page, details: Sequence[FieldDetails], path: Path) -> str:
        item, row = page.listing.item, page.listing.row
        node_kind = self._object_type(item.name)

        def node(group: Sequence[FieldDetails], *steps: Step) -> list[Pair]:
            return self._object(item, node_kind, group, row, (*path, *steps))

        return page_sql(page, self._collect(page.kind, details), self._collect, node, self.parameters)

    # Types

    def _object_type(self, name: str) -> GraphQLObjectType:
        found = self._schema.type_map[name]
        if not isinstance(found, GraphQLObjectType):
            raise NotCompiled(f"{name} is no object type")
        return found

    def _object_of(self, field: GraphQLField) -> GraphQLObjectType:
        return self._object_type(get_named_type(field.type).name)


def _check_key(key: str) -> None:
    if len(key) > LONGEST_KEY:
        raise NotCompiled("a name is longer than PostgreSQL's")


def _declared(field: GraphQLField) -> Any:
    found = declaration_of(field)
    if found is None:
        raise NotCompiled("a field is not declared")
    return found
