"""Remind of deadlines of conflict cases, let overdue ones go higher, and let rulings become final."""

from __future__ import annotations

from datetime import timedelta

from evenhand.actions.conflicts.cases import FROZEN, change_case, parties_of
from evenhand.actions.conflicts.settings import ConflictChoices, conflict_choices
from evenhand.actions.conflicts.telling import describe, tell
from evenhand.actions.journal import Journal, writing
from evenhand.entities.enums import ConflictState
from evenhand.ownership.conflicts.models import ConflictCase
from evenhand.ownership.superiors import superiors_of

BATCH = 100


async def settle_conflicts() -> int:
    """Remind, escalate and close what is due in the current tenant, in batches. Returns: how many cases.

    Several at once take different cases; a case that was settled is not due any more.
    """
    settled = 0
    choices = await conflict_choices()
    while True:
        async with writing("settle_conflicts") as journal:
            cases = await _due(choices, journal)
            for case in cases:
                await _settle(case, choices, journal)
        settled += len(cases)
        if len(cases) < BATCH:
            return settled


async def _due(choices: ConflictChoices, journal: Journal) -> list[ConflictCase]:
    soon = journal.now + timedelta(days=choices.remind_days)
    queries = (
        ConflictCase.filter(state=ConflictState.RULED, appeal_until__lt=journal.now),
        ConflictCase.filter(state__in=FROZEN, due_at__lte=journal.now),
        ConflictCase.filter(state__in=FROZEN, due_at__lte=soon, reminded_at=None),
    )
    found: dict[object, ConflictCase] = {}
    for query in queries:
        if len(found) < BATCH:
            rows = await query.order_by("id").limit(BATCH - len(found)).select_for_update(no_key=True, skip_locked=True)
            found |= {row.id: row for row in rows}
    return list(found.values())


async def _settle(case: ConflictCase, choices: ConflictChoices, journal: Journal) -> None:
    parties = await parties_of(case.id)
    if case.state is ConflictState.RULED:
        await change_case(case, {"state": ConflictState.CLOSED, "ended_at": journal.now}, journal)
        journal.emit("ConflictClosed", "ConflictCase", case.id, describe(case, parties))
        await tell("conflict_closed", case, parties, journal)
        return
    if case.due_at > journal.now:
        await change_case(case, {"reminded_at": journal.now}, journal)
        await tell("conflict_due", case, parties, journal)
        return
    higher = None
    if case.judge_id is not None:
        above = (await superiors_of([case.judge_id]))[case.judge_id]
        higher = next((one for one in above if one not in parties.users), None)
    new = {
        "judge_id": higher,
        "due_at": journal.now + timedelta(days=choices.days_to_rule),
        "reminded_at": None,
        "escalations": case.escalations + 1,
    }
    await change_case(case, new, journal)
    payload = {"due_at": case.due_at, "judge_id": case.judge_id}
    journal.emit("ConflictEscalated", "ConflictCase", case.id, {**describe(case, parties), **payload})
    await tell("conflict_escalated", case, parties, journal)
