"""What the running task handles: events that it emits name their cause and how deep the chain is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from evenhand.events.base import Event

_handled: ContextVar[Event | None] = ContextVar("evenhand_handled_event", default=None)


def handled_event() -> Event | None:
    """The event in whose handling the running task is."""
    return _handled.get()


@contextmanager
def handling(event: Event) -> Iterator[None]:
    """Whatever is emitted inside the block has this event as its cause."""
    token = _handled.set(event)
    try:
        yield
    finally:
        _handled.reset(token)
