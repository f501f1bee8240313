"""Try a rule on what happened lately, without changing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.auth.permissions import Operation, require
from evenhand.automation.checking import check_rule
from evenhand.automation.definitions import parse_actions
from evenhand.automation.performing import Case, Sentence, describe
from evenhand.automation.rules import Verdict, evaluate
from evenhand.automation.views import load_views, surroundings
from evenhand.db.session import transaction
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError, InvalidInput
from evenhand.events.models import OutboxEvent
from evenhand.tenancy.context import current_actor

MOST_EVENTS = 100


@dataclass(frozen=True)
class Trial:
    """What a rule would do about one event.

    Attributes:
        empty: fields without a value because of which the condition is neither true nor false.
        actions: what each action would do, in English and Chinese; empty when the rule does not match.
        error: why the condition or an action cannot be evaluated.
    """

    event_id: UUID
    event_type: str
    record_id: UUID
    occurred_at: datetime
    matched: bool
    empty: tuple[str, ...]
    actions: tuple[Sentence, ...]
    error: str | None


async def try_rule(values: Mapping[str, Any]) -> list[Trial]:
    """Try a rule on the last events of its types, the newest first, in a transaction that cannot write.

    Args:
        values: `entity`, `events`, `condition` and `actions`, as a rule has them.

    Raises:
        InvalidInput: with everything that is wrong with the rule. PermissionDenied.
    """
    require(current_actor(), Operation.UPDATE, "AutomationRule")
    async with transaction(read_only=True):
        problems = await check_rule(values)
        if problems:
            raise InvalidInput(problems)
        kind = entity(values["entity"])
        found = OutboxEvent.filter(entity=kind.name, type__in=list(values["events"]))
        events = await found.order_by("-occurred_at", "-id").limit(MOST_EVENTS)
        around = await surroundings()
        views = await load_views(kind, events, around)
        actions, _ = parse_actions(values["actions"])
        trials = []
        for event in events:
            view = views.get(event.id)
            if view is None:
                continue
            sentences: list[Sentence] = []
            verdict, error = Verdict(False), None
            try:
                verdict = evaluate(values["condition"], view, around.now, around.zone)
                if verdict.matched:
                    case = Case(kind, event, view, around, "trial")
                    sentences = [await describe(action, case) for action in actions]
            except EvenhandError as failed:
                error = str(failed)
            trials.append(
                Trial(
                    event.id,
                    event.type,
                    event.record_id,
                    event.occurred_at,
                    verdict.matched,
                    verdict.empty,
                    tuple(sentences),
                    error,
                )
            )
    return trials
