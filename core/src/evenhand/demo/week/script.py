"""What people do in the week, day by day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from evenhand.actions.conflicts.cases import open_conflict
from evenhand.actions.conflicts.rulings import Ruling, rule_conflict
from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import plan_handover
from evenhand.actions.handovers.preview import preview_handover
from evenhand.actions.owners import set_owner
from evenhand.actions.records import create_record, update_record
from evenhand.demo.week.cast import ABROAD, ADMIN, EAST, IDLE, MANAGERS, REGIONS, REPS
from evenhand.demo.week.course import Week
from evenhand.demo.week.telling import said
from evenhand.entities.enums import ConflictKind, HandoverMethod
from evenhand.errors import EvenhandError
from evenhand.ownership.handovers.rules import Step
from evenhand.tenancy.context import acting_as


async def play(week: Week) -> None:
    """Monday to Sunday."""
    days = (_monday, _tuesday, _wednesday, _thursday, _friday)
    for day in range(7):
        await week.night(day)
        warned = await week.morning(day)
        if day < len(days):
            await days[day](week, warned)
    week.moment = week.cast.at(6, 23)
    await week.signals()


async def _monday(week: Week, warned: list[UUID]) -> None:
    """Somebody hears the warning and goes there."""
    late = [one.id for one in week.cast.customers if one.idle == IDLE - 2 and one.id in warned]
    await week.visit(late[0], 0, 14)


async def _tuesday(week: Week, warned: list[UUID]) -> None:
    """What came back in the night is frozen for a day; customers of the pool are claimed, up to the limit of a day."""
    account, former = _back(week, EAST)
    week.moment = week.cast.at(1, 9)
    await week.claim(_others(EAST, former)[0], account, kind="frozen")
    for number, one in enumerate(week.waiting(ABROAD)):
        week.moment = week.cast.at(1, 10, number)
        await week.claim(REPS[ABROAD][0], one.id)


async def _wednesday(week: Week, warned: list[UUID]) -> None:
    """A race for what is free now, and the former holder comes too early; a manager sets the rule aside, in words."""
    account, former = _back(week, EAST)
    week.moment = week.cast.at(2, 9)
    await week.claim(former, account)
    week.moment = week.cast.at(2, 9, 1)
    await week.race(_others(EAST, former), account)
    other = next((found for found in week.back if week.pool_of(found[0]) == ABROAD), None)
    if other is not None:
        week.moment = week.cast.at(2, 15)
        manager, words = MANAGERS[ABROAD], "The customer asked for the same contact"
        with acting_as(week.cast.actor(manager)):
            await set_owner("Account", [other[0]], owner_id=week.cast.users[other[1]], note=words, override=words)
        week.tell("override", who=manager, account=week.names[other[0]], holder=other[1], words=words)


async def _thursday(week: Week, warned: list[UUID]) -> None:
    """A customer is entered a second time; the two reps do not agree, and it becomes a case."""
    mine, yours = REPS[ABROAD]
    one = (await week.held_by(mine))[-1]
    week.moment = week.cast.at(3, 10)
    (row,) = await week.rows("SELECT tax_id FROM accounts WHERE tenant_id = $1 AND id = $2", one.id)
    with acting_as(week.cast.actor(yours)):
        refused: EvenhandError | None = None
        try:
            await create_record("Account", {"name": one.name, "tax_id": row["tax_id"], "region": REGIONS[ABROAD]})
        except EvenhandError as error:
            refused = error
        week.tell("duplicate", who=yours, account=one.name, error=said(refused))
        week.moment = week.cast.at(3, 10, 30)
        case = await open_conflict(
            [("Account", one.id)], ConflictKind.SAME_WORK, reason="I have been at their fair stand since May"
        )
    week.case = (case, one)
    week.tell("conflict", who=yours, holder=mine, account=one.name, case=str(case)[-4:])
    week.moment = week.cast.at(3, 11)
    with acting_as(week.cast.actor(ADMIN)):
        try:
            await set_owner("Account", [one.id], owner_id=week.cast.users[yours])
        except EvenhandError as error:
            week.tell("held", who=ADMIN, account=one.name, error=said(error))


async def _friday(week: Week, warned: list[UUID]) -> None:
    """The ruling; and somebody leaves, whose book goes to the others in one piece."""
    case, one = week.case
    mine, yours = (week.cast.users[name] for name in REPS[ABROAD])
    week.moment = week.cast.at(4, 10)
    words = "Both worked on it; the first contact counts more"
    with acting_as(week.cast.actor(MANAGERS[ABROAD])):
        split = {mine: Decimal(70), yours: Decimal(30)}
        await rule_conflict(case, Ruling(owner_id=mine, split=split, reason=words))
    shares = ", ".join(f"{week.names[user]} {share} %" for user, share in split.items())
    week.tell("ruled", who=MANAGERS[ABROAD], holder=REPS[ABROAD][0], account=one.name, shares=shares, words=words)
    await _leave(week, REPS[EAST][1])


async def _leave(week: Week, leaver: str) -> None:
    manager = MANAGERS[EAST]
    week.moment = week.cast.at(4, 14)
    receivers = tuple(week.cast.users[name] for name in _others(EAST, leaver))
    with acting_as(week.cast.actor(manager)):
        plan = await plan_handover(
            week.cast.users[leaver],
            [Step(HandoverMethod.BALANCE, users=receivers), Step(HandoverMethod.FOLLOW_ACCOUNT)],
            note="leaves",
            seed=1,
        )
        preview = await preview_handover(plan)
        book, *others = preview["holders"]
        count = preview["moving"]
        week.tell("plan", who=manager, holder=leaver, count=count, value=_value(book["before"]))
        for other in others:
            week.tell(
                "share",
                holder=week.names[UUID(other["user"])],
                before=_count(other["before"]),
                after=_count(other["after"]),
                value_before=_value(other["before"]),
                value_after=_value(other["after"]),
            )
        week.moment = week.cast.at(4, 16)
        done = await execute_handover(plan, override="Leaves; no cap may strand customers")
    week.tell("handed_over", count=done.moved, tasks=done.tasks)
    week.moment = week.cast.at(4, 18)
    with acting_as(week.cast.actor(ADMIN)):
        await update_record("User", week.cast.users[leaver], {"is_active": False})
    week.tell("left", holder=leaver)


def _value(book: dict[str, Any]) -> str:
    return " + ".join(f"{Decimal(value):,.0f} {currency}" for currency, value in book["values"].items()) or "0"


def _count(book: dict[str, Any]) -> int:
    return sum(book["records"].values())


def _others(pool: str, *names: str) -> list[str]:
    return [name for name in REPS[pool] if name not in names]


def _back(week: Week, pool: str) -> tuple[UUID, str]:
    """The first that came back to a pool in this week, and from whom."""
    return next(found for found in week.back if week.pool_of(found[0]) == pool)
