"""Events of hand-overs; their record is the plan. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from evenhand.events.base import Event


class HandoverExecuted(Event):
    """A user's book was handed over.

    Attributes:
        moved: how many records changed hands, by entity.
        stale: how many had changed hands before, and were left alone.
        tasks: how many open tasks and tickets went along, or to a superior.
        receiver_ids: the users who got records.
        override_reason: why limits were passed over.
    """

    from_user_id: UUID
    moved: Mapping[str, int]
    stale: int
    tasks: int
    receiver_ids: Sequence[UUID]
    override_reason: str | None = None
    note: str | None = None


class HandoverUndone(Event):
    """A hand-over was undone.

    Attributes:
        returned: how many records went back, by entity.
        kept: how many had changed hands since, and were left alone.
        tasks: how many open tasks and tickets went back.
    """

    from_user_id: UUID
    returned: Mapping[str, int]
    kept: int
    tasks: int


__all__ = ["HandoverExecuted", "HandoverUndone"]
