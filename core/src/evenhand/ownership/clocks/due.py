"""What goes back to pools until a moment, and what the next run would take: the same reading as the run itself."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from evenhand import clock
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import reading
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.clocks.reading import OWNABLE, Held, calendars_of_tenant, due_pages, rule_book
from evenhand.ownership.visibility.reading import visible_ids
from evenhand.tenancy.context import current_actor

MOST = 1_000
"""So many records one list has at most; it counts all."""
RUN_AT = time(1)
"""When a day's run is, unless an admin scheduled it otherwise."""


@dataclass(frozen=True)
class Due:
    """Records that go back, the earliest first.

    Attributes:
        moment: until when.
        count: how many go back, also those that are not listed.
        records: kind of record and record.
    """

    moment: datetime
    count: int
    records: Sequence[tuple[str, Held]]


async def due_for_reclaim(
    before: datetime | None = None,
    *,
    entities: Sequence[str] = OWNABLE,
    owner_id: UUID | None = None,
    first: int = 100,
) -> Due:
    """What goes back until a moment as things stand now, of what the caller sees.

    Args:
        before: until when; now by default.
        owner_id: only what this user holds.
        first: so many are listed, at most `MOST`.

    Raises:
        InvalidInput, PermissionDenied.
    """
    now = clock.now()
    return await _due(now, before or now, entities, owner_id, first)


async def reclaim_preview(on: date | None = None, *, entities: Sequence[str] = OWNABLE, first: int = 100) -> Due:
    """What the run of a day would take if nothing happened before it: rules of that day, its working days.

    Args:
        on: the tenant's day; what a run at this moment would take by default, also for a day that has passed.

    Raises:
        InvalidInput; PermissionDenied: only managers and admins see what a run takes.
    """
    for name in entities:
        require(current_actor(), Operation.ASSIGN, entity(name).name)
    now = clock.now()
    moment = now
    if on is not None:
        async with reading():
            zone = (await calendars_of_tenant()).zone
        moment = max(now, datetime.combine(on, RUN_AT, zone))
    return await _due(moment, moment, entities, None, first)


async def _due(now: datetime, before: datetime, entities: Sequence[str], owner_id: UUID | None, first: int) -> Due:
    if not 0 <= first <= MOST:
        message = f"first: {first} is out of range."
        raise InvalidInput([Problem("first", "OUT_OF_RANGE", message, f"Give 0 to {MOST}.")])
    count = 0
    kept: list[tuple[datetime, str, Held]] = []
    async with reading():
        for name in entities:
            require(current_actor(), Operation.READ, entity(name).name)
            book = await rule_book(entity(name).name, now)
            async for page, _ in due_pages(book, before, owner_id=owner_id):
                seen = await visible_ids(book.entity, [one.record_id for one in page])
                found = [
                    (one.deadline.at, book.entity, one)
                    for one in page
                    if one.record_id in seen and one.deadline is not None
                ]
                count += len(found)
                kept = heapq.nsmallest(first, [*kept, *found], key=lambda item: (item[0], item[2].record_id))
    return Due(before, count, [(name, one) for _, name, one in kept])


__all__ = ["MOST", "RUN_AT", "Due", "due_for_reclaim", "reclaim_preview"]
