"""When a record goes back to its pool, and requests for more time."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.auth.permissions import Operation, require
from evenhand.db.session import reading
from evenhand.ownership.clocks import models
from evenhand.ownership.clocks.reading import Held, RuleBook, read_held, rule_book
from evenhand.ownership.clocks.rules import Deadline
from evenhand.ownership.clocks.wording import explain
from evenhand_schema.context import place, request_of
from evenhand_schema.declare import bound, one
from evenhand_schema.reads.marks import PluginField, marked


@strawberry.enum(description="By which clock a record goes back to its pool.")
class ReclaimClock(Enum):
    """The clocks of a rule, and what puts them off."""

    PROTECTION = strawberry.enum_value(
        "protection", description="The default protection ran out, and no activity refreshed it."
    )
    IDLE = strawberry.enum_value("idle", description="Nothing was done with the customer.")
    STAGE = strawberry.enum_value("stage", description="No deal made a step forward.")
    DEAL = strawberry.enum_value("deal", description="No deal was won.")
    MAXIMUM = strawberry.enum_value("maximum", description="Nobody holds a record longer, whatever happens.")
    PROTECTED = strawberry.enum_value(
        "protected", description="The holder's protection ends; another clock ran out before."
    )
    EXTENDED = strawberry.enum_value(
        "extended", description="The time that was granted ends; another clock ran out before."
    )


@strawberry.type(description="The same text in the languages in which users read.")
class Explanation:
    """A reason in words."""

    en: str = strawberry.field(description="In English.")
    zh: str = strawberry.field(description="In Chinese.")


@strawberry.type(description="Who is warned when, before a record goes back.")
class ReclaimWarning:
    """A step of the rule's warnings."""

    on: date = strawberry.field(description="The tenant's day.")
    days: int = strawberry.field(description="So many days before.")
    manager: bool = strawberry.field(description="Whether the holder's manager is warned; else the holder.")


@strawberry.type(description="When a record goes back to its pool by itself, and why.")
class Reclaim:
    """The deadline of a record that somebody holds."""

    at: datetime = strawberry.field(description="From when on it goes back; the next run after that takes it.")
    clock: ReclaimClock = strawberry.field(description="Which clock runs out then.")
    since: date = strawberry.field(description="The day from which it counts.")
    days: int | None = strawberry.field(description="How many days it counts; null for a set moment.")
    rule: str = strawberry.field(description="Name of the pool's rule that says so.")
    rule_id: strawberry.ID = strawberry.field(description="Id of that rule.")
    pool_id: strawberry.ID = strawberry.field(description="Id of the pool to which it goes.")
    explanation: Explanation = strawberry.field(description="Why, in words.")
    protected_until: datetime | None = strawberry.field(description="Until when its holder protects it.")
    warnings: list[ReclaimWarning] = strawberry.field(description="Who is warned before, the earliest first.")


def reclaim_of(held: Held, deadline: Deadline, book: RuleBook) -> Reclaim:
    """A deadline as the API shows it."""
    rule, words = deadline.rule, explain(deadline)
    day = book.calendars.of(None).day_of(deadline.at)
    steps = [(days, False) for days in rule.warn_days] + [(days, True) for days in rule.manager_warn_days]
    return Reclaim(
        at=deadline.at,
        clock=ReclaimClock(deadline.clock.value),
        since=deadline.since,
        days=deadline.days,
        rule=rule.name,
        rule_id=strawberry.ID(str(rule.id)),
        pool_id=strawberry.ID(str(rule.pool_id)),
        explanation=Explanation(en=words["en"], zh=words["zh"]),
        protected_until=held.protected_until,
        warnings=[
            ReclaimWarning(on=day - timedelta(days=days), days=days, manager=manager)
            for days, manager in sorted(steps, key=lambda step: (-step[0], step[1]))
        ],
    )


def reclaim(type_name: str) -> Any:
    """The field `reclaim` of records that have holders."""

    async def resolve(root: Any, info: Info) -> Reclaim | None:
        context = request_of(info)
        require(context.actor, Operation.READ, type_name)

        async def load(keys: list[UUID]) -> list[Reclaim | None]:
            async with reading():
                book = await rule_book(type_name)
                held = {one.record_id: one for one in await read_held(book, ids=keys)}
            shown: list[Reclaim | None] = []
            for key in keys:
                found = held.get(key)
                deadline = None if found is None else found.deadline
                shown.append(None if found is None or deadline is None else reclaim_of(found, deadline, book))
            return shown

        answer: Reclaim | None = await context.loader(("reclaim", place(info)), load).load(root.id)
        return answer

    text = "When it goes back to its pool by itself, and why; null when no clock runs, and in a conflict case."
    return strawberry.field(resolver=resolve, description=text, metadata=marked(PluginField()))


@bound(models.ExtensionRequest)
class ExtensionRequest:
    """A holder's wish to keep a record longer, and what came of it."""

    user = one("User", "user_id", "The holder who asks.")
    decider = one("User", "decider_id", "Who decided; null while nobody did, and when the system did.")
