"""Mutations of automation: `testAutomationRule`, `reorderAutomationRules`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from dataclasses import asdict
from datetime import datetime
from typing import Any

import strawberry
from strawberry import Info

from evenhand.auth.permissions import Operation, require
from evenhand.automation.ordering import MOST_RULES, reorder_rules
from evenhand.automation.reminders import set_reminders
from evenhand.automation.trying import MOST_EVENTS, Trial, try_rule
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import REQUIRED, described, mutation, result
from evenhand_schema.scalars import JSON


@strawberry.input(description="A rule that is tried, saved or not.")
class TestAutomationRuleInput:
    """What decides whether a rule matches, and what it does."""

    entity: str = strawberry.field(description="The kind of record, e.g. Opportunity.")
    events: list[str] = strawberry.field(description="The events that it waits for, e.g. StageChanged.")
    condition: str | None = strawberry.field(default=None, description="What must hold, in CEL; null for always.")
    actions: JSON = strawberry.field(description="What is then done, a list of objects.")


@strawberry.type(description="What an action would do, as a sentence.")
class AutomationSentence:
    """The same in both languages."""

    en: str = strawberry.field(description="In English.")
    zh: str = strawberry.field(description="In Chinese.")


@strawberry.type(description="What a rule would do about one event.")
class AutomationTrial:
    """One event of the past."""

    event_id: strawberry.ID = strawberry.field(description="Id of the event.")
    event_type: str = strawberry.field(description="What happened.")
    record_id: strawberry.ID = strawberry.field(description="Id of the record it happened to.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    matched: bool = strawberry.field(description="Whether the condition holds.")
    empty_fields: list[str] = strawberry.field(
        description="Fields without a value because of which the condition is neither true nor false."
    )
    actions: list[AutomationSentence] = strawberry.field(description="What each action would do.")
    error: str | None = strawberry.field(description="Why it cannot be evaluated; null when it can.")


@strawberry.type(description="What a rule would do about the last events of its types.")
class AutomationTrials:
    """All trials of one call."""

    events: list[AutomationTrial] = strawberry.field(description=f"The last {MOST_EVENTS} events, the newest first.")
    matched: int = strawberry.field(description="How many of them match.")
    failed: int = strawberry.field(description="How many cannot be evaluated.")


@strawberry.type(description="The rules in their new order.")
class AutomationRulesReordered:
    """The answer of `reorderAutomationRules`."""

    count: int = strawberry.field(description="How many rules have another place now.")


def _shown(trial: Trial) -> AutomationTrial:
    return AutomationTrial(
        event_id=strawberry.ID(str(trial.event_id)),
        event_type=trial.event_type,
        record_id=strawberry.ID(str(trial.record_id)),
        occurred_at=trial.occurred_at,
        matched=trial.matched,
        empty_fields=list(trial.empty),
        actions=[AutomationSentence(en=one["en"], zh=one["zh"]) for one in trial.actions],
        error=trial.error,
    )


async def _test(info: Info, input: Any) -> AutomationTrials:
    context = request_of(info)
    require(context.actor, Operation.UPDATE, "AutomationRule")
    await context.renew()
    values = {"entity": input.entity, "events": input.events, "condition": input.condition, "actions": input.actions}
    trials = await try_rule(values)
    return AutomationTrials(
        events=[_shown(one) for one in trials],
        matched=sum(one.matched for one in trials),
        failed=sum(one.error is not None for one in trials),
    )


async def _reorder(info: Info, ids: list[Any]) -> AutomationRulesReordered:
    await request_of(info).renew()
    return AutomationRulesReordered(count=await reorder_rules([to_uuid(one) for one in ids]))


@strawberry.type(description="Of what the tenant reminds its users.")
class ReminderSettings:
    """The choices of one tenant."""

    task_due: bool = strawberry.field(description="Whether assignees are reminded of tasks.")
    next_step_due: bool = strawberry.field(description="Whether owners are reminded of the next steps of deals.")
    stage_overdue: bool = strawberry.field(
        description="Whether owners are told of deals that stay longer in a stage than expected."
    )
    lead_untouched: bool = strawberry.field(description="Whether owners are told of leads that nobody works on.")
    lead_untouched_days: int = strawberry.field(
        description="After how many days without activity a lead is untouched, 1 to 365."
    )


async def _set_reminders(info: Info, **choices: Any) -> ReminderSettings:
    await request_of(info).renew()
    return ReminderSettings(**asdict(await set_reminders(**choices)))


def automation_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    return {
        "test_automation_rule": mutation(
            _test,
            {"input": (described(TestAutomationRuleInput, "The rule."), REQUIRED)},
            result("TestAutomationRule", AutomationTrials, description="What it would do, or why it cannot be saved."),
            f"Try a rule on the last {MOST_EVENTS} events of its types; changes nothing. Admins only.",
        ),
        "set_reminders": mutation(
            _set_reminders,
            {
                "task_due": (described(bool | None, "Remind assignees of tasks."), None),
                "next_step_due": (described(bool | None, "Remind owners of the next steps of deals."), None),
                "stage_overdue": (described(bool | None, "Tell owners of deals that stay too long in a stage."), None),
                "lead_untouched": (described(bool | None, "Tell owners of leads that nobody works on."), None),
                "lead_untouched_days": (described(int | None, "After so many days, 1 to 365."), None),
            },
            result("SetReminders", ReminderSettings, description="The choices now, or why nothing was changed."),
            "Choose of what the tenant reminds its users; what is left out stays. Admins only.",
        ),
        "reorder_automation_rules": mutation(
            _reorder,
            {"ids": (described(list[strawberry.ID], f"The rules in their new order, at most {MOST_RULES}."), REQUIRED)},
            result("ReorderAutomationRules", AutomationRulesReordered, description="How many moved, or why none did."),
            "Put rules into an order; those that are not named come after them. Admins only.",
        ),
    }
