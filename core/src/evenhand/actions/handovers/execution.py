"""Execute a hand-over: everything changes hands in one transaction, or nothing does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from evenhand.actions.handovers.plans import lines_of, lock_handover, require_draft, target_of
from evenhand.actions.handovers.preview import preview_of
from evenhand.actions.handovers.settings import handover_limits
from evenhand.actions.handovers.tasks import move_tasks
from evenhand.actions.handovers.telling import tell_receivers
from evenhand.actions.handovers.watching import keep_watching
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.owners import Holder, change_holders
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.db.session import raw_connection
from evenhand.entities.enums import HandoverMethod, HandoverOutcome, HandoverState, OwnershipReason
from evenhand.entities.registry import entity
from evenhand.ownership.handovers.errors import ChangedTooOften
from evenhand.ownership.handovers.models import Handover, HandoverLine
from evenhand.ownership.handovers.reading import ENTITIES, open_ids, owner_changes
from evenhand.ownership.handovers.rules import over_limit
from evenhand.ownership.models import Decision
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

Line = dict[str, Any]


@dataclass(frozen=True)
class Executed:
    """What came of a hand-over.

    Attributes:
        moved: records that changed hands.
        stale: records that had changed hands since they were planned; they were left alone.
        tasks: open tasks and tickets that went along, or to a superior.
    """

    handover_id: UUID
    moved: int
    stale: int
    tasks: int


async def execute_handover(handover_id: UUID, *, version: int | None = None, override: str | None = None) -> Executed:
    """Give the records of a plan to those it names; atomic, and done once however often it is asked for.

    Records that changed hands since they were planned, or were archived, are reported and left alone. Open tasks and
    tickets of who hands over go along with their records, and a leaver's others to the superior, see `move_tasks`.
    Nothing else of the records changes: stage, activities and team stay.

    Args:
        version: the version of the plan that was looked at; None takes whatever is there.
        override: why limits may be passed over, in words; kept in the ledger.

    Raises:
        NotFound, HandoverEnded, VersionConflict, ChangedTooOften, OwnerNotEligible, PermissionDenied, and whatever
        refuses changes of owners (a freeze, a cap, a case) unless there is an override.
    """
    actor = current_actor()
    require(actor, Operation.ASSIGN, "Handover")
    said = require_value(Handover, "override_reason", override)
    if said is not None:
        require(actor, Operation.OVERRIDE, "Handover")
    async with writing("execute_handover") as journal:
        plan = await lock_handover(handover_id)
        if plan.state is HandoverState.EXECUTED:
            return Executed(plan.id, plan.moved, plan.stale, plan.tasks_moved)
        require_draft(plan, version)
        books = await preview_of(plan, journal)
        lines = await lines_of(plan.id, journal)
        moving = await _sort_out(plan, lines, journal)
        limits = await handover_limits()
        await _refuse_too_often(moving, limits.changes_per_year, said, journal)
        await _decide(plan, moving, journal)
        await move_lines(plan, moving, journal, reason=OwnershipReason.HANDED_OVER, override=said)
        tasks = await move_tasks(plan, moving, journal)
        if plan.keep_watching:
            await keep_watching(plan, moving, journal)
        await _write_outcomes(lines, journal)
        stale = sum(line["outcome"] is HandoverOutcome.STALE for line in lines)
        await _end(plan, len(moving), stale, tasks, said, limits.undo_days, books.plain(), journal)
        await _tell(plan, moving, stale, tasks, said, journal)
        return Executed(plan.id, len(moving), stale, tasks)


async def lock_holders(lines: Sequence[Line], journal: Journal) -> dict[UUID, Mapping[str, Any]]:
    """Lock the records of lines, in the order of kinds and ids; who holds each since when, by id."""
    found: dict[UUID, Mapping[str, Any]] = {}
    for name in ENTITIES:
        ids = sorted(line["record_id"] for line in lines if line["entity"] == name)
        if ids:
            rows = await raw_connection(journal.client).fetch(
                f'SELECT id, owner_id, pool_id, held_since, archived_at FROM "{entity(name).model._meta.db_table}" '
                "WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE",
                journal.actor.tenant_id,
                ids,
            )
            found |= {row["id"]: row for row in rows}
    return found


async def _sort_out(plan: Handover, lines: Sequence[Line], journal: Journal) -> list[Line]:
    """Lock the records and note what becomes of each line. Returns: those that move."""
    holders = await lock_holders(lines, journal)
    still_open = await open_ids([line["record_id"] for line in lines])
    for line in lines:
        now = holders.get(line["record_id"])
        if (
            now is None
            or line["record_id"] not in still_open
            or now["owner_id"] != plan.from_user_id
            or now["held_since"] != line["since"]
        ):
            line["outcome"] = HandoverOutcome.STALE
        else:
            line["outcome"] = HandoverOutcome.MOVED if target_of(line) else HandoverOutcome.STAYED
    return [line for line in lines if line["outcome"] is HandoverOutcome.MOVED]


async def _refuse_too_often(moving: Sequence[Line], limit: int, override: str | None, journal: Journal) -> None:
    customers = {line["record_id"]: line["entity"] for line in moving if line["entity"] != "Opportunity"}
    changes = await owner_changes(customers, journal.now)
    over = over_limit(changes, limit, ((line["record_id"], target_of(line)) for line in moving))
    refused = [
        line for line in moving if line["record_id"] in over & customers.keys() and line["override_reason"] is None
    ]
    if refused and override is None:
        first = refused[0]
        raise ChangedTooOften(
            f"{len(refused)} customers would get another owner more than {limit} times within a year, the first is "
            f"{first['entity']} {first['record_id']}.",
            hint="Take them out of the plan, or say for each line, or for the whole, why it may be.",
            records=[str(line["record_id"]) for line in refused[:100]],
        )


async def _decide(plan: Handover, moving: Sequence[Line], journal: Journal) -> None:
    """Keep the decisions of policies, now that they are carried out."""
    rows = []
    for line in moving:
        if line["method"] == HandoverMethod.POLICY and line["policy"]:
            plugin, _, policy = line["policy"].partition(":")
            line["decision_id"] = uuid7()
            rows.append(
                {
                    "id": line["decision_id"],
                    "tenant_id": plan.tenant_id,
                    "entity": line["entity"],
                    "record_id": line["record_id"],
                    "plugin": plugin,
                    "policy": policy,
                    "owner_id": line["to_user_id"],
                    "seed": line["seed"],
                    "verdicts": orjson.loads(line["verdicts"]),
                    "decided_at": plan.planned_at,
                }
            )
    await insert_rows(journal.client, Decision, rows)


async def move_lines(
    plan: Handover, moving: Sequence[Line], journal: Journal, *, reason: OwnershipReason, override: str | None
) -> None:
    """Change the holders of the lines' records to their targets, and note since when they are held."""
    note = f"hand-over {plan.id}" + (f": {plan.note}" if plan.note else "")
    for name in ENTITIES:
        mine = [line for line in moving if line["entity"] == name]
        for words in dict.fromkeys(override or line["override_reason"] for line in mine):
            part = [line for line in mine if (override or line["override_reason"]) == words]
            await change_holders(
                entity(name),
                {line["record_id"]: Holder(line["to_user_id"], line["to_pool_id"]) for line in part},
                {line["record_id"]: Why(reason, note[:500], line["policy"], line.get("decision_id")) for line in part},
                journal=journal,
                override=words,
            )
    since = await lock_holders(moving, journal)
    for line in moving:
        line["held_since"] = since[line["record_id"]]["held_since"]


async def _write_outcomes(lines: Sequence[Line], journal: Journal) -> None:
    rows = [
        {
            "id": line["id"],
            "tenant_id": journal.actor.tenant_id,
            "outcome": line["outcome"],
            "held_since": line["held_since"],
            "decision_id": line.get("decision_id"),
        }
        for line in lines
    ]
    await update_rows(journal.client, HandoverLine, rows)


async def _end(
    plan: Handover,
    moved: int,
    stale: int,
    tasks: int,
    override: str | None,
    undo_days: int,
    books: Mapping[str, Any],
    journal: Journal,
) -> None:
    new = {
        "state": HandoverState.EXECUTED,
        "executed_at": journal.now,
        "executed_by_id": journal.actor.user_id,
        "override_reason": override,
        "undo_until": journal.now + timedelta(days=undo_days),
        "moved": moved,
        "stale": stale,
        "tasks_moved": tasks,
    }
    row = {"id": plan.id, "tenant_id": plan.tenant_id, "version": plan.version + 1, **new, "books": books}
    await update_rows(journal.client, Handover, [row])
    journal.record("Handover", plan.id, before={name: getattr(plan, name) for name in new}, after=new)


async def _tell(
    plan: Handover, moving: Sequence[Line], stale: int, tasks: int, override: str | None, journal: Journal
) -> None:
    receivers = sorted({line["to_user_id"] for line in moving if line["to_user_id"] is not None})
    payload = {
        "from_user_id": plan.from_user_id,
        "moved": dict(Counter(line["entity"] for line in moving)),
        "stale": stale,
        "tasks": tasks,
        "receiver_ids": receivers,
        "override_reason": override,
        "note": plan.note,
    }
    journal.emit("HandoverExecuted", "Handover", plan.id, payload)
    await tell_receivers(plan, moving, journal)
