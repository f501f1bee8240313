"""Documents: parse a query within limits that cost no more than reading it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from evenhand_schema.errors import InvalidRequest

MAX_TOKENS = 10_000
MAX_DEPTH = 24
MAX_VARIABLE_DEPTH = 32


class _Depths:
    """The depth of selections; each fragment is measured once, so that the work is linear in the document."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, int] = {}

    def of(self, selections: SelectionSetNode | None) -> int:
        if selections is None:
            return 0
        deepest = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                deepest = max(deepest, 1 + self.of(node.selection_set))
            elif isinstance(node, InlineFragmentNode):
                deepest = max(deepest, self.of(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                deepest = max(deepest, self._fragment(node.name.value))
        return deepest

    def _fragment(self, name: str) -> int:
        if name not in self._known:
            # A fragment that spreads itself is refused by validation; here it only must not loop.
            self._known[name] = 0
            fragment = self._fragments.get(name)
            self._known[name] = self.of(fragment.selection_set) if fragment else 0
        return self._known[name]


def parse_document(text: str) -> DocumentNode:
    """Parse a query.

    Raises:
        GraphQLSyntaxError: it is no GraphQL. InvalidRequest: it is too long or too deep.
    """
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
        depths = _Depths(document)
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        deepest = max((depths.of(operation.selection_set) for operation in operations), default=0)
    except GraphQLSyntaxError as error:
        if "tokens" in error.message:
            raise InvalidRequest(
                f"The query has more than {MAX_TOKENS} tokens.", hint="Ask for less at a time."
            ) from error
        raise
    except RecursionError:
        deepest = MAX_DEPTH + 1
    if deepest > MAX_DEPTH:
        raise InvalidRequest(f"The query is nested more than {MAX_DEPTH} levels deep.", hint="Ask for less at a time.")
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
