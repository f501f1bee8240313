"""Automation: rules, runs and counts."""

from evenhand.automation import models
from evenhand_schema.declare import bound, many, one
from evenhand_schema.reads.ordering import Order


@bound(models.AutomationRule)
class AutomationRule:
    """When one of some events happens to a record, and if a condition holds, then do something."""

    events: list[str]
    runs = many("AutomationRun", "rule_id", "What came of it, the newest first.", Order("id", descending=True))
    counts = many(
        "AutomationCount", "rule_id", "How often it was asked, the latest day first.", Order("day", descending=True)
    )


@bound(models.AutomationRun)
class AutomationRun:
    """A rule that matched an event, or failed on it."""

    rule = one("AutomationRule", "rule_id", "The rule.")


@bound(models.AutomationCount)
class AutomationCount:
    """How often a rule was asked on one day, and with what result."""

    rule = one("AutomationRule", "rule_id", "The rule.")
