"""Documents: the queries that clients send, read and checked once and kept for the next time.

A query is parsed, held against the limits and validated when it is seen first. What is kept is bounded by
number and by size; what is refused is not kept at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

from evenhand_schema.costs import CostModel
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.limits import Limits, QueryTooExpensive, too_complex
from evenhand_schema.selections import Selections

KEPT_COSTS = 100
"""Per operation, by the variables that matter."""

# Compares fields of the same name in one place; the library's default takes seconds of a hostile query.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 50_000


@dataclass(frozen=True, eq=False)
class Document:
    """One query text, parsed and validated.

    Attributes:
        errors: what validation found; such a document must not be executed.
        operations: by name; None is the name of one without a name.
        fragments: by name.
        costs: estimates what its operations cost.
        plans: for executors to keep what they work out of this document; it lives as long as the document does.
    """

    text: str
    ast: DocumentNode
    errors: tuple[GraphQLError, ...]
    operations: Mapping[str | None, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    costs: CostModel = field(repr=False)
    plans: dict[Any, Any] = field(default_factory=dict, repr=False)
    _known_costs: dict[Any, Any] = field(default_factory=dict, repr=False)

    def operation(self, name: str | None = None) -> OperationDefinitionNode:
        """The operation that a request means.

        Args:
            name: the request's `operationName`; None when there is none, which is enough for a single operation.

        Raises:
            InvalidRequest: there is none of this name, or several to choose from.
        """
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        found = self.operations.get(name) if name is not None else None
        if found is None:
            raise _unclear(name, self.operations)
        return found

    def cost(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """How many objects an operation may return; worked out once for the same values of the variables that matter.

        Args:
            operation: one of this document's own.
            variables: as the client sent them.
        """
        name = operation.name.value if operation.name else None
        matter: tuple[str, ...] | None = self._known_costs.get(name)
        if matter is not None:
            found = self._known_costs.get((name, *[_key(variables.get(one)) for one in matter]))
            if found is not None:
                return int(found)
        cost, used = self.costs.estimate(operation, self.fragments, variables)
        matter = tuple(sorted(used))
        if len(self._known_costs) > KEPT_COSTS:
            self._known_costs.clear()
        self._known_costs[name] = matter
        self._known_costs[(name, *[_key(variables.get(one)) for one in matter])] = cost
        return cost

    def check_cost(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """The cost of an operation, see `cost`.

        Raises:
            QueryTooExpensive: it is more than is allowed.
        """
        cost = self.cost(operation, variables)
        if cost > self.costs.allowed:
            raise QueryTooExpensive(
                f"The query may return {cost:,} objects; {self.costs.allowed:,} are allowed.",
                hint="Lower `first`, nest fewer lists, or ask for the inner ones later.",
                cost=cost,
                allowed=self.costs.allowed,
            )
        return cost


def _key(value: Any) -> Any:
    """A variable as part of a key; what is no number costs as if it was not given."""
    return value if isinstance(value, int | float) else None


def _unclear(name: str | None, known: Iterable[str | None]) -> InvalidRequest:
    names = [f'"{one}"' for one in known if one is not None][:10]
    choice = f" It has: {', '.join(names)}." if names else ""
    if name is not None:
        message = f'It is not clear which operation is meant: the document has none named "{name[:100]}".{choice}'
    elif names:
        message = f"It is not clear which operation is meant.{choice}"
    else:
        message = "It is not clear which operation is meant: the document has none."
    return InvalidRequest(message, hint='Send one operation, or its name under "operationName".')


class Documents:
    """The documents of one schema: each text is read and checked once while it is kept.

    Args:
        schema: what they are validated against.
        limits: what they may ask for, and how many are kept.
        introspection: whether they may ask for the schema itself.
        suggestions: whether errors suggest names that are alike.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits | None = None,
        *,
        introspection: bool = True,
        suggestions: bool = True,
    ) -> None:
        self.limits = limits or Limits()
        self.hits = self.misses = 0
        self._schema = schema
        self._costs = CostModel(schema, self.limits.cost)
        self._suggestions = suggestions
        self._rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str) -> Document:
        """The document of a query text; the one used longest ago gives way to a new one.

        Raises:
            GraphQLSyntaxError: it is no GraphQL. QueryTooComplex: it is beyond a limit on its shape.
        """
        found = self._kept.get(text)
        if found is not None:
            self.hits += 1
            self._kept.move_to_end(text)
            return found
        self.misses += 1
        made = self._read(text)
        self._keep(made)
        return made

    def _read(self, text: str) -> Document:
        ast = parse_document(text, self.limits)
        errors = validate(self._schema, ast, self._rules, hide_suggestions=not self._suggestions)
        return Document(
            text=text,
            ast=ast,
            errors=tuple(errors),
            operations={
                node.name.value if node.name else None: node
                for node in ast.definitions
                if isinstance(node, OperationDefinitionNode)
            },
            fragments={node.name.value: node for node in ast.definitions if isinstance(node, FragmentDefinitionNode)},
            costs=self._costs,
        )

    def _keep(self, document: Document) -> None:
        size = len(document.text)
        aborted = any(isinstance(error, ValidationAbortedError) for error in document.errors)
        if aborted or size > self.limits.document_characters:
            return
        self._kept[document.text] = document
        self._characters += size
        while len(self._kept) > self.limits.documents or self._characters > self.limits.document_characters:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)


def parse_document(text: str, limits: Limits) -> DocumentNode:
    """Parse a query and hold the shape of its operations against the limits; linear in its size.

    Raises:
        GraphQLSyntaxError: it is no GraphQL. QueryTooComplex: it is beyond a limit.
    """
    try:
        document = parse(text, max_tokens=limits.tokens)
        selections = Selections(document)
        measures = [
            selections.measure(node.selection_set)
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        ]
    except GraphQLSyntaxError as error:
        if "tokens" in error.message:
            raise too_complex("tokens", None, limits.tokens, "has {found} tokens") from error
        if "nested too deeply" in error.message:
            raise too_complex("depth", None, limits.depth, "is nested {found} levels deep") from error
        raise
    except RecursionError as error:
        raise too_complex("depth", None, limits.depth, "is nested {found} levels deep") from error
    for measure in measures:
        limits.check(measure)
    return document
