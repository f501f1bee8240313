"""Pages of records, as every list of the API returns them."""

# No `from __future__ import annotations`: strawberry reads the annotations of generics when the program runs.

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry
from strawberry import Info

from evenhand_schema.reads.windows import DEFAULT_SIZE, LARGEST_SIZE, Window

T = TypeVar("T")


@strawberry.type(description="Where a page begins and ends.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether there are records after this page; for a page read backwards, whether it had a `before`."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether there are records before this page; for a page read forwards, whether it had an `after`."
    )
    start_cursor: str | None = strawberry.field(
        description="Send it as `before` to get the page before; null for an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="Send it as `after` to get the next page; null for an empty page."
    )


@strawberry.type(description="A record and its place in the list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Send it as `after` to go on behind this record.")
    node: T = strawberry.field(description="The record.")


@dataclass(frozen=True)
class PlacedRecord:
    """A record and its place in the list."""

    cursor: str
    node: Any


@dataclass(frozen=True)
class Page:
    """What a `Connection` shows.

    Attributes:
        count: counts the whole list when somebody asks.
    """

    edges: list[PlacedRecord]
    page_info: PageInfo
    count: Callable[[Info], Awaitable[int]]

    @property
    def nodes(self) -> list[Any]:
        """The records alone."""
        return [edge.node for edge in self.edges]


async def _total_count(root: Any, info: Info) -> int:
    counted: int = await root.count(info)
    return counted


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The records.")
    edges: list[Edge[T]] = strawberry.field(description="The records with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page begins and ends.")
    total_count: int = strawberry.field(
        resolver=_total_count,
        description="How many records the whole list has; they are counted only when this is asked for.",
    )


def page_of(records: Sequence[tuple[str, Any]], window: Window, count: Callable[[Info], Awaitable[int]]) -> Page:
    """The page of records in the order they were read; one record more than asked for tells that others follow.

    Args:
        records: cursor and record.
    """
    edges = [PlacedRecord(cursor, record) for cursor, record in records[: window.size]]
    more = len(records) > window.size
    if window.backwards:
        edges.reverse()
    info = PageInfo(
        has_next_page=window.ends_earlier if window.backwards else more,
        has_previous_page=more if window.backwards else window.starts_later,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Page(edges, info, count)


__all__ = ["DEFAULT_SIZE", "LARGEST_SIZE", "Connection", "Edge", "Page", "PageInfo", "PlacedRecord", "page_of"]
