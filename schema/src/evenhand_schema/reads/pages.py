"""The SQL of a page of a list, with only what is asked for: nodes, edges, cursors, counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from graphql import GraphQLObjectType, get_named_type
from graphql.execution.collect_fields import FieldDetails

from evenhand_schema.reads.lists import Listing
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.plans import LIST, NotCompiled, Step
from evenhand_schema.reads.rendering import Pair, a_list, an_object, columns_of, text

Grouped = Mapping[str, Sequence[FieldDetails]]
Collect = Callable[[GraphQLObjectType, Sequence[FieldDetails]], Grouped]


class Node(Protocol):
    """Makes the columns of the list's records for the fields asked of them."""

    def __call__(self, group: Sequence[FieldDetails], *steps: Step) -> list[Pair]: ...


@dataclass(frozen=True)
class Page:
    """A list and its connection type."""

    listing: Listing
    kind: GraphQLObjectType


class _Builder:
    """Collects what the rows of the page must carry, and what is made of them."""

    def __init__(self, page: Page, collect: Collect, node: Node, parameters: Parameters) -> None:
        self.listing = page.listing
        self.kind = page.kind
        self._collect = collect
        self._node = node
        self._parameters = parameters
        self.carried: list[Pair] = []
        self.lists: list[tuple[str, list[Pair]]] = []
        self.ends: set[str] = set()
        self.more = False
        self.out: list[tuple[str, Callable[[], str]]] = []
        self._plain: str | None = None

    def add(self, key: str, group: Sequence[FieldDetails]) -> None:
        """Take one field of the connection."""
        match group[0].node.name.value:
            case "__typename":
                self.out.append((key, lambda: text(self.kind.name)))
            case "nodes":
                self._list(key, self._node(group, key, LIST))
            case "edges":
                self._list(key, self._edge(key, group))
            case "pageInfo":
                self._page_info(key, group)
            case "totalCount":
                self.out.append((key, lambda: f"({self.listing.count()})"))
            case name:
                raise NotCompiled(f"{self.kind.name}.{name} is not a field of lists")

    def _list(self, key: str, pairs: list[Pair]) -> None:
        carried = f"r{len(self.lists)}"
        self.lists.append((carried, pairs))
        self.out.append((key, lambda: self._plain or f"a.{carried}"))

    def _edge(self, key: str, group: Sequence[FieldDetails]) -> list[Pair]:
        kind = _object(self.kind, "edges")
        pairs: list[Pair] = []
        for inner, details in self._collect(kind, group).items():
            match details[0].node.name.value:
                case "__typename":
                    pairs.append((inner, text(kind.name)))
                case "cursor":
                    pairs.append((inner, self.listing.ordering.cursor_of(self.listing.row)))
                case "node":
                    pairs.append((inner, an_object(self._node(details, key, LIST, inner))))
        return pairs

    def _page_info(self, key: str, group: Sequence[FieldDetails]) -> None:
        kind = _object(self.kind, "pageInfo")
        window = self.listing.window
        pairs: list[tuple[str, Callable[[], str]]] = []
        for inner, details in self._collect(kind, group).items():
            match details[0].node.name.value:
                case "__typename":
                    pairs.append((inner, lambda: text(kind.name)))
                case "hasNextPage":
                    pairs.append((inner, self._beyond() if not window.backwards else _constant(window.ends_earlier)))
                case "hasPreviousPage":
                    pairs.append((inner, self._beyond() if window.backwards else _constant(window.starts_later)))
                case "startCursor":
                    self.ends.add("start")
                    pairs.append((inner, lambda: self._end(first=not window.backwards)))
                case "endCursor":
                    self.ends.add("end")
                    pairs.append((inner, lambda: self._end(first=window.backwards)))
        self.out.append((key, lambda: an_object([(inner, sql()) for inner, sql in pairs])))

    def _beyond(self) -> Callable[[], str]:
        self.more = True
        return lambda: f"a.n > {self.listing.window.size}"

    def _end(self, *, first: bool) -> str:
        """The cursor of the first or the last record in the order of reading."""
        values = [f"a.{'f' if first else 'l'}{index}" for index in range(len(self.listing.ordering.terms))]
        return f"CASE WHEN a.n > 0 THEN {self.listing.ordering.cursor_sql(values)} END"

    def _aggregated(self) -> list[Pair]:
        """What is made of the rows `p` of the page, numbered by `p.i` in the order of reading."""
        window = self.listing.window
        order = " ORDER BY p.i DESC" if window.backwards else ""
        only = f" FILTER (WHERE p.i <= {window.size})" if self.more else ""
        columns = [
            (carried, f"coalesce(array_to_json(array_agg(p.{carried}{order}){only}), '[]'::json)")
            for carried, _ in self.lists
        ]
        columns.append(("n", "count(*)"))
        if self.ends:
            last = f"least(count(*), {window.size})::int"
            # Said whenever another aggregate is ordered: the database would hand all of them its rows.
            reading = " ORDER BY p.i" if window.backwards else ""
            for index in range(len(self.listing.ordering.terms)):
                columns.append((f"f{index}", f"(array_agg(p.o{index}{reading}))[1]"))
                columns.append((f"l{index}", f"(array_agg(p.o{index}{reading}))[{last}]"))
        return columns

    def sql(self) -> str:
        """The connection's object."""
        listing = self.listing
        placed = listing.window.after is not None or listing.window.before is not None
        if not self.lists and not self.more and not self.ends and not placed:
            return self._out("")
        if len(self.lists) == 1 and not self.more and not self.ends and not listing.window.backwards:
            _, pairs = self.lists[0]
            # Nothing but the records: no need to carry them through a second statement.
            self._plain = a_list(lambda columns: listing.page(columns, self._parameters, more=False), pairs)
            return self._out("")
        selected = [(carried, an_object(pairs)) for carried, pairs in self.lists]
        if self.ends:
            terms = enumerate(listing.ordering.terms)
            selected += [(f"o{index}", term.value(listing.row)) for index, term in terms]
        page = listing.page(columns_of(selected), self._parameters, more=self.more)
        numbered = f"(SELECT q.*, row_number() OVER () AS i FROM ({page}) AS q) AS p"
        return self._out(f"FROM (SELECT {columns_of(self._aggregated())} FROM {numbered}) AS a")

    def _out(self, source: str) -> str:
        return an_object([(key, sql()) for key, sql in self.out], source)


def _constant(value: bool) -> Callable[[], str]:
    return lambda: "true" if value else "false"


def _object(kind: GraphQLObjectType, field: str) -> GraphQLObjectType:
    found = get_named_type(kind.fields[field].type)
    if not isinstance(found, GraphQLObjectType):
        raise NotCompiled(f"{found} is no object type")
    return found


def page_sql(page: Page, grouped: Grouped, collect: Collect, node: Node, parameters: Parameters) -> str:
    """The object of a connection.

    Args:
        grouped: the fields asked of it, by their keys.
        collect: groups the fields asked of an object.
        node: makes the columns of its records.
    """
    builder = _Builder(page, collect, node, parameters)
    for key, group in grouped.items():
        builder.add(key, group)
    return builder.sql()
