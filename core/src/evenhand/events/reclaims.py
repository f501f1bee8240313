"""Events about records that go back to a pool by themselves. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from evenhand.events.base import Event


class _Reclaim(Event):
    """A record that somebody holds, and why it goes back.

    Attributes:
        owner_id: who holds it, or held it until then.
        pool_id: the pool into which it goes.
        rule_id: the pool's rule that says so.
        rule: the rule's name.
        clock: which clock runs out: "protection", "idle", "stage", "deal", "maximum", "protected" or "extended".
        due_at: when it runs out.
        explanation: why, by language: "en" and "zh".
    """

    owner_id: UUID
    pool_id: UUID
    rule_id: UUID
    rule: str
    clock: str
    due_at: datetime
    explanation: Mapping[str, str]


class RecordReclaimed(_Reclaim):
    """A record went back to a pool, since a clock ran out."""


class ReclaimWarned(_Reclaim):
    """Somebody was warned that a record goes back to a pool.

    Attributes:
        step: the step of the rule: so many days before.
        days: how many days are left.
        user_id_warned: who was warned: the holder, or the holder's manager.
    """

    step: int
    days: int
    user_id_warned: UUID


class ExtensionRequested(Event):
    """A holder asks to keep a record longer.

    Attributes:
        request_id: the request.
        days: how many days more.
        reason: why, in the holder's words.
    """

    request_id: UUID
    days: int
    reason: str


class ExtensionDecided(Event):
    """A request to keep a record longer was decided.

    Attributes:
        request_id: the request.
        approved: whether it was granted.
        extended_until: until when the record is kept; None when it was not granted.
        note: what the decider said.
    """

    request_id: UUID
    approved: bool
    extended_until: datetime | None = None
    note: str | None = None


class RecordProtected(Event):
    """A holder protects a record from going back.

    Attributes:
        until: until when.
    """

    until: datetime


class RecordUnprotected(Event):
    """A holder gave up the protection of a record."""


__all__ = [
    "ExtensionDecided",
    "ExtensionRequested",
    "ReclaimWarned",
    "RecordProtected",
    "RecordReclaimed",
    "RecordUnprotected",
]
