"""Lists as SQL: which records, in which order, which page. Every table carries its own `tenant_id = $1`.

The compiled plans and the loaders of the ordinary executor are made of the same pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenhand_schema.names import camel
from evenhand_schema.reads.arguments import Given, Leaf
from evenhand_schema.reads.filters import condition
from evenhand_schema.reads.masks import shown_table
from evenhand_schema.reads.ordering import Order, Ordering
from evenhand_schema.reads.parameters import Parameters
from evenhand_schema.reads.searching import BEST_FIRST, search_join
from evenhand_schema.reads.seen import in_tenant, seen_with
from evenhand_schema.reads.windows import Window, window_of

if TYPE_CHECKING:
    from evenhand_schema.declare import Bound, First, Many, Rows


@dataclass(frozen=True)
class Listing:
    """A list as the pieces of a statement.

    Attributes:
        row: the alias of its rows.
        members: conditions that say which records the list has.
        source: the table under the alias, as the caller sees it.
        joins: what is joined to its table.
    """

    item: Bound
    row: str
    members: tuple[str, ...]
    ordering: Ordering
    window: Window
    source: str
    joins: str = ""

    @property
    def table(self) -> str:
        """The table under its alias, with what is joined to it."""
        return self.source + self.joins

    def page(self, selected: str, parameters: Parameters, *, more: bool) -> str:
        """The statement of the page in the order it is read: backwards from the end when the window says so.

        Args:
            selected: what to select.
            more: one record more than the page has, which tells that others follow.
        """
        conditions = " AND ".join((*self.members, *self._place(parameters)))
        order = self.ordering.sql(self.row, backwards=self.window.backwards)
        limit = self.window.size + more
        return f"SELECT {selected} FROM {self.table} WHERE {conditions} ORDER BY {order} LIMIT {limit}"

    def _place(self, parameters: Parameters) -> list[str]:
        """The conditions that say where the page begins."""
        place = []
        if self.window.after is not None:
            place.append(self.ordering.beyond(self.window.after, self.row, parameters))
        if self.window.before is not None:
            place.append(self.ordering.beyond(self.window.before, self.row, parameters, backwards=True))
        return place

    def count(self) -> str:
        """The statement that counts the whole list."""
        return f"SELECT count(*) FROM {self.table} WHERE {' AND '.join(self.members)}"


def nested_list(
    item: Bound, member: Many, row: str, parent: str, given: Mapping[str, Given], parameters: Parameters
) -> Listing:
    """The list of the records that name a parent.

    Args:
        parent: the SQL of the parent's id.
    """
    is_seen = seen_with(item, member.by, member.where.get("entity"))
    members = [*in_tenant(item, row, parameters, is_seen=is_seen), f'{row}."{member.by}" = {parent}']
    members += [f"{row}.\"{column}\" = '{value}'" for column, value in member.where.items()]
    if item.archivable:
        members.append(f"{row}.archived_at IS NULL")
    for name, flag in member.flags.items():
        value = given.get(camel(name))
        if isinstance(value, Leaf):
            members.append(flag.sql(row, value, parameters))
    return Listing(
        item, row, tuple(members), item.ordering(*member.order), window_of(given), shown_table(item, row, parameters)
    )


def root_members(item: Bound, row: str, given: Mapping[str, Given], parameters: Parameters) -> list[str]:
    """The conditions that say which of all records of a type are asked for, as `filter` and `archived` say."""
    members = in_tenant(item, row, parameters)
    archived = given.get("archived")
    if item.archivable and not (isinstance(archived, Leaf) and archived.known()):
        members.append(f"{row}.archived_at IS NULL")
    for name, flag in item.flags.items():
        value = given.get(camel(name))
        if isinstance(value, Leaf):
            members.append(flag.sql(row, value, parameters))
    if given.get("filter") is not None:
        members.append(condition(given["filter"], item, row, parameters))
    return members


def root_list(item: Bound, row: str, given: Mapping[str, Given], parameters: Parameters) -> Listing:
    """The list of all records of a type, as `search`, `filter`, `orderBy` and `archived` say.

    What is searched for comes the best first, unless an ordering is asked for.
    """
    members = root_members(item, row, given, parameters)
    joins = search_join(given.get("search"), item.name, row, parameters)
    orders = orders_of(given.get("orderBy"))
    ordering = item.ordering(*orders, leading=(BEST_FIRST,) if joins and not orders else ())
    return Listing(
        item, row, tuple(members), ordering, window_of(given), shown_table(item, row, parameters), joins or ""
    )


def short_list(item: Bound, member: Rows | First, row: str, parent: str, selected: str, parameters: Parameters) -> str:
    """The statement of all rows that name a parent, at most the list's limit."""
    table = f"({member.source}) AS {row}" if member.source else shown_table(item, row, parameters)
    # A statement of its own says by `seen` what of it is seen.
    is_seen = member.source is not None or seen_with(item, member.by)
    members = in_tenant(item, row, parameters, is_seen=is_seen)
    conditions = " AND ".join([*members, f'{row}."{member.by}" = {parent}'])
    ordered = ", ".join(f'{row}."{order.column}"{" DESC" if order.descending else ""}' for order in member.order)
    return f"SELECT {selected} FROM {table} WHERE {conditions} ORDER BY {ordered} LIMIT {member.limit}"


def orders_of(given: Given) -> list[Order]:
    """What `orderBy` asks for."""
    orders: list[Order] = []
    for step in given if isinstance(given, list) else ():
        if not isinstance(step, dict):
            raise TypeError(f"{step!r} is no step of an ordering")
        column, direction = step["field"], step.get("direction")
        if isinstance(column, Leaf):
            descending = isinstance(direction, Leaf) and direction.known().value == "desc"
            orders.append(Order(column.known().value, descending))
    return orders
