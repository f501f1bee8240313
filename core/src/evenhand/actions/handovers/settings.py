"""The tenant's limits of hand-overs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from evenhand.actions.journal import writing
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.handovers.models import HandoverSettings
from evenhand.tenancy.context import current_actor, current_tenant
from evenhand.tenancy.models import uuid7

BOUNDS = {"changes_per_year": (1, 366), "undo_days": (0, 365)}


@dataclass(frozen=True)
class HandoverLimits:
    """See `HandoverSettings`."""

    changes_per_year: int = 2
    undo_days: int = 7


async def handover_limits() -> HandoverLimits:
    """The limits of the current tenant."""
    row = await HandoverSettings.first()
    return HandoverLimits() if row is None else HandoverLimits(row.changes_per_year, row.undo_days)


async def set_handover_limits(*, changes_per_year: int | None = None, undo_days: int | None = None) -> HandoverLimits:
    """Change the limits; what is left out stays.

    Raises:
        InvalidInput: out of range. PermissionDenied: the actor is no admin.
    """
    require(current_actor(), Operation.CONFIGURE, "HandoverSettings")
    given = {"changes_per_year": changes_per_year, "undo_days": undo_days}
    problems = []
    for name, value in given.items():
        least, most = BOUNDS[name]
        if value is not None and not least <= value <= most:
            problems.append(
                Problem(name, "OUT_OF_RANGE", f"{name}: {value} is out of range.", f"Give {least} to {most}.")
            )
    if problems:
        raise InvalidInput(problems)
    async with writing("set_handover_limits") as journal:
        fresh = {"id": uuid7(), "tenant_id": current_tenant(), **asdict(HandoverLimits())}
        await insert_rows(journal.client, HandoverSettings, [fresh], suffix="ON CONFLICT (tenant_id) DO NOTHING")
        (row,) = await HandoverSettings.all().select_for_update()
        new: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None and getattr(row, name) != value
        }
        if new:
            before = {name: getattr(row, name) for name in new}
            await HandoverSettings.filter(id=row.id).update(**new)
            journal.record("HandoverSettings", row.id, before=before, after=new)
        return await handover_limits()
