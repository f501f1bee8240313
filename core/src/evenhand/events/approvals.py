"""Events of approvals; their record is the request. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from evenhand.events.base import Event


class _Approval(Event):
    """A request for approval, and the record that it is about.

    Attributes:
        kind: "discount", "quote", "contract", "stage_move" or "custom".
        subject_entity: the kind of the record that it is about, e.g. "Opportunity".
        title: the policy, or the stage, that asks for it.
        step: the step at which it stands, or ended; 1 is the first.
        facts: what is to be approved.
        change: what is to be done with the record, as column values.
    """

    kind: str
    subject_entity: str
    subject_id: UUID
    title: str
    step: int
    facts: Mapping[str, Any]
    change: Mapping[str, Any]
    requested_by_id: UUID | None = None


class ApprovalRequested(_Approval):
    """An approval was requested.

    Attributes:
        comment: why, in the words of who requested it.
    """

    comment: str | None = None


class _Ended(_Approval):
    """A request is over.

    Attributes:
        reason: why, in words.
    """

    reason: str | None = None


class ApprovalApproved(_Ended):
    """All steps of a request were approved."""


class ApprovalRejected(_Ended):
    """A request was rejected, or not decided in time where that means the same."""


class ApprovalExpired(_Ended):
    """A request was not decided in time."""


class ApprovalCancelled(_Ended):
    """A request was taken back, or requested again for other facts."""


__all__ = ["ApprovalApproved", "ApprovalCancelled", "ApprovalExpired", "ApprovalRejected", "ApprovalRequested"]
