"""Approvals: policies, requests with who is asked and what was decided, and deputies."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from dataclasses import dataclass
from typing import Any

from evenhand import clock
from evenhand.approvals import models
from evenhand_schema.declare import Flag, bound, many, one
from evenhand_schema.reads.arguments import Leaf
from evenhand_schema.reads.ordering import Order
from evenhand_schema.reads.parameters import Parameters

_WAITING = """
{row}.state = 'pending' AND {row}.requested_by_id IS DISTINCT FROM {me}::uuid
AND NOT EXISTS (SELECT 1 FROM approval_decisions AS mine WHERE mine.tenant_id = $1
    AND mine.request_id = {row}.id AND mine.step = {row}.step AND mine.decided_by_id = {me}::uuid)
AND EXISTS (SELECT 1 FROM approval_seats AS seat WHERE seat.tenant_id = $1 AND seat.request_id = {row}.id
    AND seat.step = {row}.step AND seat.closed_at IS NULL AND (seat.user_id = {me}::uuid
        OR seat.user_id IN (SELECT deputy.user_id FROM deputies AS deputy
            JOIN tenants AS tenant ON tenant.id = $1
            WHERE deputy.tenant_id = $1 AND deputy.deputy_id = {me}::uuid AND deputy.archived_at IS NULL
            AND (deputy.starts_on <= {today} AND deputy.ends_on >= {today}
                OR deputy.starts_on IS NULL AND EXISTS (SELECT 1 FROM absences AS absence
                    WHERE absence.tenant_id = $1 AND absence.user_id = deputy.user_id
                    AND absence.archived_at IS NULL AND absence.starts_on <= {today}
                    AND absence.ends_on >= {today})))))
"""


@dataclass(frozen=True)
class WaitingForCaller(Flag):
    """Requests on which the caller may decide now."""

    def sql(self, row: str, given: Leaf, parameters: Parameters) -> str:
        """The condition when it is given."""
        me = parameters.place(lambda actor, values: actor.user_id)
        now = parameters.place(lambda actor, values: clock.now())
        today = f"({now}::timestamptz AT TIME ZONE tenant.time_zone)::date"
        condition = f"({_WAITING.format(row=row, me=me, today=today)})"
        return condition if given.known() else f"NOT {condition}"


_FOR_ME = WaitingForCaller(
    "", "Only those that the caller may decide on now, as who is asked or as a deputy; false for the others."
)


@bound(models.ApprovalPolicy)
class ApprovalPolicy:
    """When an approval is needed, and who gives it in which order."""

    requests = many(
        "ApprovalRequest", "policy_id", "What was requested by it, the latest first.", Order("requested_at", True)
    )


@bound(models.ApprovalRequest, flags={"waiting_for_me": _FOR_ME})
class ApprovalRequest:
    """The question whether something may be done with a record, and its answer."""

    policy = one("ApprovalPolicy", "policy_id", "The policy that asks for it; null when a stage lists its own steps.")
    requested_by = one("User", "requested_by_id", "Who requested it; null for the system.")
    seats = many("ApprovalSeat", "request_id", "Who is or was asked, in order.", Order("step"), Order("opened_at"))
    decisions = many("ApprovalDecision", "request_id", "What was decided, in order.", Order("decided_at"))


@bound(models.ApprovalSeat)
class ApprovalSeat:
    """One who is asked at a step of a request."""

    request = one("ApprovalRequest", "request_id", "The request.")
    user = one("User", "user_id", "Who is asked.")
    escalated_from = one("User", "escalated_from_id", "Who did not decide in time; null when asked from the start.")


@bound(models.ApprovalDecision)
class ApprovalDecision:
    """What one person decided about one step."""

    request = one("ApprovalRequest", "request_id", "The request.")
    seat_user = one("User", "seat_user_id", "Who was asked.")
    decided_by = one("User", "decided_by_id", "Who decided: who was asked, or a deputy.")


@bound(models.Deputy)
class Deputy:
    """Who decides on approvals for somebody."""

    user = one("User", "user_id", "Whose approvals.")
    deputy = one("User", "deputy_id", "Who may decide on them.")


def approvals(entity: str) -> Any:
    """The approvals that were requested for the record."""
    return many(
        "ApprovalRequest",
        "record_id",
        "Approvals that were requested for it, the latest first.",
        Order("requested_at", descending=True),
        where={"entity": entity},
    )
