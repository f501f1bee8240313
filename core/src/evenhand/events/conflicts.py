"""Events of conflict cases; their record is the case. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.events.base import Event


class _Conflict(Event):
    """A conflict case.

    Attributes:
        kind: "duplicate_customer", "same_domain", "same_tax_id", "parent_child", "same_work" or "other".
        title: what it is about.
        records: {"entity", "id"} of each record.
        party_ids: the users who claim them.
    """

    kind: str
    title: str
    records: Sequence[Mapping[str, Any]]
    party_ids: Sequence[UUID]


class ConflictOpened(_Conflict):
    """A conflict case was opened; holders of its records do not change until it is ruled on.

    Attributes:
        judge_id: who is asked to rule; None for any admin.
    """

    due_at: datetime
    judge_id: UUID | None = None


class ConflictEscalated(ConflictOpened):
    """A conflict case was not ruled on in time and went to somebody higher."""


class ConflictRuled(_Conflict):
    """A conflict case was ruled on; the records belong to the owner, with these shares.

    Attributes:
        round: 1 for the first ruling, 2 for the one after an appeal.
        split: {"user_id", "share"} of each.
    """

    round: int
    owner_id: UUID
    split: Sequence[Mapping[str, Any]]
    reason: str
    merged_into_id: UUID | None = None


class ConflictAppealed(_Conflict):
    """A party appealed against a ruling; the records are frozen again."""

    reason: str
    judge_id: UUID | None = None


class ConflictClosed(_Conflict):
    """The time to appeal is over, the ruling is final."""


class ConflictWithdrawn(_Conflict):
    """A conflict case was withdrawn without a ruling."""

    reason: str | None = None


__all__ = [
    "ConflictAppealed",
    "ConflictClosed",
    "ConflictEscalated",
    "ConflictOpened",
    "ConflictRuled",
    "ConflictWithdrawn",
]
