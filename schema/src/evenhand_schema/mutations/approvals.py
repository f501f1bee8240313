"""Mutations of approvals: `requestApproval`, `decideApproval`, `cancelApproval`, `setDeputy`, `endDeputy`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import date
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.approvals.decisions import decide_approval
from evenhand.actions.approvals.deputies import end_deputy, set_deputy
from evenhand.actions.approvals.requests import cancel_approval, request_approval
from evenhand.entities.enums import ApprovalKind, ApprovalVerdict, OnApproved, OrderStatus
from evenhand.entities.registry import ENTITIES
from evenhand.errors import InvalidInput, Problem
from evenhand_schema.columns import enum_type
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, described, mutation, result
from evenhand_schema.mutations.ownership import prepare
from evenhand_schema.mutations.records import changed
from evenhand_schema.resolvers import record
from evenhand_schema.scalars import JSON
from evenhand_schema.types import ApprovalRequest


async def _requested(root: Any, info: Info) -> list[ApprovalRequest]:
    return [await record(info, "ApprovalRequest", one) for one in root.ids]


@strawberry.type(description="The approvals that something needs, requested now or before.")
class ApprovalsRequested:
    """The answer of `requestApproval`."""

    ids: strawberry.Private[list[UUID]]
    approvals: list[ApprovalRequest] = strawberry.field(
        resolver=_requested, description="One for each policy that asks for one."
    )


async def _request(
    info: Info,
    entity: str,
    id: Any,
    stage_id: Any,
    status: Any,
    kind: Any,
    facts: Any,
    comment: str | None,
    on_approved: Any,
) -> ApprovalsRequested:
    if entity not in ENTITIES:
        hint = "Use a name such as Opportunity or Order."
        raise InvalidInput([Problem("entity", "UNKNOWN_ENTITY", f"entity: there is no {entity[:64]!r}.", hint)])
    if facts is not None and not isinstance(facts, dict):
        raise InvalidInput([Problem("facts", "WRONG_TYPE", "facts: is no object.", "Give an object.")])
    await prepare(info, entity)
    ids = await request_approval(
        entity,
        to_uuid(id),
        stage_id=None if stage_id is None else to_uuid(stage_id),
        status=status,
        kind=kind,
        facts=facts,
        comment=comment,
        on_approved=on_approved,
    )
    return ApprovalsRequested(ids=ids)


async def _decide(info: Info, id: Any, verdict: Any, comment: str | None, step: int | None) -> Any:
    request_id = to_uuid(id)

    async def act() -> UUID:
        await decide_approval(request_id, verdict, comment=comment, step=step)
        return request_id

    return await changed(info, "ApprovalRequest", act)


async def _cancel(info: Info, id: Any, reason: str | None) -> Any:
    request_id = to_uuid(id)

    async def act() -> UUID:
        await cancel_approval(request_id, reason=reason)
        return request_id

    return await changed(info, "ApprovalRequest", act)


async def _set_deputy(
    info: Info, deputy_id: Any, user_id: Any, starts_on: date | None, ends_on: date | None, note: str | None
) -> Any:
    deputy = to_uuid(deputy_id)
    user = None if user_id is None else to_uuid(user_id)

    async def act() -> UUID:
        return await set_deputy(deputy, user_id=user, starts_on=starts_on, ends_on=ends_on, note=note)

    return await changed(info, "Deputy", act)


async def _end_deputy(info: Info, id: Any) -> Any:
    deputy = to_uuid(id)

    async def act() -> UUID:
        await end_deputy(deputy)
        return deputy

    return await changed(info, "Deputy", act)


_REQUEST: dict[str, tuple[Any, Any]] = {
    "entity": (described(str, "The kind of record, such as Opportunity or Order."), REQUIRED),
    "id": (ID, REQUIRED),
    "stage_id": (described(strawberry.ID | None, "To move the deal to this stage."), None),
    "status": (described(enum_type(OrderStatus) | None, "To give the order this status."), None),
    "kind": (
        described(
            enum_type(ApprovalKind) | None,
            "Only approvals of this kind; without stage and status, an approval of the record as it is.",
        ),
        None,
    ),
    "facts": (described(JSON | None, "What is to be approved, for the kind CUSTOM only."), None),
    "comment": (described(str | None, "Why, for those who decide."), None),
    "on_approved": (described(enum_type(OnApproved), "What follows by itself."), OnApproved.NOTHING),
}
_DECIDE: dict[str, tuple[Any, Any]] = {
    "id": (ID, REQUIRED),
    "verdict": (described(enum_type(ApprovalVerdict), "The decision."), REQUIRED),
    "comment": (described(str | None, "Why."), None),
    "step": (
        described(int | None, "The step that was seen; with it, a call sent again decides nothing else."),
        None,
    ),
}


def approval_mutations(deputy: Any) -> dict[str, Any]:
    """The mutations by Python name.

    Args:
        deputy: the union that answers with a deputy.
    """
    request = result("ApprovalRequest", ApprovalRequest, description="The request, or why nothing was changed.")
    requested = result("RequestApproval", ApprovalsRequested, description="The requests, or why there are none.")
    reason = (described(str | None, "Why it is not needed any more."), None)
    user = "Whose; the caller's own when left out, of others for managers and admins."
    return {
        "request_approval": mutation(
            _request, _REQUEST, requested, "Request the approvals that something intended needs, as the record is now."
        ),
        "decide_approval": mutation(
            _decide, _DECIDE, request, "Approve or reject, for who is asked at the current step, or a deputy."
        ),
        "cancel_approval": mutation(
            _cancel, {"id": (ID, REQUIRED), "reason": reason}, request, "Take a request back while it is pending."
        ),
        "set_deputy": mutation(
            _set_deputy,
            {
                "deputy_id": (described(strawberry.ID, "Who decides."), REQUIRED),
                "user_id": (described(strawberry.ID | None, user), None),
                "starts_on": (described(date | None, "The first day; without days whenever the user is absent."), None),
                "ends_on": (described(date | None, "The last day."), None),
                "note": (described(str | None, "A remark."), None),
            },
            deputy,
            "Name who decides on approvals for a user who is away.",
        ),
        "end_deputy": mutation(_end_deputy, {"id": (ID, REQUIRED)}, deputy, "Take back a deputy."),
    }
