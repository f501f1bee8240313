"""The base of all events, and the shapes that many of them share. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """A frozen group of fields; what it does not know it leaves out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Shape):
    """Something that happened to one record; written in the transaction that did it.

    The fields that a type adds are the keys of its payload. Values are as JSON has them: ids, moments, days and
    amounts of money inside `before` and `after` are texts.

    Attributes:
        id: the same at every delivery; handlers are idempotent on it.
        sequence: later events of the same record have greater ones.
        payload: what this type tells, as it was written.
        user_id: who did it; None for the system.
        via: through what: "graphql", "import", "plugin:assignment", …
        cause: the event in whose handling this happened; None when it happened by itself.
        depth: how many events led here, one by the other; 0 without a cause.
    """

    id: UUID
    sequence: int = 0
    type: str
    tenant_id: UUID
    entity: str
    record_id: UUID
    payload: Mapping[str, Any] = Field(default_factory=dict)
    user_id: UUID | None = None
    via: str = "system"
    occurred_at: datetime
    cause: UUID | None = None
    depth: int = 0


class Created(Event):
    """A record was created.

    Attributes:
        after: the values it began with, without empty ones.
    """

    after: Mapping[str, Any]


class Changed(Event):
    """Fields of a record changed.

    Attributes:
        before: the old values of the fields that changed.
        after: their new values.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Updated(Changed):
    """Fields of a record were given other values."""


class Archived(Changed):
    """A record was put away."""


class Restored(Changed):
    """A record that was put away came back."""


class Holding(Shape):
    """Who holds a record: an owner or a pool, exactly one."""

    owner_id: UUID | None = None
    pool_id: UUID | None = None


__all__ = ["Archived", "Changed", "Created", "Event", "Holding", "Restored", "Shape", "Updated"]
