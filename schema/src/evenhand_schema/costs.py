"""How many objects an operation may return, estimated from the document alone before it is executed.

Every field that leads to an object counts 1, for each object it stands in. A list of a connection counts as many
times as the connection's `first` or `last` says, a list without a size as often as `UNSIZED_LIST` says. The work is
linear in the document: each fragment is measured once. Introspection is measured by itself: the query that tools
send costs `INTROSPECTION_SHARE` of what is allowed, whatever the size of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLInt,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    parse,
)

from evenhand_schema.connections import DEFAULT_SIZE, LARGEST_SIZE

UNSIZED_LIST = 10
"""How long a list is thought to be that takes no `first`."""
INTROSPECTION_SHARE = Fraction(1, 3)
MOST = 10**15
"""Higher costs are all the same."""

_SIZES = ("first", "last")


class Cost(NamedTuple):
    """What a selection costs: `once`, and `each` for every element that the field around it says there are."""

    once: int
    each: int


_NOTHING = Cost(0, 0)


class CostModel:
    """Estimates costs against one schema."""

    def __init__(self, schema: GraphQLSchema, allowed: int) -> None:
        self.schema = schema
        self.allowed = allowed

    @cached_property
    def introspection(self) -> Fraction:
        """What an object of an introspection counts."""
        document = parse(get_introspection_query(input_value_deprecation=True))
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
        walk = _Walk(self, fragments, {}, {}, weight=Fraction(1))
        return INTROSPECTION_SHARE * self.allowed / walk.operation(operation)

    def estimate(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> tuple[int, frozenset[str]]:
        """What an operation costs, and which variables matter for it. Unknown fields and types cost nothing.

        Raises:
            RecursionError: for a document that is nested beyond any limit.
        """
        defaults = {
            node.variable.name.value: int(node.default_value.value)
            for node in operation.variable_definitions or ()
            if isinstance(node.default_value, IntValueNode)
        }
        walk = _Walk(self, fragments, variables, defaults)
        return walk.operation(operation), frozenset(walk.used)


class _Walk:
    def __init__(
        self,
        model: CostModel,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        defaults: Mapping[str, int],
        weight: Fraction | None = None,
    ) -> None:
        self._model = model
        self._schema = model.schema
        self._fragments = fragments
        self._variables = variables
        self._defaults = defaults
        self._weight = weight
        self._known: dict[str, Cost] = {}
        self.used: set[str] = set()

    def operation(self, node: OperationDefinitionNode) -> int:
        root = self._schema.get_root_type(node.operation)
        return _total(self._selections(node.selection_set, root), UNSIZED_LIST) if root else 0

    def _selections(self, selections: SelectionSetNode | None, parent: GraphQLCompositeType) -> Cost:
        once = each = 0
        spread: set[str] = set()
        for node in selections.selections if selections else ():
            found = _NOTHING
            if isinstance(node, FieldNode):
                field = self._schema.get_field(parent, node.name.value)
                found = self._field(node, field) if field else _NOTHING
            elif isinstance(node, InlineFragmentNode):
                inner = self._type(node.type_condition.name.value) if node.type_condition else parent
                found = self._selections(node.selection_set, inner) if inner else _NOTHING
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                found = self._fragment(node.name.value)
            once, each = once + found.once, each + found.each
        return Cost(min(once, MOST), min(each, MOST))

    def _fragment(self, name: str) -> Cost:
        if name not in self._known:
            # A fragment that spreads itself is refused by validation; here it only must not loop.
            self._known[name] = _NOTHING
            fragment = self._fragments.get(name)
            parent = self._type(fragment.type_condition.name.value) if fragment else None
            if fragment and parent:
                self._known[name] = self._selections(fragment.selection_set, parent)
        return self._known[name]

    def _type(self, name: str) -> GraphQLCompositeType | None:
        found = self._schema.get_type(name)
        return found if is_composite_type(found) else None

    def _field(self, node: FieldNode, field: GraphQLField) -> Cost:
        kind = get_named_type(field.type)
        if not is_composite_type(kind):
            return _NOTHING
        inner = self._selections(node.selection_set, kind)
        size = self._size(node, field)
        if node.name.value in ("__schema", "__type"):
            return self._introspection(inner)
        if not is_list_type(get_nullable_type(field.type)):
            return Cost(1 + _total(inner, UNSIZED_LIST if size is None else size), 0)
        element = 1 + _total(inner, UNSIZED_LIST)
        if kind.name == "__Type" and node.name.value == "types":
            return Cost(len(self._schema.type_map) * element, 0)
        return Cost(0, element) if size is None else Cost(size * element, 0)

    def _introspection(self, inner: Cost) -> Cost:
        weight = self._model.introspection if self._weight is None else self._weight
        return Cost(int((1 + _total(inner, UNSIZED_LIST)) * weight), 0)

    def _size(self, node: FieldNode, field: GraphQLField) -> int | None:
        """How many elements the field's list has at most; None for a field that takes no size."""
        sizes = [
            self._argument(node, name, argument)
            for name, argument in field.args.items()
            if name in _SIZES and get_named_type(argument.type) is GraphQLInt
        ]
        given = [size for size in sizes if size is not None]
        if not sizes:
            return None
        # More than this is refused by the list itself, with a better message.
        return min(max(given, default=DEFAULT_SIZE), LARGEST_SIZE)

    def _argument(self, node: FieldNode, name: str, argument: GraphQLArgument) -> int | None:
        value = next((given.value for given in node.arguments or () if given.name.value == name), None)
        if isinstance(value, IntValueNode):
            return _number(value.value)
        if isinstance(value, VariableNode):
            variable = value.name.value
            self.used.add(variable)
            given = self._variables.get(variable, self._defaults.get(variable))
            if isinstance(given, int | float):
                return _number(given)
        if argument.default is not None and isinstance(argument.default.literal, IntValueNode):
            return _number(argument.default.literal.value)
        default = argument.default.value if argument.default is not None else argument.default_value
        return default if isinstance(default, int) else None


def _total(cost: Cost, times: int) -> int:
    return min(cost.once + cost.each * times, MOST)


def _number(value: str | float) -> int:
    # Digits without end take quadratic time to read.
    if isinstance(value, str) and len(value) > 12:
        return MOST
    return max(0, int(min(float(value), float(MOST))))
