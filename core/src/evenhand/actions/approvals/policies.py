"""Check policies and deputies before they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.approvals.reading import read_conditions, read_steps
from evenhand.entities import User
from evenhand.errors import Problem, Refusals
from evenhand.tenancy.context import Role


def check_policies(policies: Sequence[Mapping[str, Any]], refusals: Refusals) -> None:
    """Refuse policies whose conditions or steps cannot be read."""
    for row, values in enumerate(policies):
        _, problems = read_conditions(values["conditions"], values["kind"])
        refusals.add(row, *problems)
        _, problems = read_steps(values["steps"])
        refusals.add(row, *problems)


async def check_deputies(deputies: Sequence[Mapping[str, Any]], refusals: Refusals) -> None:
    """Refuse deputies of oneself, half a period, and users who cannot decide."""
    named = {values["deputy_id"] for values in deputies}
    known = {user.id: user for user in await User.filter(id__in=list(named))}
    for row, values in enumerate(deputies):
        if values["user_id"] == values["deputy_id"]:
            message = "deputy_id: nobody is deputy of oneself."
            refusals.add(row, Problem("deputy_id", "OWN_DEPUTY", message, "Name somebody else."))
        if (values["starts_on"] is None) != (values["ends_on"] is None):
            message = "ends_on: a period needs its first and its last day."
            refusals.add(row, Problem("ends_on", "HALF_PERIOD", message, "Give both days, or none."))
        user = known.get(values["deputy_id"])
        if user is not None and (not user.is_active or user.archived_at is not None or user.role is Role.READ_ONLY):
            message = f"deputy_id: {user.name} is {'read-only' if user.role is Role.READ_ONLY else 'inactive'}."
            refusals.add(
                row, Problem("deputy_id", "CANNOT_DECIDE", message, "Name an active user who may change records.")
            )
