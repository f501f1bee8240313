"""What approvals may refuse."""

from __future__ import annotations

from uuid import UUID

from evenhand.entities.enums import ApprovalKind
from evenhand.errors import EvenhandError


class ApprovalRequired(EvenhandError):
    """The change needs an approval that there is not, or that was used, ran out, or was for other facts.

    Attributes:
        pending: the request that waits for a decision, when there is one.
    """

    code = "APPROVAL_REQUIRED"

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        kind: ApprovalKind,
        entity: str,
        record_id: UUID | None,
        title: str,
        pending: UUID | None = None,
    ) -> None:
        super().__init__(message, hint=hint, kind=kind.value, entity=entity, record=str(record_id))
        self.kind = kind
        self.entity = entity
        self.record_id = record_id
        self.title = title
        self.pending = pending


class NoApprovalNeeded(EvenhandError):
    """No policy asks for an approval of this."""

    code = "NO_APPROVAL_NEEDED"


class NoApprover(EvenhandError):
    """Nobody but the requester could decide."""

    code = "NO_APPROVER"


class ApprovalEnded(EvenhandError):
    """The request was decided, cancelled or ran out before."""

    code = "APPROVAL_ENDED"


class NotApprover(EvenhandError):
    """The caller is not asked at the current step, or requested the approval."""

    code = "NOT_APPROVER"


class AlreadyDecided(EvenhandError):
    """The caller decided at this step before."""

    code = "ALREADY_DECIDED"


class StepPassed(EvenhandError):
    """The request waits for another step than the one that was decided on."""

    code = "STEP_PASSED"
