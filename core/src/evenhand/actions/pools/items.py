"""What became of single records of a claim."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from evenhand.errors import EvenhandError


class ClaimStatus(StrEnum):
    """What became of one record of a claim."""

    CLAIMED = "claimed"
    ENTERED = "entered"
    """The claim takes part in the draw that follows."""
    ALREADY_YOURS = "already_yours"
    RETURNED = "returned"
    REFUSED = "refused"


@dataclass(frozen=True)
class ClaimItem:
    """What became of one record.

    Attributes:
        owner_id: who holds it now, as far as the caller may know.
        pool_id: the pool that it was claimed from or given back to.
        since: since when its holder has it.
        until: when what stands against it ends, or when lots are drawn.
        error: why nothing was changed.
    """

    record_id: UUID
    status: ClaimStatus
    owner_id: UUID | None = None
    pool_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    error: EvenhandError | None = None


def refused(record_id: UUID, error: EvenhandError, **more: Any) -> ClaimItem:
    """The item of a record of which nothing was changed."""
    until = error.details.get("until")
    if until is not None:
        more["until"] = datetime.fromisoformat(until)
    return ClaimItem(record_id, ClaimStatus.REFUSED, error=error, **more)
