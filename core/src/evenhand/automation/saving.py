"""What saving a rule adds to a plain create or update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evenhand.db.session import driver_transaction, raw_connection
from evenhand.entities.registry import Entity
from evenhand.errors import Refusals
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import RecordModel

CHECKED = ("entity", "events", "condition", "actions")


async def settle_rules(drafts: Sequence[tuple[RecordModel | None, dict[str, Any]]], refusals: Refusals) -> None:
    """Check rules as they are to be; a change starts a suspended rule again.

    Args:
        drafts: (the rule as it is, or None when new; its checked values).
    """
    # Here and not above: what rules do is done by actions, and these prepare records.
    from evenhand.automation.checking import check_rule

    for row, (record, values) in enumerate(drafts):
        asked = record is None or any(name in values for name in CHECKED) or values.get("enabled")
        if asked:
            before = record.columns() if record is not None else {}
            refusals.add(row, *await check_rule({name: values.get(name, before.get(name)) for name in CHECKED}))
        if record is None:
            values["failures"] = 0
        elif record.columns()["suspended_at"] is not None:
            values |= {"suspended_at": None, "suspended_reason": None, "failures": 0}


async def subscribe_rules(kind: Entity) -> None:
    """Let the events of all rules in force be delivered, and no others; after rules were written."""
    if kind.name != "AutomationRule":
        return
    from evenhand.automation.models import AutomationRule
    from evenhand.events.subscribers import set_subscriber

    # Two who change rules at once must not each leave out the other's events.
    await raw_connection(driver_transaction()).execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"automation rules {current_tenant()}"
    )
    rules = await AutomationRule.filter(enabled=True, archived_at=None, suspended_at=None)
    await set_subscriber("automation", "rules", sorted({event for rule in rules for event in rule.events}))
