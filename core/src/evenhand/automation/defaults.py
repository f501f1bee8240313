"""Rules that every tenant begins with; an admin can change them and switch them off."""

from __future__ import annotations

from typing import Any

from evenhand.actions.journal import Journal
from evenhand.actions.records import create_records
from evenhand.automation.models import AutomationRule
from evenhand.entities.registry import entity

WON = "won_onboarding"
"""The key of the rule that begins the service when a deal is won."""

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "name": "Won deal: begin the service",
        "description": "Opens a service request for the customer and plans the first calls.",
        "ticket": "Onboarding: {account.name}",
        "details": "The deal “{record.name}” was won.",
        "hand_over": "Hand {account.name} over to the service team",
        "week": "First week with {account.name}: does everything work?",
        "month": "First month with {account.name}: look back together",
    },
    "zh": {
        "name": "赢单后启动服务",
        "description": "为客户创建上线工单，并安排首批回访任务。",
        "ticket": "客户上线：{account.name}",
        "details": "商机“{record.name}”已赢单。",
        "hand_over": "将{account.name}移交给服务团队",
        "week": "{account.name}首周回访：使用是否顺利",
        "month": "{account.name}首月回访：共同复盘",
    },
}


def won_rule(language: str) -> dict[str, Any]:
    """The rule that begins the service when a deal is won.

    Deals that were won more than a week ago, such as imported ones, begin nothing.
    """
    words = _WORDS[language]
    tasks = [("hand_over", 1), ("week", 7), ("month", 30)]
    return {
        "name": words["name"],
        "description": words["description"],
        "entity": "Opportunity",
        "events": ["OpportunityWon"],
        "condition": "daysSince(event.at) <= 7 && record.accountId != null",
        "actions": [
            {"do": "create_ticket", "subject": words["ticket"], "description": words["details"]},
            *({"do": "create_task", "subject": words[word], "due_in_days": days} for word, days in tasks),
        ],
    }


async def create_default_rules(language: str, journal: Journal) -> None:
    """Create the rules of a new tenant, in its language."""
    (rule_id,) = await create_records(entity("AutomationRule"), [won_rule(language)], journal=journal)
    await AutomationRule.filter(id=rule_id).update(key=WON)
