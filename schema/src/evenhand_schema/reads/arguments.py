"""Arguments of fields, bound to the variables they come from.

The same query text serves many requests. What a statement's text depends on ("is there a filter on the
tier?") must be told from what only fills its parameters ("which tier?"). So arguments are kept as `Leaf`s
that know where their value comes from, and `Variables` remembers what was asked about the values: a
statement made once serves every request in which the answers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Union

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    value_from_ast,
)

Path = tuple[str | int, ...]
Values = Mapping[str, Any]
Question = tuple[Callable[[Any], Any], Path]
Given = Union["Leaf", dict[str, "Given"], list["Given"], None]
"""One argument: a value, an input object, a list of input objects, or null."""


def itself(value: Any) -> Any:
    """The question for the whole value."""
    return value


def _shape(value: Any) -> Any:
    """What the structure of an input depends on: what is there, null, and how many."""
    if isinstance(value, dict):
        return tuple(value)
    if isinstance(value, list):
        return len(value)
    return "null" if value is None else "absent" if value is Undefined else "value"


def _presence(value: Any) -> str:
    return "null" if value is None else "absent" if value is Undefined else "value"


def _walk(values: Values, path: Path) -> Any:
    found: Any = values.get(str(path[0]), Undefined)
    for key in path[1:]:
        found = found[key]
    return found


def answer(question: Question, values: Values) -> Any:
    """What these variables answer to a question that was asked about others.

    Raises:
        LookupError, TypeError: they are built so differently that it cannot be asked.
    """
    ask, path = question
    return ask(_walk(values, path))


class Variables:
    """The coerced variables of one request, and what was asked about them."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.asked: dict[Question, Any] = {}

    def ask(self, question: Callable[[Any], Any], path: Path) -> Any:
        """Ask about the value at `path`; the answer is what the statement's text may depend on.

        Args:
            question: a function of the value that is always the same object.
        """
        found = self.asked[(question, path)] = question(_walk(self.values, path))
        return found


class Leaf:
    """A value that is no input object: a constant of the query, or from its variables."""

    __slots__ = ("_get", "_path", "_variables")

    def __init__(self, variables: Variables, get: Callable[[Values], Any], path: Path | None) -> None:
        self._variables = variables
        self._get = get
        self._path = path

    def get(self, values: Values) -> Any:
        """The value with these variables."""
        return self._get(values)

    def known(self) -> Any:
        """The value, for what the statement's text depends on."""
        return self.ask(itself)

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """What the statement's text may know of the value, see `Variables.ask`."""
        if self._path is None:
            return question(self._get(self._variables.values))
        return self._variables.ask(question, self._path)


def constant(value: Any) -> Leaf:
    """A value that no variable changes."""
    return Leaf(Variables({}), lambda values: value, None)


def bind_arguments(field: GraphQLField, node: FieldNode, variables: Variables) -> dict[str, Given]:
    """The arguments of a field by their names in the API; those left out and without default are missing."""
    written = {argument.name.value: argument.value for argument in node.arguments or ()}
    given: dict[str, Given] = {}
    for name, argument in field.args.items():
        bound: Any = Undefined
        if name in written:
            bound = _bind(argument.type, written[name], variables)
        if bound is Undefined and argument.default_value is not Undefined:
            bound = None if argument.default_value is None else constant(argument.default_value)
        if bound is not Undefined:
            given[name] = bound
    return given


def _bind(kind: GraphQLInputType, node: ValueNode, variables: Variables) -> Any:
    if isinstance(node, VariableNode):
        path: Path = (node.name.value,)
        if variables.ask(_presence, path) == "absent":
            return Undefined
        return _wrap(kind, variables.values[node.name.value], path, variables)
    if isinstance(node, NullValueNode):
        return None
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        return _leaf(kind, node, variables)
    if isinstance(kind, GraphQLList):
        items = node.values or () if isinstance(node, ListValueNode) else [node]
        return [_bind(kind.of_type, item, variables) for item in items]
    if not isinstance(node, ObjectValueNode):
        raise TypeError(f"{named.name} is written as {node.kind}")
    written = {member.name.value: member.value for member in node.fields or ()}
    bound: dict[str, Any] = {}
    for name, member in named.fields.items():
        value = _bind(member.type, written[name], variables) if name in written else Undefined
        if value is Undefined and member.default_value is not Undefined:
            value = None if member.default_value is None else constant(member.default_value)
        if value is not Undefined:
            bound[name] = value
    return bound


def _leaf(kind: GraphQLInputType, node: ValueNode, variables: Variables) -> Leaf:
    names = sorted(set(_variables_in(node)))
    if not names:
        value = value_from_ast(node, kind)
        return Leaf(variables, lambda values: value, None)
    # A list with variables among its members: its text is the same whatever they are.
    return Leaf(variables, lambda values: value_from_ast(node, kind, dict(values)), None)


def _variables_in(node: ValueNode) -> Iterator[str]:
    if isinstance(node, VariableNode):
        yield node.name.value
    elif isinstance(node, ListValueNode):
        for item in node.values or ():
            yield from _variables_in(item)


def _wrap(kind: GraphQLInputType, value: Any, path: Path, variables: Variables) -> Any:
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        if variables.ask(_presence, path) == "null":
            return None
        return Leaf(variables, lambda values: _walk(values, path), path)
    variables.ask(_shape, path)
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        return [_wrap(kind.of_type, item, (*path, index), variables) for index, item in enumerate(value)]
    return {name: _wrap(named.fields[name].type, member, (*path, name), variables) for name, member in value.items()}
