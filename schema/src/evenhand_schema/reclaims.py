"""The fields `dueForReclaim` and `reclaimPreview`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand.db.session import reading
from evenhand.ownership.clocks.due import MOST, Due, due_for_reclaim, reclaim_preview
from evenhand.ownership.clocks.reading import OWNABLE, rule_book
from evenhand.tenancy.context import Role
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.reads.budget import LIST_COST
from evenhand_schema.resolvers import record
from evenhand_schema.types import User
from evenhand_schema.types.reclaim import Reclaim, reclaim_of
from evenhand_schema.types.shared import OwnableEntity


async def _owner(root: Any, info: Info) -> User | None:
    found: User | None = await record(info, "User", root.owner_id)
    return found


@strawberry.type(description="A record that goes back to its pool.")
class ReclaimDue:
    """One member of a list of what goes back."""

    entity: str = strawberry.field(description="What kind of record it is.")
    record_id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="What people call it.")
    owner_id: strawberry.ID = strawberry.field(description="Id of who holds it.")
    held_since: datetime = strawberry.field(description="Since when.")
    reclaim: Reclaim = strawberry.field(description="When it goes back, and why.")

    owner: User | None = strawberry.field(resolver=_owner, description="Who holds it.")


@strawberry.type(description="Records that go back to their pools, the earliest first.")
class ReclaimList:
    """What goes back until a moment."""

    moment: datetime = strawberry.field(description="Until when.")
    count: int = strawberry.field(description="How many go back, also those that are not listed.")
    records: list[ReclaimDue] = strawberry.field(description="The first of them.")


_ENTITY = Annotated[OwnableEntity | None, strawberry.argument(description="Only records of this kind.")]
_FIRST = Annotated[int, strawberry.argument(description=f"So many are listed, at most {MOST}.")]


def _kinds(chosen: Any) -> tuple[str, ...]:
    return OWNABLE if chosen is None else (chosen.value,)


async def _shown(info: Info, due: Due) -> ReclaimList:
    request_of(info).spend(info, len(due.records))
    async with reading():
        books = {name: await rule_book(name, due.moment) for name in {name for name, _ in due.records}}
    records = [
        ReclaimDue(
            entity=name,
            record_id=strawberry.ID(str(held.record_id)),
            name=held.name,
            owner_id=strawberry.ID(str(held.owner_id)),
            held_since=held.held_since,
            reclaim=reclaim_of(held, held.deadline, books[name]),
        )
        for name, held in due.records
        if held.deadline is not None
    ]
    return ReclaimList(moment=due.moment, count=due.count, records=records)


async def _due(
    info: Info,
    before: Annotated[datetime, strawberry.argument(description="Until when.")],
    entity: _ENTITY = None,
    owner_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only what this user holds.")] = None,
    first: _FIRST = 100,
) -> ReclaimList:
    context = request_of(info)
    context.budget.spend(LIST_COST)
    owner = None if owner_id is None else to_uuid(owner_id)
    if owner is None and context.actor.role is Role.REP:
        owner = context.actor.user_id
    return await _shown(info, await due_for_reclaim(before, entities=_kinds(entity), owner_id=owner, first=first))


async def _preview(
    info: Info,
    on: Annotated[date | None, strawberry.argument(description="The day of the run; now when left out.")] = None,
    entity: _ENTITY = None,
    first: _FIRST = 100,
) -> ReclaimList:
    request_of(info).budget.spend(LIST_COST)
    return await _shown(info, await reclaim_preview(on, entities=_kinds(entity), first=first))


def reclaim_fields() -> dict[str, Any]:
    """The fields of `Query` by Python name."""
    return {
        "due_for_reclaim": strawberry.field(
            resolver=_due,
            description="What goes back to a pool until a moment as things stand, the earliest first; reps see theirs.",
        ),
        "reclaim_preview": strawberry.field(
            resolver=_preview,
            description="What the next run, or the run of a day, would take and why, if nothing happened before it; "
            "for managers and admins.",
        ),
    }
