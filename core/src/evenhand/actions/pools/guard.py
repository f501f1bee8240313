"""The one gate before every change of a holder: limits that no path gets around."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, Why
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.entities.registry import Entity
from evenhand.errors import EvenhandError, InvalidInput, Problem, Refusals
from evenhand.ownership.holders import Holder
from evenhand.ownership.models import OwnershipEntry


@dataclass(frozen=True)
class Transfer:
    """One record that is about to get a holder.

    Attributes:
        columns: the record's columns as they will be, apart from its holder.
        before: who holds it; None for a record that is new or comes back from the archive.
        after: who is to hold it.
        at: when; None is now.
    """

    record_id: UUID
    columns: Mapping[str, Any]
    before: Holder | None
    after: Holder
    why: Why
    at: datetime | None = None


@dataclass
class Inspection:
    """What checks look at: the transfers of one entity, whose records are locked or new.

    Attributes:
        refused: what stands against single transfers, by their place in `transfers`.
    """

    kind: Entity
    transfers: Sequence[Transfer]
    journal: Journal
    refused: dict[int, EvenhandError] = field(default_factory=dict)

    def refuse(self, place: int, error: EvenhandError) -> None:
        """Note what stands against one transfer; what was noted first stays."""
        self.refused.setdefault(place, error)


Check = Callable[[Inspection], Awaitable[None]]
"""Notes in the inspection which transfers it stands against, and why; set-based, changes nothing."""

CHECKS: list[Check] = []
"""Asked in this order, each about all transfers at once."""


async def enforce(
    kind: Entity, transfers: Sequence[Transfer], journal: Journal, *, override: str | None = None
) -> frozenset[UUID]:
    """Refuse transfers that a limit stands against; called with the records locked, before anything is written.

    Args:
        override: why limits are to be set aside, in words that the ledger keeps; needs a right of its own.

    Returns: ids of the records for which a limit was set aside; their ledger lines and events carry the words.

    Raises:
        EvenhandError: `TransferRefused` and others, with `rows` filled by place. PermissionDenied, InvalidInput: who
            may not set limits aside, or gives no words.
    """
    if override is not None:
        require(journal.actor, Operation.OVERRIDE, kind.name)
        if not str(require_value(OwnershipEntry, "override", override) or "").strip():
            message = "override: setting limits aside needs words."
            raise InvalidInput([Problem("override", "REQUIRED", message, "Say why.")])
    if not transfers:
        return frozenset()
    inspection = Inspection(kind, transfers, journal)
    for check in CHECKS:
        await check(inspection)
    if override is not None:
        return frozenset(transfers[place].record_id for place in inspection.refused)
    refusals = Refusals()
    for place, error in inspection.refused.items():
        refusals.refuse(place, error)
    refusals.raise_if_any()
    return frozenset()


__all__ = ["CHECKS", "Check", "Inspection", "Transfer", "enforce"]
