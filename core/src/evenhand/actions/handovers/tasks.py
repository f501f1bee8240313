"""Open tasks go along with their records, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.actions.records import apply_clean, lock_known
from evenhand.actions.sight import beyond_sight
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities import Task
from evenhand.entities.registry import entity
from evenhand.ownership.handovers.models import Handover, HandoverTask
from evenhand.ownership.handovers.reading import tasks_along
from evenhand.tenancy.models import uuid7


async def move_tasks(plan: Handover, moving: Sequence[Mapping[str, Any]], journal: Journal) -> int:
    """Give open tasks of who hands over to those who get their records; nobody's when a record goes to a pool.

    Returns: how many.
    """
    rows = await tasks_along(plan.from_user_id, {line["record_id"]: line["to_user_id"] for line in moving})
    assigned = await _assign({row["id"]: row["user_id"] for row in rows}, plan.from_user_id, journal)
    along = [
        {
            "id": uuid7(),
            "tenant_id": plan.tenant_id,
            "handover_id": plan.id,
            "task_id": row["id"],
            "record_id": row["record_id"],
            "to_user_id": row["user_id"],
            "returned": False,
        }
        for row in rows
        if row["id"] in assigned
    ]
    await insert_rows(journal.client, HandoverTask, along)
    return len(along)


async def return_tasks(plan: Handover, record_ids: set[UUID], to_user_id: UUID | None, journal: Journal) -> int:
    """Give back the tasks of these records that are still open and where the hand-over put them.

    Args:
        to_user_id: who gets them; None: nobody, their records go to a pool.

    Returns: how many.
    """
    along = [one for one in await HandoverTask.filter(handover_id=plan.id) if one.record_id in record_ids]
    back: set[UUID] = set()
    for holder in {one.to_user_id for one in along}:
        mine = {one.task_id: to_user_id for one in along if one.to_user_id == holder}
        back |= await _assign(mine, holder, journal)
    returned = [{"id": one.id, "tenant_id": one.tenant_id, "returned": True} for one in along if one.task_id in back]
    await update_rows(journal.client, HandoverTask, returned)
    return len(returned)


async def _assign(wanted: Mapping[UUID, UUID | None], former: UUID | None, journal: Journal) -> set[UUID]:
    """Give open tasks that `former` is to do to others. Returns: ids of those that were still so."""
    kind = entity("Task")
    with beyond_sight():
        locked = await lock_known(kind, list(wanted))
    plans = [
        (task, {"assignee_id": wanted[task.id]})
        for task in locked.values()
        if isinstance(task, Task) and task.assignee_id == former and task.done_at is None and task.archived_at is None
    ]
    if plans:
        await apply_clean(kind, plans, journal=journal)
    return {task.id for task, _ in plans}
