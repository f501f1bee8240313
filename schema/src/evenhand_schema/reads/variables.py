"""The variables of a request, without graphql-core's long way where there is nothing to convert."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import NamedTypeNode, NonNullTypeNode, OperationDefinitionNode, VariableDefinitionNode

_LARGEST = 2**31

_TAKEN: Mapping[str, Callable[[Any], bool]] = {
    "ID": lambda value: type(value) is str,
    "String": lambda value: type(value) is str,
    "Boolean": lambda value: type(value) is bool,
    "Int": lambda value: type(value) is int and -_LARGEST <= value < _LARGEST,
}
"""Values that are what they are sent as, by the names of their types."""

Plain = Sequence[tuple[str, bool, Callable[[Any], bool]]]


def plain_variables(operation: OperationDefinitionNode) -> Plain | None:
    """Name, whether it is required, and a test of the value for each variable; None when one is of another kind."""
    found = [_plain(node) for node in operation.variable_definitions or ()]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


def _plain(node: VariableDefinitionNode) -> tuple[str, bool, Callable[[Any], bool]] | None:
    kind = node.type
    required = isinstance(kind, NonNullTypeNode)
    if isinstance(kind, NonNullTypeNode):
        kind = kind.type
    if node.default_value is not None or not isinstance(kind, NamedTypeNode) or kind.name.value not in _TAKEN:
        return None
    return node.variable.name.value, required, _TAKEN[kind.name.value]


def plain_values(variables: Plain, raw_values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values as graphql-core coerces them; None when it has to look at them itself."""
    values: dict[str, Any] = {}
    for name, required, taken in variables:
        if name not in raw_values:
            if required:
                return None
            continue
        value = raw_values[name]
        if value is None:
            if required:
                return None
        elif not taken(value):
            return None
        values[name] = value
    return values
