"""The way of opportunities through their stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise.expressions import Q

from evenhand.actions.approvals.deals import require_for_wins
from evenhand.actions.approvals.requirements import active_policies
from evenhand.actions.criteria import custom_keys, policy_names, read_criteria
from evenhand.actions.gates import hold_to_criteria, passage
from evenhand.actions.journal import Journal
from evenhand.db.bulk import insert_rows
from evenhand.entities import CustomField, Opportunity, Pipeline, Stage, StageChange, Tenant
from evenhand.entities.enums import ApprovalKind, StageKind
from evenhand.entities.registry import entity
from evenhand.errors import Problem, Refusals
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import uuid7


@dataclass(frozen=True)
class Move:
    """One step of an opportunity; `before` is None at its creation."""

    opportunity_id: UUID
    before: UUID | None
    after: UUID
    at: datetime
    override_reason: str | None = None


async def note_stage_changes(moves: Sequence[Move], journal: Journal) -> None:
    """Add lines to the stage history and tell of real moves by event."""
    rows = [
        {
            "id": uuid7(),
            "tenant_id": journal.actor.tenant_id,
            "opportunity_id": move.opportunity_id,
            "from_stage_id": move.before,
            "to_stage_id": move.after,
            "changed_at": move.at,
            "actor_id": journal.actor.user_id,
            "override_reason": move.override_reason,
        }
        for move in moves
    ]
    await insert_rows(journal.client, StageChange, rows)
    for move in moves:
        if move.before is not None:
            payload: dict[str, Any] = {"from_stage_id": move.before, "to_stage_id": move.after}
            if move.override_reason is not None:
                payload["override_reason"] = move.override_reason
            journal.emit("StageChanged", "Opportunity", move.opportunity_id, payload, at=move.at)


async def tenant_zone() -> ZoneInfo:
    """The time zone in which the tenant's days begin."""
    return ZoneInfo((await Tenant.get(id=current_tenant())).time_zone)


async def _stages(ids: set[UUID]) -> dict[UUID, Stage]:
    return {stage.id: stage for stage in await Stage.filter(id__in=list(ids))}


def _no_stage(stage_id: UUID) -> Problem:
    message = f"stage_id: stage {stage_id} does not exist in this pipeline."
    return Problem("stage_id", "REFERENCE_NOT_FOUND", message, "Use a stage of the pipeline.")


def _closing_day(stage: Stage, closed_on: date | None) -> list[Problem]:
    """Won and lost deals have the day on which they closed, open ones have none."""
    if stage.kind is StageKind.OPEN and closed_on is not None:
        message = f"closed_on: {closed_on} is given, but stage {stage.name} is open."
        return [Problem("closed_on", "NOT_CLOSED", message, "Give a won or lost stage, or use expected_close.")]
    if stage.kind is not StageKind.OPEN and closed_on is None:
        message = f"closed_on: must not be empty in stage {stage.name}."
        return [Problem("closed_on", "REQUIRED", message, "Give the day, or an open stage.")]
    return []


async def place_in_pipeline(
    cleaned: Sequence[dict[str, Any]], times: Sequence[datetime], refusals: Refusals
) -> dict[UUID, Stage]:
    """Complete new opportunities: pipeline, stage, when it was entered, and the day of closing.

    Returns: the stages, by id.
    """
    await _default_places(cleaned)
    stages = await _stages({values["stage_id"] for values in cleaned if values["stage_id"] is not None})
    zone = await tenant_zone()
    for row, (values, at) in enumerate(zip(cleaned, times, strict=True)):
        stage = stages.get(values["stage_id"])
        if stage is None or stage.pipeline_id != values["pipeline_id"]:
            refusals.add(row, _no_stage(values["stage_id"]))
            continue
        values["stage_entered_at"] = at
        if stage.kind is not StageKind.OPEN and values["closed_on"] is None:
            values["closed_on"] = at.astimezone(zone).date()
        refusals.add(row, *_closing_day(stage, values["closed_on"]))
    return stages


async def _default_places(cleaned: Sequence[dict[str, Any]]) -> None:
    """Without a pipeline: the stage's own, else the default one; without a stage: the pipeline's first open one."""
    given = await _stages({values["stage_id"] for values in cleaned if values["stage_id"] is not None})
    for values in cleaned:
        if values["pipeline_id"] is None and values["stage_id"] in given:
            values["pipeline_id"] = given[values["stage_id"]].pipeline_id
    if any(values["pipeline_id"] is None for values in cleaned):
        default = await Pipeline.get(is_default=True)
        for values in cleaned:
            values["pipeline_id"] = values["pipeline_id"] or default.id
    homeless = {values["pipeline_id"] for values in cleaned if values["stage_id"] is None}
    if homeless:
        opening = Stage.filter(pipeline_id__in=list(homeless), kind=StageKind.OPEN, archived_at=None)
        first: dict[UUID, UUID] = {}
        for stage in await opening.order_by("position"):
            first.setdefault(stage.pipeline_id, stage.id)
        for values in cleaned:
            values["stage_id"] = values["stage_id"] or first.get(values["pipeline_id"])


Plan = tuple[Opportunity, dict[str, Any]]
_PLACING = frozenset({"pipeline_id", "stage_id", "closed_on"})


async def move_stages(
    plans: Sequence[Plan],
    journal: Journal,
    times: Mapping[UUID, datetime],
    overrides: Mapping[UUID, str],
    refusals: Refusals,
) -> None:
    """Complete changes of locked opportunities that place them elsewhere, and note their moves.

    Args:
        times: when each of them changes.
        overrides: why an opportunity may go on although criteria are not met.
    """
    placed = [
        (row, record, values)
        for row, (record, values) in enumerate(plans)
        if any(values[name] != getattr(record, name) for name in _PLACING & values.keys())
    ]
    if not placed:
        return
    wanted = {values.get("stage_id", record.stage_id) for _, record, values in placed}
    pipelines = {record.pipeline_id for _, record, _ in placed}
    found = await Stage.filter(Q(id__in=list(wanted)) | Q(pipeline_id__in=list(pipelines)))
    stages = {stage.id: stage for stage in found}
    zone = await tenant_zone()
    moving: list[tuple[int, Opportunity, dict[str, Any]]] = []
    for row, record, values in placed:
        stage = stages.get(values.get("stage_id", record.stage_id))
        if stage is None or stage.pipeline_id != values.get("pipeline_id", record.pipeline_id):
            refusals.add(row, _no_stage(values.get("stage_id", record.stage_id)))
            continue
        at = times[record.id]
        if stage.id != record.stage_id and values.get("closed_on") is None:
            values["closed_on"] = None if stage.kind is StageKind.OPEN else at.astimezone(zone).date()
        refusals.add(row, *_closing_day(stage, values.get("closed_on", record.closed_on)))
        if stage.id != record.stage_id:
            values["stage_entered_at"] = at
            moving.append((row, record, values))
    # History that is brought in happened already; rules of today do not undo it.
    present = {row: (record, values) for row, record, values in moving if times[record.id] == journal.now}
    passages = {
        row: passage(record, values, stages[values["stage_id"]], stages) for row, (record, values) in present.items()
    }
    needed = await hold_to_criteria(passages, journal, overrides, refusals)
    won = {row: present[row] for row, one in passages.items() if one.target.kind is StageKind.WON}
    await require_for_wins(won, journal, refusals)
    moves = [
        Move(record.id, record.stage_id, values["stage_id"], times[record.id], needed.get(record.id))
        for row, record, values in moving
        if row not in refusals
    ]
    await note_stage_changes(moves, journal)


async def check_criteria(stages: Sequence[tuple[int, Mapping[str, Any]]], refusals: Refusals) -> None:
    """Refuse stages whose exit criteria cannot be read, or ask for custom fields or policies that there are not."""
    kind = entity("Opportunity")
    keys_of: list[tuple[int, set[str]]] = []
    policies_of: list[tuple[int, set[str]]] = []
    for row, values in stages:
        criteria, problems = read_criteria(values.get("exit_criteria") or (), kind)
        refusals.add(row, *problems)
        if keys := custom_keys(criteria):
            keys_of.append((row, keys))
        if names := policy_names(criteria):
            policies_of.append((row, names))
    if keys_of:
        fields = CustomField.filter(entity=kind.name, archived_at=None)
        known = set(await fields.values_list("key", flat=True))
        for row, keys in keys_of:
            for key in sorted(keys - known):
                message = f"exit_criteria: there is no custom field {key!r} of opportunities."
                hint = "Define it as a custom field first."
                refusals.add(row, Problem("exit_criteria", "UNKNOWN_CUSTOM_FIELD", message, hint))
    if policies_of:
        found = await active_policies(set(), set().union(*(names for _, names in policies_of)))
        usable = {policy.name for policy in found if policy.kind is ApprovalKind.STAGE_MOVE}
        for row, names in policies_of:
            for name in sorted(names - usable):
                message = f"exit_criteria: there is no approval policy {name!r} about stage moves in use."
                hint = "Create it first, with the kind stage_move."
                refusals.add(row, Problem("exit_criteria", "UNKNOWN_POLICY", message, hint))


async def won_again(plans: Sequence[Plan]) -> dict[int, Plan]:
    """Those of the changes that give other lines or another currency to deals that are won and stay so, by place."""
    changing = {
        row: plan
        for row, plan in enumerate(plans)
        if plan[0].closed_on is not None
        and {"lines", "amount", "currency"} & plan[1].keys()
        and plan[1].get("stage_id", plan[0].stage_id) == plan[0].stage_id
    }
    if not changing:
        return {}
    stages = await _stages({record.stage_id for record, _ in changing.values()})
    return {row: plan for row, plan in changing.items() if stages[plan[0].stage_id].kind is StageKind.WON}
