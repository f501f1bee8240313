"""Open tasks and tickets go along with their records, and back; what is about none of them goes to a superior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.handovers.leaving import held_by
from evenhand.actions.journal import Journal
from evenhand.actions.records import apply_clean, lock_known
from evenhand.actions.sight import beyond_sight
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities import Task, Ticket
from evenhand.entities.enums import TicketStatus
from evenhand.entities.registry import entity
from evenhand.ownership.handovers.models import Handover, HandoverTask
from evenhand.ownership.handovers.reading import tasks_along, work_left
from evenhand.ownership.superiors import superiors_of
from evenhand.tenancy.models import RecordModel, uuid7

COLUMNS = {"Task": "task_id", "Ticket": "ticket_id"}


async def move_tasks(plan: Handover, moving: Sequence[Mapping[str, Any]], journal: Journal) -> int:
    """Give open tasks and tickets of who hands over to those who get their records.

    A task is nobody's when its record goes to a pool. Who holds nothing any more and does not keep watching leaves:
    then all other open tasks and tickets go to the nearest superior.

    Returns: how many.
    """
    rows = await tasks_along(plan.from_user_id, {line["record_id"]: line["to_user_id"] for line in moving})
    given: list[tuple[str, UUID, UUID | None, UUID | None]] = [
        (row["entity"], row["id"], row["record_id"], row["user_id"]) for row in rows
    ]
    heir = await superior_of(plan.from_user_id)
    if heir is not None and not plan.keep_watching and not (await held_by([plan.from_user_id]))[plan.from_user_id]:
        left = await work_left(plan.from_user_id, {row["id"] for row in rows})
        given += [(name, work_id, None, heir) for name, work_id in left]
    moved: list[dict[str, Any]] = []
    for name, column in COLUMNS.items():
        mine = {work_id: (record_id, user_id) for kind, work_id, record_id, user_id in given if kind == name}
        wanted = {work_id: user_id for work_id, (_, user_id) in mine.items()}
        for work_id in await _assign(name, wanted, plan.from_user_id, journal):
            record_id, user_id = mine[work_id]
            moved.append(
                {
                    "id": uuid7(),
                    "tenant_id": plan.tenant_id,
                    "handover_id": plan.id,
                    "task_id": None,
                    "ticket_id": None,
                    "record_id": record_id,
                    "to_user_id": user_id,
                    "returned": False,
                }
                | {column: work_id}
            )
    await insert_rows(journal.client, HandoverTask, moved)
    return len(moved)


async def superior_of(user_id: UUID) -> UUID | None:
    """Who gets the work of a leaver that goes with no record; None when nobody stands above."""
    above = (await superiors_of([user_id]))[user_id]
    return above[0] if above else None


async def return_tasks(plan: Handover, record_ids: set[UUID], to_user_id: UUID | None, journal: Journal) -> int:
    """Give back the tasks and tickets of these records that are still open and where the hand-over put them.

    Args:
        to_user_id: who gets them; None: their records go to a pool. Then their tasks are nobody's, and tickets and what
            is about no record stay where they are.

    Returns: how many.
    """
    along = [
        one
        for one in await HandoverTask.filter(handover_id=plan.id)
        if one.record_id in record_ids or (one.record_id is None and to_user_id is not None)
    ]
    back: set[UUID] = set()
    for name, column in COLUMNS.items():
        if name == "Ticket" and to_user_id is None:
            continue
        mine = {getattr(one, column): one for one in along if getattr(one, column) is not None}
        for holder in {one.to_user_id for one in mine.values()}:
            wanted = {work_id: to_user_id for work_id, one in mine.items() if one.to_user_id == holder}
            back |= {mine[work_id].id for work_id in await _assign(name, wanted, holder, journal)}
    returned = [{"id": one.id, "tenant_id": one.tenant_id, "returned": True} for one in along if one.id in back]
    await update_rows(journal.client, HandoverTask, returned)
    return len(returned)


async def _assign(name: str, wanted: Mapping[UUID, UUID | None], former: UUID | None, journal: Journal) -> set[UUID]:
    """Give open tasks or tickets that `former` is to do to others. Returns: ids of those that were still so."""
    kind = entity(name)
    with beyond_sight():
        locked = await lock_known(kind, list(wanted))
    plans = [
        (record, {"assignee_id": wanted[record.id]})
        for record in locked.values()
        if record.archived_at is None and _waits_for(record, former)
    ]
    if plans:
        await apply_clean(kind, plans, journal=journal)
    return {record.id for record, _ in plans}


def _waits_for(record: RecordModel, user_id: UUID | None) -> bool:
    if isinstance(record, Task):
        return record.assignee_id == user_id and record.done_at is None
    closed = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    return isinstance(record, Ticket) and record.assignee_id == user_id and record.status not in closed
