"""What must be true before an opportunity goes on to a later stage: pure rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evenhand.approvals.reading import read_steps
from evenhand.approvals.rules import Step, Who
from evenhand.entities.enums import ActivityKind, ApprovalKind
from evenhand.entities.registry import Entity
from evenhand.errors import InvalidInput, Problem

CUSTOM = "custom."
MOST = 100
"""So many activities a criterion may ask for."""
_EXAMPLE = (
    'Write {"rule": "required", "field": "amount"}, {"rule": "activity", "kind": "meeting", "count": 2}, '
    '{"rule": "task", "subject": "Send the offer"} or {"rule": "approval", "policy": "Large deals"}.'
)


class CriteriaNotMet(InvalidInput):
    """An opportunity does not meet the criteria to go on from its stage; `problems` lists each of them."""

    code = "EXIT_CRITERIA_NOT_MET"


@dataclass(frozen=True)
class Required:
    """A field, a list or a custom value of the opportunity that must not be empty."""

    field: str


@dataclass(frozen=True)
class Activity:
    """So many activities of this kind since the opportunity entered its stage."""

    kind: ActivityKind
    count: int = 1


@dataclass(frozen=True)
class TaskDone:
    """A task with this subject is done; without a subject, no task of the opportunity is open."""

    subject: str | None = None


@dataclass(frozen=True)
class Approval:
    """An approval: by the policy of this name, by the policies of a kind, or by steps of the criterion's own."""

    policy: str | None = None
    kind: ApprovalKind | None = None
    steps: tuple[Step, ...] = ()


Criterion = Required | Activity | TaskDone | Approval
_BY_MANAGER = (Step(Who.REQUESTER_MANAGER),)
_KINDS = frozenset(ApprovalKind) - {ApprovalKind.STAGE_MOVE, ApprovalKind.CUSTOM}
"""Kinds whose facts follow from the opportunity, and that policies of that kind decide about."""


@dataclass(frozen=True)
class Done:
    """What was done about an opportunity.

    Attributes:
        activities: how many of each kind since it entered its stage.
        tasks: subjects of tasks that are done, in small letters. open_tasks: subjects of those that are not.
    """

    activities: Mapping[ActivityKind, int] = field(default_factory=dict)
    tasks: frozenset[str] = frozenset()
    open_tasks: tuple[str, ...] = ()


def _column(name: str) -> str:
    """A field's column, also when it is written as in the API (`expectedClose`)."""
    if name.startswith(CUSTOM):
        return name
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _read(raw: Mapping[str, Any], kind: Entity) -> Criterion | str:
    """One criterion, or why it is none."""
    match dict(raw):
        case {"rule": "required", "field": str() as field, **rest} if not rest:
            column = _column(field)
            known = kind.changeable | {child.key for child in kind.children}
            if column in known - {"custom", "stage_id", "pipeline_id"} or (
                column.startswith(CUSTOM) and len(column) > len(CUSTOM)
            ):
                return Required(column)
            return f"{field!r} is no field of an opportunity"
        case {"rule": "activity", "kind": str() as wanted, **rest} if not rest.keys() - {"count"}:
            found = next((one for one in ActivityKind if one.value == wanted.lower()), None)
            count = rest.get("count", 1)
            if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
                return f"{count!r} is no number of activities from 1 to {MOST}"
            return Activity(found, count) if found is not None else f"{wanted!r} is no kind of activity"
        case {"rule": "task", "subject": str() as subject, **rest} if not rest and subject.strip():
            return TaskDone(" ".join(subject.split()))
        case {"rule": "task", **rest} if not rest:
            return TaskDone()
        case {"rule": "approval", **rest}:
            return _approval(rest)
    return f"{raw!r} is no criterion"


def _approval(given: Mapping[str, Any]) -> Approval | str:
    match dict(given):
        case {"policy": str() as name, **rest} if not rest and name.strip():
            return Approval(policy=name.strip())
        case {"kind": str() as wanted, **rest} if not rest:
            found = next((one for one in _KINDS if one.value == wanted.lower()), None)
            allowed = ", ".join(sorted(_KINDS))
            return Approval(kind=found) if found is not None else f"{wanted!r} is none of {allowed}"
        case {"steps": list() as raw, **rest} if not rest:
            steps, problems = read_steps(raw)
            return Approval(steps=tuple(steps)) if not problems else problems[0].message.rstrip(".")
    return f"{given!r} says no approval" if given else Approval(steps=_BY_MANAGER)


def read_criteria(raw: Sequence[Mapping[str, Any]], kind: Entity) -> tuple[list[Criterion], list[Problem]]:
    """The criteria of a stage as it keeps them, and what is wrong with those that are none."""
    criteria: list[Criterion] = []
    problems: list[Problem] = []
    for number, item in enumerate(raw):
        read = _read(item, kind)
        if (
            isinstance(read, Approval)
            and read.steps
            and any(isinstance(one, Approval) and one.steps for one in criteria)
        ):
            read = read if read in criteria else "it is the second approval with steps of its own"
        if isinstance(read, str):
            where = f"exit_criteria.{number}"
            problems.append(Problem(where, "BAD_CRITERION", f"{where}: {read}.", _EXAMPLE))
        elif read not in criteria:
            criteria.append(read)
    return criteria, problems


def custom_keys(criteria: Sequence[Criterion]) -> set[str]:
    """Keys of the custom values that the criteria ask for."""
    fields = [one.field for one in criteria if isinstance(one, Required)]
    return {field.removeprefix(CUSTOM) for field in fields if field.startswith(CUSTOM)}


def policy_names(criteria: Sequence[Criterion]) -> set[str]:
    """Names of the approval policies that the criteria go by."""
    return {one.policy for one in criteria if isinstance(one, Approval) and one.policy is not None}


def missing(criteria: Sequence[Criterion], stage: str, values: Mapping[str, Any], done: Done) -> list[Problem]:
    """Every criterion that is not met, but for approvals.

    Args:
        stage: the name of the stage whose criteria they are.
        values: columns and lists of the opportunity as they will be.
    """
    found = (_missing(one, stage, values, done) for one in criteria)
    return [problem for problem in found if problem is not None]


def _missing(one: Criterion, stage: str, values: Mapping[str, Any], done: Done) -> Problem | None:
    match one:
        case Activity(kind, count):
            there = done.activities.get(kind, 0)
            if there >= count:
                return None
            if count == 1:
                message = f"activities: no {kind.value} since it entered its stage; {stage} asks for one."
                return Problem("activities", "ACTIVITY_REQUIRED", message, f"Note a {kind.value} with the opportunity.")
            message = f"activities: {there} of {count} of kind {kind.value} since it entered its stage ({stage})."
            hint = f"Note {count - there} more of kind {kind.value} with the opportunity."
            return Problem("activities", "ACTIVITY_REQUIRED", message, hint)
        case TaskDone(None):
            if not done.open_tasks:
                return None
            message = f"tasks: {len(done.open_tasks)} open, such as {done.open_tasks[0]!r}; {stage} asks for none."
            return Problem("tasks", "TASK_OPEN", message, "Do or archive the open tasks of the opportunity.")
        case TaskDone(str() as subject):
            if subject.lower() in done.tasks:
                return None
            message = f"tasks: {subject!r} is not done; {stage} asks for it."
            return Problem("tasks", "TASK_REQUIRED", message, f"Do a task {subject!r} of the opportunity.")
        case Required(name):
            custom = name.startswith(CUSTOM)
            value = values["custom"].get(name.removeprefix(CUSTOM)) if custom else values.get(name)
            if value in (None, "", [], {}):
                message = f"{name}: is required before it goes on from {stage}."
                return Problem(name, "REQUIRED_BY_STAGE", message, "Give a value.")
    return None
