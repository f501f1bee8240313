"""Hand-overs: plans with their preview, lines and the tasks that went along."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from evenhand.actions.handovers.preview import shown_previews
from evenhand.ownership.handovers import models
from evenhand.ownership.handovers.rules import NO_TIER
from evenhand_schema.context import load_together
from evenhand_schema.declare import Row, bound, many, one, python
from evenhand_schema.reads.ordering import Order
from evenhand_schema.resolvers import record
from evenhand_schema.types.ownership import Pool, Verdict, verdicts_of
from evenhand_schema.types.summary import MoneySum
from evenhand_schema.types.user import User


@strawberry.type(description="How many accounts of one tier.")
class HandoverTier:
    """One tier of a book."""

    tier: str | None = strawberry.field(description="The tier: a, b or c; null for accounts without one.")
    accounts: int = strawberry.field(description="How many accounts.")


@strawberry.type(
    description="What somebody holds. The book value: open deals by their amounts times the chance to win that their "
    "stages say, and customers by what was won from them within the last 365 days; currencies are never added."
)
class HandoverBook:
    """One book."""

    value: list[MoneySum] = strawberry.field(description="The book value, by currency.")
    accounts: int = strawberry.field(description="How many accounts.")
    leads: int = strawberry.field(description="How many leads that are not converted.")
    opportunities: int = strawberry.field(description="How many open deals.")
    tiers: list[HandoverTier] = strawberry.field(description="The accounts by tier.")


async def _user(root: Any, info: strawberry.Info) -> User | None:
    found: User | None = await record(info, "User", root.user_id)
    return found


async def _pool(root: Any, info: strawberry.Info) -> Pool | None:
    found: Pool | None = await record(info, "Pool", root.pool_id)
    return found


@strawberry.type(description="One who loses or gets records by a hand-over.")
class HandoverHolder:
    """A user or a pool, with the books before and after."""

    user_id: strawberry.Private[str | None]
    pool_id: strawberry.Private[str | None]
    before: HandoverBook = strawberry.field(description="What it holds before; nothing is counted for a pool.")
    after: HandoverBook = strawberry.field(description="What it holds after; for a pool only what it gets.")
    is_eligible: bool = strawberry.field(description="Whether it can hold records.")
    is_absent: bool = strawberry.field(description="Whether the user is away today.")

    user: User | None = strawberry.field(resolver=_user, description="The user; null for a pool.")
    pool: Pool | None = strawberry.field(resolver=_pool, description="The pool; null for a user.")


@strawberry.type(description="A customer that would get another owner too often within a year.")
class HandoverTooOften:
    """One customer over the limit."""

    entity: str = strawberry.field(description="Account or Lead.")
    record_id: strawberry.ID = strawberry.field(description="Its id.")
    changes: int = strawberry.field(description="How often it got another owner within the last 365 days.")
    override_reason: str | None = strawberry.field(description="Why it may be; null when nobody said so.")


@strawberry.type(description="A record against whose move a limit stands: a cap, a freeze, a conflict, …")
class HandoverRefusal:
    """What the guard of all changes of owners says."""

    entity: str = strawberry.field(description="The kind of record.")
    record_id: strawberry.ID = strawberry.field(description="Its id.")
    code: str = strawberry.field(description="What stands against it, a stable word for programs.")
    message: str = strawberry.field(description="What stands against it, for people.")


@strawberry.type(description="What a draft would do if it were executed now, or what an executed hand-over did.")
class HandoverPreview:
    """The preview of one plan."""

    holders: list[HandoverHolder] = strawberry.field(description="Who hands over first, then who gets records.")
    too_often: list[HandoverTooOften] = strawberry.field(
        description="Customers that would get another owner more often within a year than the tenant allows."
    )
    refused: list[HandoverRefusal] = strawberry.field(description="Records against whose move a limit stands.")
    moving: int = strawberry.field(description="How many records change hands.")
    undecided: int = strawberry.field(description="How many stay, because nobody is chosen for them.")
    stale: int = strawberry.field(
        description="How many changed hands since they were planned, or are closed; they are left alone."
    )
    tasks: int = strawberry.field(description="How many open tasks go along.")
    tickets: int = strawberry.field(description="How many open tickets go along with their customers.")
    loose: int = strawberry.field(
        description="How many other open tasks and tickets there are, about no record that changes hands."
    )
    user_id: strawberry.Private[str | None]
    loose_to: User | None = strawberry.field(
        resolver=_user,
        description="The superior who gets these; null when they stay: who hands over still holds records or keeps "
        "watching, or nobody stands above.",
    )


def _book(plain: Mapping[str, Any]) -> HandoverBook:
    records, tiers = plain["records"], plain["tiers"]
    value: list[Any] = [
        Row("MoneySum", {"currency": currency, "amount": Decimal(amount)})
        for currency, amount in sorted(plain["values"].items())
    ]
    return HandoverBook(
        value=value,
        accounts=records.get("Account", 0),
        leads=records.get("Lead", 0),
        opportunities=records.get("Opportunity", 0),
        tiers=[
            HandoverTier(tier=None if tier == NO_TIER else tier, accounts=count)
            for tier, count in sorted(tiers.items())
        ],
    )


def _preview(plain: Mapping[str, Any]) -> HandoverPreview:
    return HandoverPreview(
        holders=[
            HandoverHolder(
                user_id=item["user"],
                pool_id=item["pool"],
                before=_book(item["before"]),
                after=_book(item["after"]),
                is_eligible=item["eligible"],
                is_absent=item["absent"],
            )
            for item in plain["holders"]
        ],
        too_often=[HandoverTooOften(**item) for item in plain["too_often"]],
        refused=[HandoverRefusal(**item) for item in plain["refused"]],
        **{name: plain.get(name, 0) for name in ("moving", "undecided", "stale", "tasks", "tickets", "loose")},
        user_id=plain.get("loose_user"),
    )


async def _load(keys: list[UUID]) -> list[HandoverPreview]:
    found = await shown_previews(keys)
    return [_preview(found[key]) for key in keys]


async def _previewed(root: Any, info: strawberry.Info) -> HandoverPreview:
    preview: HandoverPreview = await load_together(info, root.id, _load)
    return preview


def _verdicts(root: Any) -> list[Verdict]:
    return verdicts_of(root.verdicts)


@bound(models.Handover)
class Handover:
    """A plan that gives the records of one user to others, all in one transaction."""

    entities: list[str]
    from_user = one("User", "from_user_id", "Who hands over.")
    created_by = one("User", "created_by_id", "Who planned it; null for the system.")
    executed_by = one("User", "executed_by_id", "Who executed it; null for the system.")
    ended_by = one("User", "ended_by_id", "Who undid or cancelled it; null for the system.")
    lines = many("HandoverLine", "handover_id", "Its records, and who is to get each.", Order("entity"))
    tasks = many(
        "HandoverTask", "handover_id", "Open tasks and tickets that went along, or to a superior.", Order("id")
    )
    preview = python(HandoverPreview, ["id"], _previewed, "What it would do now; of an executed one, what it did.")


@bound(models.HandoverLine)
class HandoverLine:
    """One record of a hand-over: who is to get it, and how that was chosen."""

    handover = one("Handover", "handover_id", "The plan.")
    account = one("Account", "account_id", "The customer it belongs to: the account itself, or that of lead or deal.")
    to_user = one("User", "to_user_id", "Who is to get it; null when a pool is, or when it stays.")
    to_pool = one("Pool", "to_pool_id", "The pool that is to get it.")
    decision = one("Decision", "decision_id", "The policy's decision, once the plan is executed.")
    verdicts = python(
        list[Verdict], ["verdicts"], _verdicts, "What the policy found about each candidate, the first in line first."
    )


@bound(models.HandoverTask)
class HandoverTask:
    """An open task or ticket that went along with its record, or to a superior."""

    task = one("Task", "task_id", "The task; null for a ticket.")
    ticket = one("Ticket", "ticket_id", "The ticket; null for a task.")
    to_user = one("User", "to_user_id", "Who got it; null for nobody.")


__all__ = ["Handover", "HandoverLine", "HandoverPreview", "HandoverTask"]
