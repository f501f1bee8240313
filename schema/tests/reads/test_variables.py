"""What is taken without graphql-core is taken as it takes it."""

from __future__ import annotations

from typing import Any

from graphql import OperationDefinitionNode, build_schema, get_variable_values, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand_schema.reads.variables import plain_values, plain_variables

SCHEMA = build_schema("type Query { x(a: ID, b: String, c: Boolean): Int } input I { a: Int } enum E { A }")
KINDS = st.sampled_from(["ID", "String", "Int", "Boolean", "ID!", "String!", "Int!", "Boolean!"])
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.text(max_size=3) | st.integers(-(2**32), 2**32) | st.booleans() | st.floats() | st.just([])
)


def _operation(declared: str) -> OperationDefinitionNode:
    (operation,) = parse(f"query ({declared}) {{ x }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.dictionaries(st.sampled_from("abcd"), KINDS, min_size=1), st.dictionaries(st.sampled_from("abcde"), VALUES))
def test_values_are_those_of_the_library(declared: dict[str, str], given_values: dict[str, Any]) -> None:
    operation = _operation(", ".join(f"${name}: {kind}" for name, kind in declared.items()))
    variables = plain_variables(operation)
    assert variables is not None
    taken = plain_values(variables, given_values)
    coerced = get_variable_values(SCHEMA, operation.variable_definitions or (), given_values)
    if taken is not None:
        assert not isinstance(coerced, list)
        assert taken == coerced.coerced


def test_other_kinds_are_left_to_the_library() -> None:
    for declared in ("$a: I", "$a: E", "$a: [Int]", "$a: Int = 1", "$a: ID!, $b: [ID!]!"):
        assert plain_variables(_operation(declared)) is None
