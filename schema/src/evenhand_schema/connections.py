"""Pages of records, as every list of the API returns them."""

# No `from __future__ import annotations`: strawberry reads the annotations of generics when the program runs.

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry

from evenhand_schema.errors import InvalidPageSize

DEFAULT_SIZE = 50
LARGEST_SIZE = 200

T = TypeVar("T")


@strawberry.type(description="Where a page ends.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are records after this page.")
    end_cursor: str | None = strawberry.field(
        description="Send it as `after` to get the next page; null for an empty page."
    )


@strawberry.type(description="A record and its place in the list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Send it as `after` to go on behind this record.")
    node: T = strawberry.field(description="The record.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The records.")
    edges: list[Edge[T]] = strawberry.field(description="The records with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page ends and whether more follow.")


@dataclass(frozen=True)
class PlacedRecord:
    """A record and its place in the list."""

    cursor: str
    node: Any


@dataclass(frozen=True)
class Page:
    """What a `Connection` shows."""

    edges: list[PlacedRecord]
    page_info: PageInfo

    @property
    def nodes(self) -> list[Any]:
        """The records alone."""
        return [edge.node for edge in self.edges]


def page_of(records: list[Any], ordering: Any, first: int) -> Page:
    """The page of at most `first` records; one record more tells that others follow."""
    edges = [PlacedRecord(ordering.cursor(record), record) for record in records[:first]]
    end = edges[-1].cursor if edges else None
    return Page(edges, PageInfo(has_next_page=len(records) > first, end_cursor=end))


def check_size(first: int) -> int:
    """`first` itself.

    Raises:
        InvalidPageSize: it is not 1 to 200.
    """
    if not 1 <= first <= LARGEST_SIZE:
        raise InvalidPageSize(f"first: {first} is out of range.", hint=f"Ask for 1 to {LARGEST_SIZE} records.")
    return first
