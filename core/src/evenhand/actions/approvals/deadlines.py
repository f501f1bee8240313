"""What happens to requests that are not decided in time: set-based, and the same however often it is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.approvals.asking import Open, due, seat_row, staff, tell_waiting
from evenhand.actions.approvals.decisions import opened_steps, tell_requesters
from evenhand.actions.approvals.requests import end_requests
from evenhand.actions.journal import Journal, writing
from evenhand.actions.stages import tenant_zone
from evenhand.approvals.models import ApprovalRequest, ApprovalSeat
from evenhand.approvals.reading import read_steps
from evenhand.approvals.rules import AtDeadline, Step, escalated
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities.enums import ApprovalState

BATCH = 200
_REASON = "It was not decided in time."


async def settle_deadlines() -> int:
    """Remind, escalate or end what is overdue in the current tenant, in batches. Returns: how many requests.

    Several at once take different requests; a request that was settled is not due any more.
    """
    settled = 0
    while True:
        async with writing("settle_approval_deadlines") as journal:
            overdue = await (
                ApprovalRequest.filter(state=ApprovalState.PENDING, due_at__lte=journal.now)
                .order_by("id")
                .limit(BATCH)
                .select_for_update(no_key=True, skip_locked=True)
            )
            await _settle(overdue, journal)
        settled += len(overdue)
        if len(overdue) < BATCH:
            return settled


def _step(request: ApprovalRequest) -> Step:
    return read_steps(request.steps)[0][request.step - 1]


async def _settle(overdue: Sequence[ApprovalRequest], journal: Journal) -> None:
    by_end: dict[AtDeadline, list[ApprovalRequest]] = {}
    for request in overdue:
        by_end.setdefault(_step(request).at_deadline, []).append(request)
    for at_deadline, state in (
        (AtDeadline.REJECT, ApprovalState.REJECTED),
        (AtDeadline.EXPIRE, ApprovalState.EXPIRED),
    ):
        ending = by_end.get(at_deadline, [])
        await end_requests(ending, state, journal, reason=_REASON)
        await tell_requesters([(request, state) for request in ending], journal)
    going_on = by_end.get(AtDeadline.REMIND, []) + by_end.get(AtDeadline.ESCALATE, [])
    if not going_on:
        return
    today = journal.now.astimezone(await tenant_zone()).date()
    seats: dict[UUID, list[ApprovalSeat]] = {}
    for seat in await ApprovalSeat.filter(request_id__in=[one.id for one in going_on], closed_at=None).order_by("id"):
        seats.setdefault(seat.request_id, []).append(seat)
    asked = await _escalate(by_end.get(AtDeadline.ESCALATE, []), seats, journal)
    rows: list[dict[str, Any]] = []
    told: list[tuple[Open, UUID, str]] = []
    opened = await opened_steps([(request, request.step) for request in going_on])
    for request in going_on:
        until = due(_step(request), journal.now)
        rows.append({"id": request.id, "tenant_id": request.tenant_id, "due_at": until})
        users = asked.get(request.id) or [seat.user_id for seat in seats.get(request.id, ())]
        told += [(opened[request.id], user, f"{request.due_at:%Y%m%d%H%M%S}") for user in users]
        done = "escalated_to" if request.id in asked else "reminded"
        after = {"due_at": until, done: [str(user) for user in users]}
        journal.record("ApprovalRequest", request.id, before={"due_at": request.due_at}, after=after)
    await update_rows(journal.client, ApprovalRequest, rows)
    await tell_waiting(told, journal, today)


async def _escalate(
    requests: Sequence[ApprovalRequest], seats: Mapping[UUID, Sequence[ApprovalSeat]], journal: Journal
) -> dict[UUID, list[UUID]]:
    """Ask the managers of those who did not decide, in their place. Returns: who is asked now, by request.

    Who has nobody above stays asked.
    """
    if not requests:
        return {}
    known = await staff(journal)
    ever: dict[UUID, dict[int, set[UUID]]] = {}
    for seat in await ApprovalSeat.filter(request_id__in=[one.id for one in requests]):
        ever.setdefault(seat.request_id, {}).setdefault(seat.step, set()).add(seat.user_id)
    rows: list[dict[str, Any]] = []
    closing: list[UUID] = []
    asked: dict[UUID, list[UUID]] = {}
    for request in requests:
        there = ever[request.id][request.step]
        for seat in seats.get(request.id, ()):
            above = escalated(seat.user_id, known.people, request.requested_by_id)
            if above is None:
                continue
            closing.append(seat.id)
            if above not in there:
                there.add(above)
                rows.append(seat_row(request.id, request.step, above, journal, escalated_from=seat.user_id))
                asked.setdefault(request.id, []).append(above)
    await insert_rows(journal.client, ApprovalSeat, rows)
    await ApprovalSeat.filter(id__in=closing).update(closed_at=journal.now)
    return asked
