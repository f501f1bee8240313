"""Measures of what a query selects, with its fragments spread; the work is linear in the document."""

from __future__ import annotations

from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)


class Measure(NamedTuple):
    """The shape of a selection.

    Attributes:
        depth: how deep fields are nested.
        size: how many fields there are.
        aliases: how many of them have an alias.
        width: how many of them are at the outermost level.
    """

    depth: int
    size: int
    aliases: int = 0
    width: int = 0


_NOTHING = Measure(0, 0)


class Selections:
    """Measures selections of one document; each fragment is measured once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Measure] = {}

    def measure(self, selections: SelectionSetNode | None) -> Measure:
        """The measure of a selection set."""
        if selections is None:
            return _NOTHING
        depth = size = aliases = width = 0
        spread: set[str] = set()
        for node in selections.selections:
            found = _NOTHING
            if isinstance(node, FieldNode):
                inner = self.measure(node.selection_set)
                found = Measure(inner.depth + 1, inner.size + 1, inner.aliases + (node.alias is not None), 1)
            elif isinstance(node, InlineFragmentNode):
                found = self.measure(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                # The same fragment twice in one place selects nothing more.
                spread.add(node.name.value)
                found = self._fragment(node.name.value)
            depth = max(depth, found.depth)
            size += found.size
            aliases += found.aliases
            width += found.width
        return Measure(depth, size, aliases, width)

    def _fragment(self, name: str) -> Measure:
        if name not in self._known:
            # A fragment that spreads itself is refused by validation; here it only must not loop.
            self._known[name] = _NOTHING
            fragment = self._fragments.get(name)
            self._known[name] = self.measure(fragment.selection_set) if fragment else _NOTHING
        return self._known[name]
