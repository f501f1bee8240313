"""What an opportunity still lacks to go on: `opportunity { stageGate(toStageId) { … } }`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand.actions.gates import GateReport, gate_reports
from evenhand.auth.permissions import Operation, require
from evenhand_schema.context import place, request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.reads.marks import PluginField, marked


@strawberry.type(description="One thing that an opportunity lacks to go on.")
class GateProblem:
    """What is missing, as a move would be refused with it."""

    field: str = strawberry.field(description="Where: a field, `activities`, `tasks` or `approvals`.")
    code: str = strawberry.field(description="What is missing, a stable word for programs.")
    message: str = strawberry.field(description="What is missing, for people.")
    hint: str = strawberry.field(description="How to mend it.")


@strawberry.type(description="What an opportunity still lacks to go to a stage.")
class StageGate:
    """The answer of `stageGate`."""

    to_id: strawberry.ID = strawberry.field(description="Id of the stage to go to.")
    met: bool = strawberry.field(description="Whether it may go on now.")
    problems: list[GateProblem] = strawberry.field(description="Everything that is missing.")


def _shown(report: GateReport) -> StageGate:
    from evenhand_schema.mutations.failures import as_api_names, as_api_path

    problems = [
        GateProblem(
            field=as_api_path(one.field),
            code=one.code,
            message=as_api_names(one.message),
            hint=as_api_names(one.hint),
        )
        for one in report.problems
    ]
    return StageGate(to_id=strawberry.ID(str(report.stage_id)), met=not problems, problems=problems)


async def _gate(
    root: Any,
    info: Info,
    to_stage_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The stage to go to; the next one of its pipeline when left out."),
    ] = None,
) -> StageGate | None:
    context = request_of(info)
    require(context.actor, Operation.READ, "Opportunity")
    stage = None if to_stage_id is None else to_uuid(to_stage_id)

    async def load(keys: list[Any]) -> list[StageGate | None]:
        found = await gate_reports([(key, stage) for key in keys])
        return [None if one is None else _shown(one) for one in found]

    answer: StageGate | None = await context.loader(("gate", place(info)), load).load(root.id)
    return answer


def stage_gate() -> Any:
    """The field of an opportunity."""
    text = "What it still lacks to go on; null for a closed deal without a stage, and a stage of another pipeline."
    return strawberry.field(resolver=_gate, description=text, metadata=marked(PluginField()))
