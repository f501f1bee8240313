"""Documents: parse a query within limits that cost no more than reading it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, GraphQLSyntaxError, OperationDefinitionNode, parse
from graphql.validation.rules import overlapping_fields_can_be_merged

from evenhand_schema.errors import InvalidRequest
from evenhand_schema.selections import Measure, Selections

MAX_TOKENS = 10_000
MAX_DEPTH = 24
MAX_FIELDS = 10_000
"""With all fragments spread: a short query can spell out to millions of fields."""
MAX_VARIABLE_DEPTH = 32

# Compares fields of the same name in one place; the library's default takes seconds of a hostile query.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 100_000


def parse_document(text: str) -> DocumentNode:
    """Parse a query.

    Raises:
        GraphQLSyntaxError: it is no GraphQL. InvalidRequest: it is too long, too deep or too wide.
    """
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
        selections = Selections(document)
        measures = [
            selections.measure(node.selection_set)
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        ]
    except GraphQLSyntaxError as error:
        if "tokens" in error.message:
            raise InvalidRequest(
                f"The query has more than {MAX_TOKENS} tokens.", hint="Ask for less at a time."
            ) from error
        raise
    except RecursionError:
        measures = [Measure(depth=MAX_DEPTH + 1, size=0)]
    if any(measure.depth > MAX_DEPTH for measure in measures):
        raise InvalidRequest(f"The query is nested more than {MAX_DEPTH} levels deep.", hint="Ask for less at a time.")
    if any(measure.size > MAX_FIELDS for measure in measures):
        raise InvalidRequest(
            f"The query asks for more than {MAX_FIELDS} fields when its fragments are spread.",
            hint="Ask for less at a time.",
        )
    return document


def check_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables that are nested deeper than any input of ours.

    Raises:
        InvalidRequest: they are.
    """
    level: list[Any] = [variables]
    for _ in range(MAX_VARIABLE_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise InvalidRequest(
        f"The variables are nested more than {MAX_VARIABLE_DEPTH} levels deep.", hint="Send flatter values."
    )
