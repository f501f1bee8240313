"""Put rules into the order in which they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.actions.records import Change, update_records
from evenhand.auth.permissions import Operation, require
from evenhand.automation.models import AutomationRule
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.tenancy.context import current_actor

MOST_RULES = 1_000


async def reorder_rules(ids: Sequence[UUID]) -> int:
    """Put rules into an order; those that are not named come after them, in the order they had.

    Returns: how many have another place now.

    Raises:
        InvalidInput: a rule is named twice, or they are too many. NotFound, PermissionDenied.
    """
    require(current_actor(), Operation.UPDATE, "AutomationRule")
    if len(set(ids)) < len(ids) or len(ids) > MOST_RULES:
        message = "ids: a rule is named twice, or there are too many."
        raise InvalidInput([Problem("ids", "NAMED_TWICE", message, f"Name each rule once, at most {MOST_RULES}.")])
    async with writing("reorder_rules") as journal:
        there = await AutomationRule.filter(archived_at=None).order_by("id").select_for_update(no_key=True)
        known = {rule.id: rule for rule in there}
        for one in ids:
            if one not in known:
                raise NotFound("AutomationRule", one)
        rest = sorted((rule for rule in there if rule.id not in set(ids)), key=lambda rule: (rule.position, rule.id))
        order = [known[one] for one in ids] + rest
        changes = [
            Change(rule.id, {"position": place * 10})
            for place, rule in enumerate(order, start=1)
            if rule.position != place * 10
        ]
        return len(await update_records(entity("AutomationRule"), changes, journal=journal)) if changes else 0
