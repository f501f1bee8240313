"""The one gate before every change of a holder: limits that no path gets around."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.conflicts.freezing import check_frozen
from evenhand.actions.duplicates.checking import check_duplicates, duplicate_edits
from evenhand.actions.journal import Journal
from evenhand.actions.pools.errors import HeldByConflict
from evenhand.actions.pools.inspection import Inspection, Transfer
from evenhand.actions.pools.limits import cap_edits, check_caps, check_claims, check_history, look
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.entities.registry import Entity
from evenhand.errors import InvalidInput, Problem, Refusals
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel

Check = Callable[[Inspection], Awaitable[None]]
"""Notes in the inspection which transfers it stands against, and why; set-based, changes nothing."""

CHECKS: list[Check] = [check_frozen, check_history, check_claims, check_caps, check_duplicates]
"""Asked in this order, each about all transfers at once."""


async def inspect(inspection: Inspection) -> Inspection:
    """Note what stands against which transfers, for those who go on with the others; see `enforce`."""
    await look(inspection)
    for check in CHECKS:
        await check(inspection)
    return inspection


def require_override(kind: Entity, override: str | None) -> None:
    """Raise `PermissionDenied` or `InvalidInput` unless the actor may set limits aside in these words."""
    if override is None:
        return
    require(current_actor(), Operation.OVERRIDE, kind.name)
    if not str(require_value(OwnershipEntry, "override", override) or "").strip():
        message = "override: setting limits aside needs words."
        raise InvalidInput([Problem("override", "REQUIRED", message, "Say why.")])


async def enforce(
    kind: Entity, transfers: Sequence[Transfer], journal: Journal, *, override: str | None = None
) -> frozenset[UUID]:
    """Refuse transfers that a limit stands against; called with the records locked, before anything is written.

    Args:
        override: why limits are to be set aside, in words that the ledger keeps; needs a right of its own. A user
            does not set aside an open conflict case by it.

    Returns: ids of the records for which a limit was set aside; their ledger lines and events carry the words.

    Raises:
        EvenhandError: `TransferRefused` and others, with `rows` filled by place. PermissionDenied, InvalidInput: who
            may not set limits aside, or gives no words.
    """
    require_override(kind, override)
    if not transfers:
        return frozenset()
    inspection = await inspect(Inspection(kind, transfers, journal))
    refusals = Refusals()
    for place, error in inspection.refused.items():
        if override is None or (isinstance(error, HeldByConflict) and journal.actor.user_id is not None):
            refusals.refuse(place, error)
    refusals.raise_if_any()
    return frozenset(transfers[place].record_id for place in inspection.refused)


async def enforce_edits(
    kind: Entity, plans: Sequence[tuple[RecordModel, Mapping[str, Any]]], journal: Journal, *, compared: bool = True
) -> None:
    """Refuse changes of locked records after which their owners would hold more than a cap allows, or somebody would
    have a customer that is there already.

    Args:
        compared: whether the records are compared with others; not where the others are about to be one with them.

    Raises:
        CapReached, DuplicateOwned, DuplicateInPool: with `rows` filled by place.
    """
    refusals = Refusals()
    for place, full in (await cap_edits(kind, plans, journal)).items():
        refusals.refuse(place, full)
    if compared:
        for place, error in (await duplicate_edits(kind, plans, journal)).items():
            refusals.refuse(place, error)
    refusals.raise_if_any()


__all__ = ["CHECKS", "Check", "Inspection", "Transfer", "enforce", "enforce_edits", "inspect", "require_override"]
