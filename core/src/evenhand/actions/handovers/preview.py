"""What a hand-over would do: books before and after, who should not get records, which customers change too often."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from evenhand import clock
from evenhand.actions.handovers.settings import handover_limits
from evenhand.actions.handovers.tasks import superior_of
from evenhand.actions.journal import Journal, Why
from evenhand.actions.pools.guard import CHECKS, Inspection, Transfer
from evenhand.actions.stages import tenant_zone
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.errors import NotFound
from evenhand.ownership.handovers.models import Handover
from evenhand.ownership.handovers.reading import (
    ENTITIES,
    books_of,
    items_of,
    may_hand_over,
    owner_changes,
    people,
    tasks_along,
    work_left,
)
from evenhand.ownership.handovers.rules import Book, Item, Target, books_after, over_limit
from evenhand.ownership.holders import Holder
from evenhand.tenancy.context import current_actor, current_tenant

_LINES = """
SELECT entity, record_id, since, to_user_id, to_pool_id, override_reason FROM handover_lines
WHERE tenant_id = $1 AND handover_id = $2 ORDER BY record_id
"""


@dataclass(frozen=True)
class HolderPreview:
    """One who loses or gets records.

    Attributes:
        before, after: the books; that of a pool holds only what it would get.
        eligible: whether the user can hold records.
        absent: whether the user is away today.
    """

    target: Target
    before: Book
    after: Book
    eligible: bool = True
    absent: bool = False

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "user": str(self.target.user_id) if self.target.user_id is not None else None,
            "pool": str(self.target.pool_id) if self.target.pool_id is not None else None,
            "eligible": self.eligible,
            "absent": self.absent,
            "before": _plain(self.before),
            "after": _plain(self.after),
        }


@dataclass(frozen=True)
class Preview:
    """What would happen if the plan were executed now.

    Attributes:
        holders: who hands over first, then who gets something.
        too_often: customers that would get another owner more often within a year than the tenant allows, with how
            often they did already, and whether the line says why it may be.
        refused: records against whose move a limit stands (a cap, a freeze, …), with code and words.
        undecided: records for which nobody is chosen; they stay.
        stale: records that changed hands since they were planned, or are closed; they would be left alone.
        tasks, tickets: open ones that would go along.
        loose: other open tasks and tickets of who hands over, which are about no record that moves.
        loose_user: the superior who would get them; None when they stay, because who hands over still holds records or
            keeps watching, or nobody stands above.
    """

    holders: Sequence[HolderPreview]
    too_often: Sequence[Mapping[str, Any]]
    refused: Sequence[Mapping[str, Any]]
    moving: int
    undecided: int
    stale: int
    tasks: int
    tickets: int
    loose: int
    loose_user: UUID | None

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "holders": [one.plain() for one in self.holders],
            "too_often": [dict(one) for one in self.too_often],
            "refused": [dict(one) for one in self.refused],
            "moving": self.moving,
            "undecided": self.undecided,
            "stale": self.stale,
            "tasks": self.tasks,
            "tickets": self.tickets,
            "loose": self.loose,
            "loose_user": str(self.loose_user) if self.loose_user is not None else None,
        }


def _plain(book: Book) -> dict[str, Any]:
    return {
        "values": {currency: str(value) for currency, value in sorted(book.values.items()) if value},
        "tiers": {tier: count for tier, count in sorted(book.tiers.items()) if count},
        "records": {entity: count for entity, count in sorted(book.records.items()) if count},
    }


async def preview_of(plan: Handover, journal: Journal, *, inspect: bool = False) -> Preview:
    """What the plan would do at this moment; about ten statements, whatever the number of lines.

    Args:
        journal: whose time it is; nothing is noted in it.
        inspect: also ask the guard of all changes of holders what stands against them.
    """
    lines = [dict(row) for row in await raw_connection(journal.client).fetch(_LINES, current_tenant(), plan.id)]
    today = journal.now.astimezone(await tenant_zone()).date()
    items = await items_of([line["record_id"] for line in lines], today)
    fresh = [line for line in lines if _unchanged(line, items)]
    moves = [(items[line["record_id"]], Target(line["to_user_id"], line["to_pool_id"])) for line in fresh]
    moving = [(item, target) for item, target in moves if target]
    users = await people(today)
    receivers = {target.user_id for _, target in moving if target.user_id is not None}
    books = await books_of({plan.from_user_id, *receivers}, today)
    customers = {item.record_id: item.entity for item, _ in moving if item.entity != "Opportunity"}
    changes = await owner_changes(customers, journal.now)
    along = await tasks_along(plan.from_user_id, {item.record_id: target.user_id for item, target in moving})
    limit = (await handover_limits()).changes_per_year
    reasons = {line["record_id"]: line["override_reason"] for line in lines}
    over = over_limit(changes, limit, [(item.record_id, target) for item, target in moving]) & customers.keys()
    holders = _holders(plan.from_user_id, books, moving, users)
    loose = await work_left(plan.from_user_id, {row["id"] for row in along})
    leaves = not plan.keep_watching and not any(holders[0].after.records.values())
    return Preview(
        holders=holders,
        too_often=[
            {
                "entity": customers[customer],
                "record_id": str(customer),
                "changes": changes[customer],
                "override_reason": reasons[customer],
            }
            for customer in sorted(over)
        ],
        refused=await _refused(plan, moving, journal) if inspect else [],
        moving=len(moving),
        undecided=len(moves) - len(moving),
        stale=len(lines) - len(fresh),
        tasks=sum(row["entity"] == "Task" for row in along),
        tickets=sum(row["entity"] == "Ticket" for row in along),
        loose=len(loose),
        loose_user=await superior_of(plan.from_user_id) if loose and leaves else None,
    )


async def _refused(plan: Handover, moving: Sequence[tuple[Item, Target]], journal: Journal) -> list[dict[str, Any]]:
    """What the guard would say if the plan were executed now, by record."""
    found = []
    why = Why(OwnershipReason.HANDED_OVER)
    for name in ENTITIES:
        targets = {item.record_id: target for item, target in moving if item.entity == name}
        records = await entity(name).model.filter(id__in=list(targets)).order_by("id") if targets else []
        before = Holder(plan.from_user_id)
        transfers = [
            Transfer(one.id, one.columns(), before, Holder(targets[one.id].user_id, targets[one.id].pool_id), why, None)
            for one in records
        ]
        inspection = Inspection(entity(name), transfers, journal)
        for check in CHECKS if transfers else ():
            await check(inspection)
        found += [
            {
                "entity": name,
                "record_id": str(transfers[place].record_id),
                "code": error.code,
                "message": error.message,
            }
            for place, error in sorted(inspection.refused.items())
        ]
    return found


def _unchanged(line: Mapping[str, Any], items: Mapping[UUID, Item]) -> bool:
    item = items.get(line["record_id"])
    return item is not None and item.since == line["since"]


def _holders(
    leaver: UUID,
    books: Mapping[UUID, Book],
    moving: Sequence[tuple[Item, Target]],
    users: Mapping[UUID, Mapping[str, Any]],
) -> list[HolderPreview]:
    before = {Target(user): book for user, book in books.items()}
    after = books_after(before, Target(leaver), moving)
    order = sorted(after, key=lambda one: (one.user_id != leaver, one.user_id is None, str(one.user_id or one.pool_id)))
    return [
        HolderPreview(
            target,
            before.get(target, Book()),
            after[target],
            eligible=target.user_id is None or bool(users[target.user_id]["eligible"]),
            absent=target.user_id is not None and bool(users[target.user_id]["absent"]),
        )
        for target in order
    ]


async def preview_handover(handover_id: UUID) -> dict[str, Any]:
    """What a draft would do now, or what an executed one did, as JSON, see `Preview`; changes nothing.

    Raises:
        NotFound, PermissionDenied.
    """
    return (await shown_previews([handover_id]))[handover_id]


async def shown_previews(handover_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """The previews of plans as JSON, see `preview_handover`."""
    require(current_actor(), Operation.READ, "Handover")
    async with reading() as client:
        plans = {plan.id: plan for plan in await Handover.filter(id__in=list(handover_ids))}
        journal = Journal("preview_handover", current_actor(), client, clock.now())
        found: dict[UUID, dict[str, Any]] = {}
        for handover_id in handover_ids:
            plan = plans.get(handover_id)
            if plan is None:
                raise NotFound("Handover", handover_id)
            if not await may_hand_over(current_actor(), plan.from_user_id):
                raise PermissionDenied(
                    "Managers look at hand-overs of themselves and of their people.", hint="Ask an admin."
                )
            found[handover_id] = plan.books or (await preview_of(plan, journal, inspect=True)).plain()
    return found
