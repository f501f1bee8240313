"""The gates between stages: what an opportunity must meet, and have approved, to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from evenhand import clock
from evenhand.actions.approvals.deals import deal_facts, discount_of
from evenhand.actions.approvals.requirements import (
    Ask,
    Fetch,
    Requirement,
    active_policies,
    peek,
    problem_of,
    requirements_of,
    take,
)
from evenhand.actions.criteria import Approval, CriteriaNotMet, Criterion, Done, TaskDone, missing, read_criteria
from evenhand.actions.journal import Journal
from evenhand.approvals.errors import ApprovalRequired
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import raw_connection, reading
from evenhand.entities import Opportunity, Stage
from evenhand.entities.enums import ActivityKind, ApprovalKind, StageKind
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError, Problem, Refusals
from evenhand.tenancy.context import Role, current_tenant

_HINT = "Mend it, or have a manager move it with an override reason."
_DONE = """
SELECT asked.id, activity.kind, count(*) AS times
FROM unnest($2::uuid[], $3::timestamptz[]) AS asked (id, since)
JOIN activities AS activity ON activity.tenant_id = $1 AND activity.opportunity_id = asked.id
WHERE activity.archived_at IS NULL AND activity.occurred_at >= asked.since
GROUP BY asked.id, activity.kind
"""
_TASKS = """
SELECT opportunity_id AS id, subject, done_at IS NOT NULL AS done FROM tasks
WHERE tenant_id = $1 AND opportunity_id = ANY ($2::uuid[]) AND archived_at IS NULL ORDER BY opportunity_id, due_at, id
"""


def stages_left(current: Stage, target: Stage, stages: Sequence[Stage]) -> list[Stage]:
    """The stages whose criteria count for a move: the current one and those that it passes over.

    None for moves backwards, from a closed stage, and for giving a deal up as lost. Into another pipeline: the
    current stage.
    """
    if current.kind is not StageKind.OPEN or target.kind is StageKind.LOST:
        return []
    if target.pipeline_id != current.pipeline_id:
        return [current]
    if target.kind is StageKind.OPEN and target.position <= current.position:
        return []
    passed = [
        stage
        for stage in stages
        if stage.pipeline_id == current.pipeline_id
        and stage.kind is StageKind.OPEN
        and stage.archived_at is None
        and current.position < stage.position
        and (target.kind is StageKind.WON or stage.position < target.position)
    ]
    return [current, *sorted(passed, key=lambda stage: stage.position)]


@dataclass(frozen=True)
class Passage:
    """One opportunity on its way to a stage.

    Attributes:
        values: what changes with the move; completed values of a plan.
        criteria: of each stage that it leaves.
    """

    record: Opportunity
    values: Mapping[str, Any]
    target: Stage
    criteria: Sequence[tuple[Stage, Sequence[Criterion]]]


def passage(record: Opportunity, values: Mapping[str, Any], target: Stage, stages: Mapping[UUID, Stage]) -> Passage:
    """What counts for the move of an opportunity to `target`.

    Args:
        stages: at least those of its pipeline, by id.
    """
    left = stages_left(stages[record.stage_id], target, list(stages.values()))
    kind = entity("Opportunity")
    criteria = [(stage, read_criteria(stage.exit_criteria, kind)[0]) for stage in left if stage.exit_criteria]
    return Passage(record, values, target, criteria)


async def unmet(fetch: Fetch, tenant: UUID, passages: Sequence[Passage]) -> list[list[Problem]]:
    """What each opportunity does not meet, but for approvals; set-based, nothing is asked without criteria."""
    asked = [one for one in passages if one.criteria]
    if not asked:
        return [[] for _ in passages]
    done = await _done(fetch, tenant, asked)
    lists = await _lists(asked)
    found: list[list[Problem]] = []
    for one in passages:
        if not one.criteria:
            found.append([])
            continue
        record = one.record
        custom = {**record.custom, **(one.values.get("custom") or {})}
        after = {**record.columns(), **lists[record.id], **one.values, "custom": custom}
        problems = [
            item for stage, wanted in one.criteria for item in missing(wanted, stage.name, after, done[record.id])
        ]
        found.append(list(dict.fromkeys(problems)))
    return found


async def _done(fetch: Fetch, tenant: UUID, passages: Sequence[Passage]) -> dict[UUID, Done]:
    records = [one.record for one in passages]
    ids = [record.id for record in records]
    since = [record.stage_entered_at or record.created_at for record in records]
    activities: dict[UUID, Counter[ActivityKind]] = {record_id: Counter() for record_id in ids}
    for row in await fetch(_DONE, tenant, ids, since):
        activities[row["id"]][ActivityKind(row["kind"])] = row["times"]
    tasks: dict[UUID, set[str]] = {}
    open_tasks: dict[UUID, list[str]] = {}
    if any(isinstance(item, TaskDone) for one in passages for _, wanted in one.criteria for item in wanted):
        for row in await fetch(_TASKS, tenant, ids):
            if row["done"]:
                tasks.setdefault(row["id"], set()).add(" ".join(row["subject"].split()).lower())
            else:
                open_tasks.setdefault(row["id"], []).append(row["subject"])
    return {one: Done(activities[one], frozenset(tasks.get(one, ())), tuple(open_tasks.get(one, ()))) for one in ids}


async def _lists(passages: Sequence[Passage]) -> dict[UUID, dict[str, list[Any]]]:
    """Whether the lists of opportunities have rows, by their keys."""
    found: dict[UUID, dict[str, list[Any]]] = {one.record.id: {} for one in passages}
    for child in entity("Opportunity").children:
        rows = child.model.filter(**{f"{child.parent}__in": list(found)}).distinct()
        for record_id in await rows.values_list(child.parent, flat=True):
            found[UUID(str(record_id))][child.key] = [True]
    return found


async def asks_of(passages: Sequence[Passage]) -> list[list[Ask]]:
    """What each move asks approvals for: by criteria of the stages left, and for the discount of a deal won.

    The discount is only asked for when the caller finds that there is a policy about it.
    """
    wanted = [
        [(stage, item) for stage, criteria in one.criteria for item in criteria if isinstance(item, Approval)]
        for one in passages
    ]
    with_kind = [row for row, items in enumerate(wanted) if any(item.kind is not None for _, item in items)]
    facts: dict[int, dict[str, Any]] = {}
    if with_kind:
        plans = [(passages[row].record, passages[row].values) for row in with_kind]
        facts = dict(zip(with_kind, await deal_facts("Opportunity", plans), strict=True))
    return [
        [_ask(one, stage, item, facts.get(row, {})) for stage, item in items]
        for row, (one, items) in enumerate(zip(passages, wanted, strict=True))
    ]


def _ask(one: Passage, stage: Stage, item: Approval, facts: Mapping[str, Any]) -> Ask:
    change = {"stage_id": str(one.target.id)}
    if item.kind is not None:
        return Ask(item.kind, "Opportunity", one.record.id, facts, change)
    moving = {
        "stage_id": one.target.id,
        "pipeline_id": one.target.pipeline_id,
        "amount": one.values.get("amount", one.record.amount),
        "currency": one.values.get("currency", one.record.currency),
    }
    listed = (stage.id, f"{stage.name} → {one.target.name}") if item.steps else None
    return Ask(ApprovalKind.STAGE_MOVE, "Opportunity", one.record.id, moving, change, item.policy, item.steps, listed)


async def needs_of(passages: Sequence[Passage]) -> tuple[dict[int, Requirement], dict[int, list[int]]]:
    """The approvals that moves need, numbered, and which of them each needs, by its place."""
    asks = await asks_of(passages)
    found = await requirements_of([ask for several in asks for ask in several])
    needed: dict[int, Requirement] = {}
    of_row: dict[int, list[int]] = {}
    number = 0
    for row, several in enumerate(asks):
        seen: set[str] = set()
        for _ in several:
            one = found[number]
            # Two stages that go by the same policy ask once.
            if one is not None and (one.basis or one.title) not in seen:
                seen.add(one.basis or one.title)
                needed[number] = one
                of_row.setdefault(row, []).append(number)
            number += 1
    return needed, of_row


async def hold_to_criteria(
    passages: Mapping[int, Passage], journal: Journal, overrides: Mapping[UUID, str], refusals: Refusals
) -> dict[UUID, str]:
    """Refuse moves that do not meet the criteria, and use the approvals of the others.

    Args:
        passages: by place.

    Returns: the override reasons that were needed, by record.
    """
    asked = {row: one for row, one in passages.items() if one.criteria}
    if not asked:
        return {}
    moves = list(asked.values())
    problems = await unmet(raw_connection(journal.client).fetch, journal.actor.tenant_id, moves)
    needed, of_move = await needs_of(moves)
    refused = await take(journal, needed) if needed else {}
    used: dict[UUID, str] = {}
    for number, (row, one) in enumerate(asked.items()):
        lacking = [refused[place] for place in of_move.get(number, ()) if place in refused]
        if not problems[number] and not lacking:
            continue
        reason = overrides.get(one.record.id)
        if reason is not None:
            require(journal.actor, Operation.OVERRIDE, "Opportunity")
            # A manager who asks for something does not approve it: only who sets the rules passes over approvals.
            if not lacking or journal.actor.role is Role.ADMIN:
                used[one.record.id] = reason
                continue
        refusals.refuse(row, _error(problems[number], lacking))
    return used


def _error(problems: Sequence[Problem], lacking: Sequence[ApprovalRequired]) -> EvenhandError:
    if not problems:
        return lacking[0]
    mended = [Problem(one.field, one.code, one.message, f"{one.hint} {_HINT}") for one in problems]
    return CriteriaNotMet([*mended, *(problem_of(one) for one in lacking)])


@dataclass(frozen=True)
class GateReport:
    """What an opportunity lacks to go to a stage; nothing when it may."""

    stage_id: UUID
    problems: tuple[Problem, ...]


def next_stage(current: Stage, stages: Sequence[Stage]) -> Stage | None:
    """The open stage after this one, else the one in which deals are won; None for closed deals."""
    if current.kind is not StageKind.OPEN:
        return None
    ways = [one for one in stages if one.pipeline_id == current.pipeline_id and one.archived_at is None]
    after = [one for one in ways if one.kind is StageKind.OPEN and one.position > current.position]
    won = [one for one in ways if one.kind is StageKind.WON]
    return min(after or won, key=lambda one: one.position, default=None)


async def gate_reports(wanted: Sequence[tuple[UUID, UUID | None]]) -> list[GateReport | None]:
    """What opportunities lack to go on, in order; nothing is used or written. Set-based.

    Args:
        wanted: opportunities and the stages to go to; None for the next one.

    Returns: None for an opportunity that there is not, a closed one without a stage, and a stage of another pipeline.
    """
    async with reading() as client:
        found = await Opportunity.filter(id__in=[one for one, _ in wanted])
        records = {record.id: record for record in found}
        pipelines = {record.pipeline_id for record in found}
        stages = {stage.id: stage for stage in await Stage.filter(pipeline_id__in=list(pipelines))}
        passages: dict[int, Passage] = {}
        for row, (record_id, stage_id) in enumerate(wanted):
            record = records.get(record_id)
            if record is None:
                continue
            target = stages.get(stage_id) if stage_id else next_stage(stages[record.stage_id], list(stages.values()))
            if target is not None and target.pipeline_id == record.pipeline_id:
                passages[row] = passage(record, {"stage_id": target.id}, target, stages)

        async def fetch(sql: str, *parameters: Any) -> list[Any]:
            # Other fields of the same query may read on this connection: each waits for the other.
            async with client.acquire_connection() as connection:
                return list(await connection.fetch(sql, *parameters))

        problems = await _report(list(passages.values()), fetch)
        reports = dict(zip(passages, problems, strict=True))
        return [
            GateReport(passages[row].target.id, tuple(reports[row])) if row in passages else None
            for row in range(len(wanted))
        ]


async def _report(passages: Sequence[Passage], fetch: Fetch) -> list[list[Problem]]:
    tenant = current_tenant()
    problems = [list(found) for found in await unmet(fetch, tenant, passages)]
    needed, of_move = await needs_of(passages)
    winning = [row for row, one in enumerate(passages) if one.target.kind is StageKind.WON]
    policies = await active_policies({ApprovalKind.DISCOUNT}) if winning else []
    if policies:
        facts = await deal_facts("Opportunity", [(passages[row].record, {}) for row in winning])
        asks = [
            discount_of(passages[row].record.id, passages[row].values, known)
            for row, known in zip(winning, facts, strict=True)
        ]
        for row, one in zip(winning, await requirements_of(asks, policies), strict=True):
            if one is not None:
                number = -1 - row
                needed[number] = one
                of_move.setdefault(row, []).append(number)
    lacking = await peek(fetch, tenant, clock.now(), needed) if needed else {}
    for row, numbers in of_move.items():
        problems[row] += [problem_of(lacking[number]) for number in numbers if number in lacking]
    return problems
