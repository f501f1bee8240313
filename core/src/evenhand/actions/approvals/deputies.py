"""Name who decides for one while one is away."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.actions.records import create_records, lock_all, set_archived
from evenhand.approvals.models import Deputy
from evenhand.auth.permissions import Operation, PermissionDenied, may, require
from evenhand.entities.registry import entity
from evenhand.errors import NotFound
from evenhand.tenancy.context import Actor, Scope, current_actor


def _require_own(actor: Actor, user_id: UUID) -> None:
    """Users name their own deputies; managers and admins those of everybody."""
    if actor.user_id == user_id and Scope.WRITE in actor.scopes:
        return
    if not may(actor, Operation.CREATE, "Deputy"):
        require(actor, Operation.CREATE, "Deputy")


def _user(user_id: UUID | None) -> UUID:
    found = user_id or current_actor().user_id
    if found is None:
        raise PermissionDenied("The system has no deputy.", hint="Name the user whose deputy it is.")
    return found


async def set_deputy(
    deputy_id: UUID,
    *,
    user_id: UUID | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    note: str | None = None,
) -> UUID:
    """Name who decides on approvals for a user: from day to day, or without days whenever the user is absent.

    A deputy without days takes the place of the one before. The same call twice names one deputy.

    Args:
        user_id: whose; the caller's own by default, of others for managers and admins.

    Returns: id of the deputy's record.

    Raises:
        InvalidInput: of oneself, half a period, a user who cannot decide. NotFound, PermissionDenied.
    """
    whose = _user(user_id)
    _require_own(current_actor(), whose)
    kind = entity("Deputy")
    values: dict[str, Any] = {
        "user_id": whose,
        "deputy_id": deputy_id,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "note": note,
    }
    async with writing("set_deputy") as journal:
        # Two calls for the same user wait for each other.
        await lock_all(entity("User"), [whose])
        there = await Deputy.filter(user_id=whose, archived_at=None)
        for one in there:
            if (one.deputy_id, one.starts_on, one.ends_on) == (deputy_id, starts_on, ends_on):
                return one.id
        (made,) = await create_records(kind, [values], journal=journal)
        if starts_on is None:
            await set_archived(kind, [one for one in there if one.starts_on is None], archive=True, journal=journal)
        return made


async def end_deputy(deputy_record_id: UUID) -> bool:
    """Take back a deputy. Returns: False when it was taken back before.

    Raises:
        NotFound, PermissionDenied.
    """
    kind = entity("Deputy")
    async with writing("end_deputy") as journal:
        found = await Deputy.filter(id=deputy_record_id).select_for_update(no_key=True).first()
        if found is None:
            raise NotFound("Deputy", deputy_record_id)
        _require_own(current_actor(), found.user_id)
        return bool(await set_archived(kind, [found], archive=True, journal=journal))
