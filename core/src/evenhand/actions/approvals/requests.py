"""Request approvals for what is intended with a record, and cancel requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from evenhand.actions.approvals.asking import Open, due, label_of, open_steps, owners_of, staff
from evenhand.actions.approvals.deals import KINDS, asks_of_order, deal_facts, discount_of
from evenhand.actions.approvals.requirements import Ask, Requirement, refuse_new, requirements_of
from evenhand.actions.gates import asks_of, passage
from evenhand.actions.journal import Journal, writing
from evenhand.actions.records import lock_all, refuse_archived
from evenhand.actions.stages import tenant_zone
from evenhand.actions.values import require_value, unstorable
from evenhand.approvals.errors import ApprovalEnded, NoApprovalNeeded
from evenhand.approvals.facts import fingerprint, kept
from evenhand.approvals.models import ApprovalRequest, ApprovalSeat
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities import Opportunity, Stage
from evenhand.entities.enums import ApprovalKind, ApprovalState, OnApproved, OrderStatus, StageKind
from evenhand.entities.registry import Entity, entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import RecordModel, uuid7

LARGEST_FACTS = 50


def _wrong(field: str, code: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput([Problem(field, code, f"{field}: {message}", hint)])


async def _asks_of_stage(record: RecordModel, stage_id: UUID) -> list[Ask]:
    if not isinstance(record, Opportunity):
        raise _wrong("stage_id", "NO_STAGES", "only opportunities have stages.", "Leave it out.")
    found = await Stage.filter(Q(id=stage_id) | Q(pipeline_id=record.pipeline_id))
    stages = {stage.id: stage for stage in found}
    target = stages.get(stage_id)
    if target is None or target.pipeline_id != record.pipeline_id:
        message = f"stage {stage_id} does not exist in this pipeline."
        raise _wrong("stage_id", "REFERENCE_NOT_FOUND", message, "Use a stage of the pipeline.")
    (asks,) = await asks_of([passage(record, {"stage_id": stage_id}, target, stages)])
    if target.kind is StageKind.WON:
        (facts,) = await deal_facts("Opportunity", [(record, {})])
        asks.append(discount_of(record.id, {"stage_id": stage_id}, facts))
    return asks


async def _asks(
    kind: Entity,
    record: RecordModel,
    stage_id: UUID | None,
    status: OrderStatus | None,
    about: ApprovalKind | None,
    facts: Mapping[str, Any] | None,
) -> list[Ask]:
    """What is intended, as far as it may need approvals."""
    if facts is not None and about is not ApprovalKind.CUSTOM:
        raise _wrong("facts", "NOT_YOURS", "are found out from the record.", "Leave them out, or use the kind custom.")
    if stage_id is not None and status is None:
        asks = await _asks_of_stage(record, stage_id)
        return [ask for ask in asks if about in (None, ask.kind)]
    if status is not None and stage_id is None:
        if kind.name != "Order":
            raise _wrong("status", "NO_STATUS", "only orders are approved by their status.", "Leave it out.")
        (found,) = await deal_facts("Order", [(record, {})])
        asks = asks_of_order(record.id, {**record.columns(), "status": status}, found)
        return [ask for ask in asks if about in (None, ask.kind)]
    if stage_id is None and about is ApprovalKind.CUSTOM:
        given = facts or {}
        if len(given) > LARGEST_FACTS or unstorable(given) is not None:
            reason = unstorable(given) or f"are more than {LARGEST_FACTS}"
            raise _wrong("facts", "CANNOT_BE_KEPT", f"{reason}.", "Give a few plain values.")
        return [Ask(about, kind.name, record.id, given)]
    if stage_id is None and about is not None and about is not ApprovalKind.STAGE_MOVE:
        if kind.name not in ("Opportunity", "Order"):
            hint = "Use the kind custom for other records."
            raise _wrong("kind", "NO_DEAL", f"{kind.name} records have no {about.value}.", hint)
        if kind.name == "Order" and about not in KINDS[record.columns()["kind"]]:
            message = f"an order of the kind {record.columns()['kind'].value} needs no {about.value} approval."
            raise _wrong("kind", "OTHER_KIND", message, "Name the status that it is to have.")
        (found,) = await deal_facts(kind.name, [(record, {})])
        return [Ask(about, kind.name, record.id, found)]
    hint = "Give the stage to move an opportunity to, the status of an order, or the kind of approval."
    raise _wrong("kind", "NOTHING_INTENDED", "one intention is needed.", hint)


async def request_approval(
    entity_name: str,
    record_id: UUID,
    *,
    stage_id: UUID | None = None,
    status: OrderStatus | None = None,
    kind: ApprovalKind | None = None,
    facts: Mapping[str, Any] | None = None,
    comment: str | None = None,
    on_approved: OnApproved = OnApproved.NOTHING,
) -> list[UUID]:
    """Request the approvals that something intended needs, as the record is now.

    Args:
        stage_id: to move an opportunity to this stage.
        status: to give an order this status.
        kind: only approvals of this kind; alone, an approval of that kind for the record as it is.
        facts: what is to be approved, for the kind custom only.
        comment: why, for those who decide.
        on_approved: whether the move or the status follows by itself.

    Returns: ids of the requests; those for the same facts that are pending, or approved and not used, are not made
    again.

    Raises:
        NotFound, RecordArchived, InvalidInput, NoApprovalNeeded, NoApprover, PermissionDenied;
        ApprovalRequired: a policy that a criterion names is not there.
    """
    known = entity(entity_name)
    require(current_actor(), Operation.UPDATE, known.name)
    said = require_value(ApprovalRequest, "comment", comment)
    if on_approved is OnApproved.APPLY and stage_id is None and status is None:
        message = "there is nothing to apply."
        raise _wrong("on_approved", "NOTHING_TO_APPLY", message, "Give the stage or the status, or leave it out.")
    async with writing("request_approval") as journal:
        # The lock keeps the facts as they are, and makes two requests for the same one after the other.
        record = (await lock_all(known, [record_id]))[record_id]
        refuse_archived(known, record)
        asks = await _asks(known, record, stage_id, status, kind, facts)
        needed: dict[str, Requirement] = {}
        for one in await requirements_of(asks):
            if one is not None:
                needed.setdefault(one.basis, one)
        if not needed:
            raise NoApprovalNeeded(
                f"No policy asks for an approval of this {known.labels['en']}.", hint="Go on without one."
            )
        for refused in refuse_new(dict(enumerate(one for one in needed.values() if not one.steps))).values():
            raise refused
        there = await _there(record_id, known.name, needed, journal)
        new = [one for basis, one in needed.items() if basis not in there]
        made = await _insert(new, record, label_of(known, record), said, on_approved, journal)
        return [there.get(basis) or made[basis] for basis in needed]


async def _there(record_id: UUID, name: str, needed: Mapping[str, Requirement], journal: Journal) -> dict[str, UUID]:
    """Requests that serve already, by their bases; those that wait with other facts of the same intention end."""
    rows = (
        await ApprovalRequest.filter(
            record_id=record_id,
            entity=name,
            basis__in=list(needed),
            state__in=[ApprovalState.PENDING, ApprovalState.APPROVED],
        )
        .order_by("id")
        .select_for_update(no_key=True)
    )
    found: dict[str, UUID] = {}
    stale: list[ApprovalRequest] = []
    for row in rows:
        ask = needed[row.basis].ask
        if row.kind is not ask.kind:
            continue
        usable = row.state is ApprovalState.PENDING or (
            row.used_at is None and (row.valid_until is None or row.valid_until > journal.now)
        )
        if usable and row.fingerprint == fingerprint(ask.facts):
            found[row.basis] = row.id
        elif row.state is ApprovalState.PENDING and row.kind is not ApprovalKind.CUSTOM and _same_aim(row, ask):
            stale.append(row)
    await end_requests(stale, ApprovalState.CANCELLED, journal, reason="Requested again, since the record changed.")
    return found


def _same_aim(row: ApprovalRequest, ask: Ask) -> bool:
    return bool(row.facts.get("stage_id") == kept(ask.facts).get("stage_id"))


async def _insert(
    new: Sequence[Requirement],
    record: RecordModel,
    label: str,
    comment: str | None,
    on_approved: OnApproved,
    journal: Journal,
) -> dict[str, UUID]:
    if not new:
        return {}
    requester, owner = journal.actor.user_id, (await owners_of([record]))[record.id]
    rows = [_row(one, comment, on_approved, journal) for one in new]
    await insert_rows(journal.client, ApprovalRequest, rows)
    opened = [
        Open(row["id"], row["entity"], record.id, row["title"], label, 1, one.steps[0], requester, owner)
        for row, one in zip(rows, new, strict=True)
    ]
    today = journal.now.astimezone(await tenant_zone()).date()
    await open_steps(opened, await staff(journal), journal, today)
    for row in rows:
        shown = {name: row[name] for name in ("kind", "entity", "record_id", "title", "facts", "change", "comment")}
        journal.record("ApprovalRequest", row["id"], before=None, after={**shown, "state": row["state"]})
        journal.emit("ApprovalRequested", "ApprovalRequest", row["id"], told(row) | {"comment": row["comment"]})
    return {one.basis: row["id"] for one, row in zip(new, rows, strict=True)}


def _row(one: Requirement, comment: str | None, on_approved: OnApproved, journal: Journal) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "kind": one.ask.kind,
        "entity": one.ask.entity,
        "record_id": one.ask.record_id,
        "basis": one.basis,
        "policy_id": one.policy.id if one.policy is not None else None,
        "policy_version": one.policy.version if one.policy is not None else None,
        "title": one.title[:300],
        "steps": [step.plain() for step in one.steps],
        "facts": kept(one.ask.facts),
        "fingerprint": fingerprint(one.ask.facts),
        "change": dict(one.ask.change),
        "on_approved": on_approved,
        "state": ApprovalState.PENDING,
        "step": 1,
        "comment": comment,
        "requested_by_id": journal.actor.user_id,
        "requested_at": journal.now,
        "due_at": due(one.steps[0], journal.now),
        "ended_at": None,
        "end_reason": None,
        "valid_days": one.policy.valid_days if one.policy is not None else None,
        "valid_until": None,
        "used_at": None,
    }


EVENTS: Mapping[ApprovalState, str] = {
    ApprovalState.APPROVED: "ApprovalApproved",
    ApprovalState.REJECTED: "ApprovalRejected",
    ApprovalState.EXPIRED: "ApprovalExpired",
    ApprovalState.CANCELLED: "ApprovalCancelled",
}


async def end_requests(
    requests: Sequence[ApprovalRequest], state: ApprovalState, journal: Journal, *, reason: str | None
) -> None:
    """End locked requests that are pending without a decision; set-based."""
    if not requests:
        return
    rows = [
        {
            "id": one.id,
            "tenant_id": one.tenant_id,
            "state": state,
            "ended_at": journal.now,
            "end_reason": reason,
            "due_at": None,
        }
        for one in requests
    ]
    await update_rows(journal.client, ApprovalRequest, rows)
    seats = ApprovalSeat.filter(request_id__in=[one.id for one in requests], closed_at=None)
    await seats.update(closed_at=journal.now)
    for one in requests:
        after = {"state": state, "end_reason": reason}
        journal.record("ApprovalRequest", one.id, before={"state": one.state, "end_reason": None}, after=after)
        journal.emit(EVENTS[state], "ApprovalRequest", one.id, told(one.columns()) | {"reason": reason})


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """What events tell of a request.

    Args:
        row: its columns.
    """
    names = ("kind", "title", "step", "facts", "change", "requested_by_id")
    return {
        **{name: row[name] for name in names},
        "subject_entity": row["entity"],
        "subject_id": row["record_id"],
    }


async def lock_request(request_id: UUID) -> ApprovalRequest:
    """Lock a request.

    Raises:
        NotFound.
    """
    found = await ApprovalRequest.filter(id=request_id).select_for_update(no_key=True).first()
    if found is None:
        raise NotFound("ApprovalRequest", request_id)
    return found


async def cancel_approval(request_id: UUID, *, reason: str | None = None) -> bool:
    """Take a request back while it is pending; for who requested it, and for admins.

    Returns: False when it was cancelled already.

    Raises:
        NotFound, ApprovalEnded, PermissionDenied.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "ApprovalRequest")
    said = require_value(ApprovalRequest, "end_reason", reason)
    async with writing("cancel_approval") as journal:
        request = await lock_request(request_id)
        if actor.role is not Role.ADMIN and (actor.user_id is None or actor.user_id != request.requested_by_id):
            raise PermissionDenied(
                "Only who requested an approval, or an admin, cancels it.", hint="Ask who requested it."
            )
        if request.state is ApprovalState.CANCELLED:
            return False
        refuse_ended(request)
        await end_requests([request], ApprovalState.CANCELLED, journal, reason=said)
        return True


def refuse_ended(request: ApprovalRequest) -> None:
    """Raise `ApprovalEnded` unless the request is pending."""
    if request.state is not ApprovalState.PENDING:
        raise ApprovalEnded(
            f"The approval {request.title!r} is {request.state.value} since {request.ended_at:%Y-%m-%d %H:%M} UTC.",
            hint="Request it again when it is still needed.",
            state=request.state.value,
        )
