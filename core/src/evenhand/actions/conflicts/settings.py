"""How a tenant treats conflict cases."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from evenhand.actions.journal import writing
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import reading
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.conflicts.models import ConflictSettings
from evenhand.tenancy.context import current_actor, current_tenant
from evenhand.tenancy.models import uuid7


@dataclass(frozen=True)
class ConflictChoices:
    """How a tenant treats conflict cases, see `ConflictSettings`."""

    days_to_rule: int = 5
    remind_days: int = 1
    days_to_appeal: int = 7
    open_by_itself: bool = False


async def conflict_choices() -> ConflictChoices:
    """How the current tenant treats conflict cases."""
    async with reading():
        row = await ConflictSettings.first()
    if row is None:
        return ConflictChoices()
    return ConflictChoices(row.days_to_rule, row.remind_days, row.days_to_appeal, row.open_by_itself)


async def set_conflict_rules(
    *,
    days_to_rule: int | None = None,
    remind_days: int | None = None,
    days_to_appeal: int | None = None,
    open_by_itself: bool | None = None,
) -> ConflictChoices:
    """Choose how conflict cases are treated; what is None stays, and cases that are open keep their deadlines.

    Returns: the choices now.

    Raises:
        InvalidInput: a number out of range, or a reminder that is not before the deadline. PermissionDenied: only
        admins may.
    """
    require(current_actor(), Operation.CONFIGURE, "ConflictSettings")
    given = {
        "days_to_rule": days_to_rule,
        "remind_days": remind_days,
        "days_to_appeal": days_to_appeal,
        "open_by_itself": open_by_itself,
    }
    chosen = {name: require_value(ConflictSettings, name, value) for name, value in given.items() if value is not None}
    async with writing("set_conflict_rules") as journal:
        fresh = {"id": uuid7(), "tenant_id": current_tenant(), **asdict(ConflictChoices())}
        await insert_rows(journal.client, ConflictSettings, [fresh], suffix="ON CONFLICT (tenant_id) DO NOTHING")
        (row,) = await ConflictSettings.all().select_for_update()
        new = {name: value for name, value in chosen.items() if getattr(row, name) != value}
        after = {"days_to_rule": row.days_to_rule, "remind_days": row.remind_days, **new}
        if after["remind_days"] >= after["days_to_rule"]:
            message = f"remind_days: {after['remind_days']} is not before the deadline of {after['days_to_rule']} days."
            raise InvalidInput([Problem("remind_days", "AFTER_DEADLINE", message, "Give fewer days.")])
        if new:
            before = {name: getattr(row, name) for name in new}
            await ConflictSettings.filter(id=row.id).update(**new)
            journal.record("ConflictSettings", row.id, before=before, after=new)
        return await conflict_choices()
