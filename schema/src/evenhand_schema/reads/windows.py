"""Which part of a list is asked for: `first` after a cursor, or `last` before one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evenhand_schema.errors import InvalidPageSize
from evenhand_schema.reads.arguments import Given, Leaf

DEFAULT_SIZE = 50
LARGEST_SIZE = 200


@dataclass(frozen=True)
class Window:
    """A page of a list.

    Attributes:
        size: how many records at most.
        backwards: whether they are the last ones of the list (before `before`).
    """

    size: int
    backwards: bool
    after: Leaf | None
    before: Leaf | None

    @property
    def starts_later(self) -> bool:
        """Whether a cursor says that records come before the page; for pages that run forwards."""
        return self.after is not None

    @property
    def ends_earlier(self) -> bool:
        """Whether a cursor says that records come after the page; for pages that run backwards."""
        return self.before is not None


def window_of(given: Mapping[str, Given]) -> Window:
    """The page that a list's arguments ask for.

    Raises:
        InvalidPageSize: a size that is not 1 to 200, or two of them.
    """
    first, last = _size("first", given.get("first")), _size("last", given.get("last"))
    if first is not None and last is not None:
        raise InvalidPageSize(
            "first and last are both given.", hint="Give first to read forwards or last to read backwards."
        )
    return Window(
        size=first or last or DEFAULT_SIZE,
        backwards=last is not None,
        after=_cursor(given.get("after")),
        before=_cursor(given.get("before")),
    )


def _size(name: str, given: Given) -> int | None:
    if not isinstance(given, Leaf):
        return None
    return check_size(name, given.known())


def check_size(name: str, size: int) -> int:
    """The size itself.

    Args:
        name: of the argument.

    Raises:
        InvalidPageSize: it is not 1 to 200.
    """
    if not 1 <= size <= LARGEST_SIZE:
        raise InvalidPageSize(f"{name}: {size} is out of range.", hint=f"Ask for 1 to {LARGEST_SIZE} records.")
    return size


def _cursor(given: Given) -> Leaf | None:
    return given if isinstance(given, Leaf) else None
