"""What time it is. Whatever decides by time or writes it asks here, so that a test can move it.

Columns that PostgreSQL fills, statements that say `now()` and waits keep to the real time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

ReadClock = Callable[[], datetime]
"""Gives the time, aware UTC."""


def system_clock() -> datetime:
    """The machine's time, aware UTC."""
    return datetime.now(UTC)


_read: ReadClock = system_clock


def now() -> datetime:
    """The time, aware UTC: the machine's, unless `use_clock` says otherwise."""
    return _read()


@contextmanager
def use_clock(read: ReadClock) -> Iterator[None]:
    """Ask this clock instead, in the whole process, inside the block (tests)."""
    global _read
    before, _read = _read, read
    try:
        yield
    finally:
        _read = before
