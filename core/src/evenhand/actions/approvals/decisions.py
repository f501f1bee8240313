"""Decide on approvals: one decision ends or advances a request, however many people decide at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.approvals.asking import Open, deputies, due, label_of, open_steps, owners_of, staff
from evenhand.actions.approvals.requests import EVENTS, lock_request, refuse_ended, told
from evenhand.actions.journal import Journal, writing
from evenhand.actions.notifications import Message, notify_all
from evenhand.actions.records import Change, lock_known, update_records
from evenhand.actions.sight import beyond_sight
from evenhand.actions.stages import tenant_zone
from evenhand.actions.values import require_value
from evenhand.approvals.errors import AlreadyDecided, NotApprover, StepPassed
from evenhand.approvals.models import ApprovalDecision, ApprovalRequest, ApprovalSeat
from evenhand.approvals.reading import read_steps
from evenhand.approvals.rules import Case, Refused, decide, seat_for
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities.enums import ApprovalState, ApprovalVerdict, OnApproved
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError, NotFound
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel, uuid7


async def decide_approval(
    request_id: UUID, verdict: ApprovalVerdict, *, comment: str | None = None, step: int | None = None
) -> bool:
    """Approve or reject at the current step of a request; for who is asked, or a deputy of today.

    Args:
        step: the step that the person saw; with it, a call that is sent again never decides on the next step.

    Returns: False when the caller decided the same at that step before.

    Raises:
        NotFound, ApprovalEnded, StepPassed, AlreadyDecided; NotApprover: also for one's own request.
        PermissionDenied: read-only, or no user.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "ApprovalRequest")
    if actor.user_id is None:
        raise PermissionDenied("The system decides on no approvals.", hint="Use the key of who is asked.")
    said = require_value(ApprovalDecision, "comment", comment)
    async with writing("decide_approval") as journal:
        request = await _lock(request_id)
        decisions = await ApprovalDecision.filter(request_id=request.id)
        at_step = step if step is not None else request.step
        own = next((one for one in decisions if one.step == at_step and one.decided_by_id == actor.user_id), None)
        if own is not None:
            if own.verdict is verdict:
                return False
            raise AlreadyDecided(
                f"You decided on step {at_step} before: {own.verdict.value}.", hint="Tell who requested the approval."
            )
        refuse_ended(request)
        if at_step != request.step:
            raise StepPassed(f"The approval is at step {request.step}.", hint="Read it again.", step=request.step)
        await _decide(request, decisions, actor.user_id, verdict, said, journal)
        return True


async def _lock(request_id: UUID) -> ApprovalRequest:
    """Lock a request, and before it the record that changes with it, as writers of the record do."""
    found = await ApprovalRequest.get_or_none(id=request_id)
    if found is None:
        raise NotFound("ApprovalRequest", request_id)
    if found.on_approved is OnApproved.APPLY:
        with beyond_sight():
            await lock_known(entity(found.entity), [found.record_id])
    return await lock_request(request_id)


async def _decide(
    request: ApprovalRequest,
    decisions: Sequence[ApprovalDecision],
    actor: UUID,
    verdict: ApprovalVerdict,
    comment: str | None,
    journal: Journal,
) -> None:
    today = journal.now.astimezone(await tenant_zone()).date()
    seats = await ApprovalSeat.filter(request_id=request.id, step=request.step, closed_at=None)
    here = [one for one in decisions if one.step == request.step]
    case = Case(
        requester=request.requested_by_id,
        needs=tuple(one.need for one in read_steps(request.steps)[0]),
        step=request.step,
        waiting=frozenset(one.user_id for one in seats),
        approved=frozenset(one.seat_user_id for one in here),
        deciders=frozenset(one.decided_by_id for one in here),
    )
    seat = seat_for(case, actor, [user for user, _ in await deputies(journal, today, deputy=actor)])
    if isinstance(seat, Refused):
        own = seat is Refused.OWN_REQUEST
        raise NotApprover(
            "You requested this approval yourself." if own else f"You are not asked at step {request.step}.",
            hint="Somebody else decides." if own else "Those who are asked, or their deputies of today, decide.",
        )
    after = decide(case, seat, actor, verdict)
    row = {"id": uuid7(), "tenant_id": request.tenant_id, "request_id": request.id, "step": request.step}
    row |= {"seat_user_id": seat, "decided_by_id": actor, "verdict": verdict, "comment": comment}
    await insert_rows(journal.client, ApprovalDecision, [{**row, "decided_at": journal.now}])
    done = after.state is not ApprovalState.PENDING or after.step != case.step
    closing = [one.id for one in seats if done or one.user_id == seat]
    await ApprovalSeat.filter(id__in=closing).update(closed_at=journal.now)
    await _advance(request, after, journal, today, {"verdict": verdict, "seat_user_id": seat, "comment": comment})


async def _advance(
    request: ApprovalRequest, after: Case, journal: Journal, today: Any, decided: dict[str, Any]
) -> None:
    """Write where the request stands after a decision, and do what follows."""
    steps = read_steps(request.steps)[0]
    new: dict[str, Any] = {"state": after.state, "step": after.step}
    if after.state is not ApprovalState.PENDING:
        new |= {"ended_at": journal.now, "due_at": None}
        if after.state is ApprovalState.APPROVED and request.valid_days is not None:
            new["valid_until"] = journal.now + timedelta(days=request.valid_days)
    elif after.step != request.step:
        new["due_at"] = due(steps[after.step - 1], journal.now)
    before = {name: getattr(request, name) for name in new}
    await update_rows(journal.client, ApprovalRequest, [{"id": request.id, "tenant_id": request.tenant_id, **new}])
    journal.record("ApprovalRequest", request.id, before=before, after={**new, **decided})
    moved = after.step != request.step
    for name, value in new.items():
        setattr(request, name, value)
    if after.state is not ApprovalState.PENDING:
        payload = told(request.columns()) | {"reason": decided["comment"]}
        journal.emit(EVENTS[after.state], "ApprovalRequest", request.id, payload)
        await tell_requesters([(request, after.state)], journal)
    elif moved:
        opened = await opened_steps([(request, after.step)])
        await open_steps(list(opened.values()), await staff(journal), journal, today)
    if after.state is ApprovalState.APPROVED and request.on_approved is OnApproved.APPLY:
        await _apply(request, journal)


async def opened_steps(numbers: Sequence[tuple[ApprovalRequest, int]]) -> dict[UUID, Open]:
    """Steps of requests, to be asked about, by the requests' ids; a statement or two for each entity."""
    records: dict[tuple[str, UUID], RecordModel] = {}
    for name in {request.entity for request, _ in numbers}:
        ids = {request.record_id for request, _ in numbers if request.entity == name}
        records |= {(name, one.id): one for one in await entity(name).model.filter(id__in=list(ids))}
    owners = await owners_of(records.values())
    found = {}
    for request, number in numbers:
        record = records[request.entity, request.record_id]
        found[request.id] = Open(
            request_id=request.id,
            entity=request.entity,
            record_id=request.record_id,
            title=request.title,
            label=label_of(entity(request.entity), record),
            number=number,
            step=read_steps(request.steps)[0][number - 1],
            requester=request.requested_by_id,
            owner=owners[record.id],
        )
    return found


_SAID = {
    ApprovalState.APPROVED: {"en": "Approved", "zh": "已批准"},
    ApprovalState.REJECTED: {"en": "Rejected", "zh": "已驳回"},
    ApprovalState.EXPIRED: {"en": "Not decided in time", "zh": "逾期未审批"},
}


async def tell_requesters(ended: Sequence[tuple[ApprovalRequest, ApprovalState]], journal: Journal) -> None:
    """Tell who requested approvals how they ended."""
    await notify_all(
        journal,
        [
            Message(
                user_id=request.requested_by_id,
                kind="approval_ended",
                title={language: f"{said}: {request.title}" for language, said in _SAID[state].items()},
                entity=request.entity,
                record_id=request.record_id,
                key=f"approval:{request.id}:ended",
            )
            for request, state in ended
            if request.requested_by_id is not None
        ],
    )


async def _apply(request: ApprovalRequest, journal: Journal) -> None:
    """Do what was approved; when that is not possible, the approval stays and says why."""
    try:
        async with journal.attempt():
            change = Change(request.record_id, request.change)
            # Whoever may decide changes the record by it, also one that is not the decider's to see.
            with beyond_sight():
                await update_records(entity(request.entity), [change], journal=journal)
    except EvenhandError as error:
        reason = require_value(ApprovalRequest, "end_reason", f"Approved, but not done: {error.message}"[:500])
        row = {"id": request.id, "tenant_id": request.tenant_id, "end_reason": reason}
        await update_rows(journal.client, ApprovalRequest, [row])
        journal.record("ApprovalRequest", request.id, before={"end_reason": None}, after={"end_reason": reason})
