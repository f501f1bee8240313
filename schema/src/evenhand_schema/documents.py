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
    OperationDefinitionNode,
    parse,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged

from evenhand_schema.errors import InvalidRequest
from evenhand_schema.selections import Measure, Selections

MAX_TOKENS = 10_000
MAX_DEPTH = 24
MAX_FIELDS = 10_000
"""With all fragments spread: a short query can spell out to millions of fields."""
KEPT_DOCUMENTS = 1_000
KEPT_CHARACTERS = 1_000_000

# Compares fields of the same name in one place; the library's default takes seconds of a hostile query.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 100_000


@dataclass(frozen=True, eq=False)
class Document:
    """One query text, parsed and validated.

    Attributes:
        errors: what validation found; such a document must not be executed.
        operations: by name; None is the name of one without a name.
        fragments: by name.
        plans: for executors to keep what they work out of this document; it lives as long as the document does.
    """

    text: str
    ast: DocumentNode
    errors: tuple[GraphQLError, ...]
    operations: Mapping[str | None, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    plans: dict[Any, Any] = field(default_factory=dict, repr=False)

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
        most: how many are kept.
        most_characters: how many characters the kept texts have together.
    """

    def __init__(
        self, schema: GraphQLSchema, *, most: int = KEPT_DOCUMENTS, most_characters: int = KEPT_CHARACTERS
    ) -> None:
        self._schema = schema
        self._most = most
        self._most_characters = most_characters
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str) -> Document:
        """The document of a query text; the one used longest ago gives way to a new one.

        Raises:
            GraphQLSyntaxError: it is no GraphQL. InvalidRequest: it is beyond a limit.
        """
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        made = self._read(text)
        self._keep(made)
        return made

    def _read(self, text: str) -> Document:
        ast = parse_document(text)
        definitions = ast.definitions
        return Document(
            text=text,
            ast=ast,
            errors=tuple(validate(self._schema, ast)),
            operations={
                node.name.value if node.name else None: node
                for node in definitions
                if isinstance(node, OperationDefinitionNode)
            },
            fragments={node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)},
        )

    def _keep(self, document: Document) -> None:
        size = len(document.text)
        if size > self._most_characters or not self._most:
            return
        self._kept[document.text] = document
        self._characters += size
        while len(self._kept) > self._most or self._characters > self._most_characters:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)


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
