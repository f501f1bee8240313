"""Undo a hand-over within its window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from evenhand.actions.handovers.execution import Line, lock_holders, move_lines
from evenhand.actions.handovers.plans import lines_of, lock_handover
from evenhand.actions.handovers.tasks import return_tasks
from evenhand.actions.handovers.telling import tell_undone
from evenhand.actions.journal import Journal, writing
from evenhand.actions.stages import tenant_zone
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import update_rows
from evenhand.entities.enums import HandoverOutcome, HandoverState, OwnershipReason
from evenhand.ownership.handovers.errors import FormerOwnerInactive, HandoverEnded, UndoTooLate
from evenhand.ownership.handovers.models import Handover, HandoverLine
from evenhand.ownership.holders import ineligible_owners
from evenhand.tenancy.context import current_actor


@dataclass(frozen=True)
class Undone:
    """What came of undoing a hand-over.

    Attributes:
        returned: records that went back.
        kept: records that had changed hands since, or were archived; they were left alone.
        tasks: open tasks and tickets that went back.
    """

    handover_id: UUID
    returned: int
    kept: int
    tasks: int


async def undo_handover(handover_id: UUID, *, pool_id: UUID | None = None) -> Undone:
    """Give back what a hand-over moved and nobody moved since; done once however often it is asked for.

    Args:
        pool_id: where the records go when who handed over cannot hold records any more.

    Raises:
        NotFound, HandoverEnded, UndoTooLate, InvalidInput, PermissionDenied;
        FormerOwnerInactive: who handed over cannot hold records, and no pool is named.
    """
    require(current_actor(), Operation.ASSIGN, "Handover")
    async with writing("undo_handover") as journal:
        plan = await lock_handover(handover_id)
        moved = [line for line in await lines_of(plan.id, journal) if line["held_since"] is not None]
        if plan.state is HandoverState.UNDONE:
            return await _result(plan, moved)
        await _refuse(plan, journal)
        if not await ineligible_owners([plan.from_user_id]):
            pool_id = None
        elif pool_id is None:
            raise FormerOwnerInactive(
                "Who handed over cannot hold records any more.",
                hint="Name a pool to put them into, or make the user active again.",
            )
        holders = await lock_holders(moved, journal)
        for line in moved:
            now = holders.get(line["record_id"])
            same = now is not None and now["archived_at"] is None and now["held_since"] == line["held_since"]
            line["outcome"] = HandoverOutcome.RETURNED if same else HandoverOutcome.KEPT
        back = [line for line in moved if line["outcome"] is HandoverOutcome.RETURNED]
        owner_id = plan.from_user_id if pool_id is None else None
        await _give_back(plan, back, owner_id, pool_id, journal)
        tasks = await return_tasks(plan, {line["record_id"] for line in back}, owner_id, journal)
        rows = [{"id": line["id"], "tenant_id": plan.tenant_id, "outcome": line["outcome"]} for line in moved]
        await update_rows(journal.client, HandoverLine, rows)
        await _end(plan, back, len(moved) - len(back), tasks, journal)
        await tell_undone(plan, back, journal)
        return Undone(plan.id, len(back), len(moved) - len(back), tasks)


async def _result(plan: Handover, moved: Sequence[Line]) -> Undone:
    from evenhand.ownership.handovers.models import HandoverTask

    tasks = await HandoverTask.filter(handover_id=plan.id, returned=True).count()
    return Undone(plan.id, plan.returned, len(moved) - plan.returned, tasks)


async def _refuse(plan: Handover, journal: Journal) -> None:
    if plan.state is not HandoverState.EXECUTED:
        raise HandoverEnded(f"The hand-over is {plan.state.value}, not executed.", hint="There is nothing to undo.")
    if plan.undo_until is None or journal.now > plan.undo_until:
        until = "" if plan.undo_until is None else f"{plan.undo_until.astimezone(await tenant_zone()):%Y-%m-%d %H:%M}"
        raise UndoTooLate(
            f"It could be undone until {until}.",
            hint="Plan a hand-over in the other direction.",
        )


async def _give_back(
    plan: Handover, back: Sequence[Line], owner_id: UUID | None, pool_id: UUID | None, journal: Journal
) -> None:
    lines: list[dict[str, Any]] = [
        {**line, "to_user_id": owner_id, "to_pool_id": pool_id, "policy": None, "override_reason": None}
        for line in back
    ]
    await move_lines(
        plan,
        lines,
        journal,
        reason=OwnershipReason.HANDOVER_UNDONE,
        override="A hand-over is undone: what was before comes back.",
    )


async def _end(plan: Handover, back: Sequence[Line], kept: int, tasks: int, journal: Journal) -> None:
    new = {
        "state": HandoverState.UNDONE,
        "ended_at": journal.now,
        "ended_by_id": journal.actor.user_id,
        "returned": len(back),
    }
    row = {"id": plan.id, "tenant_id": plan.tenant_id, "version": plan.version + 1, **new}
    await update_rows(journal.client, Handover, [row])
    journal.record("Handover", plan.id, before={name: getattr(plan, name) for name in new}, after=new)
    payload = {
        "from_user_id": plan.from_user_id,
        "returned": dict(Counter(line["entity"] for line in back)),
        "kept": kept,
        "tasks": tasks,
    }
    journal.emit("HandoverUndone", "Handover", plan.id, payload)
