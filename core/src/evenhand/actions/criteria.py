"""What must be true before an opportunity goes on to a later stage: pure rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.entities.enums import ActivityKind
from evenhand.entities.registry import Entity
from evenhand.errors import InvalidInput, Problem

CUSTOM = "custom."
_EXAMPLE = 'Write {"rule": "required", "field": "amount"} or {"rule": "activity", "kind": "meeting"}.'


class CriteriaNotMet(InvalidInput):
    """An opportunity does not meet the criteria to go on from its stage; `problems` lists each of them."""

    code = "EXIT_CRITERIA_NOT_MET"


@dataclass(frozen=True)
class Required:
    """A field, a list or a custom value of the opportunity that must not be empty."""

    field: str


@dataclass(frozen=True)
class Activity:
    """An activity of this kind since the opportunity entered its stage."""

    kind: ActivityKind


Criterion = Required | Activity


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
        case {"rule": "activity", "kind": str() as wanted, **rest} if not rest:
            found = next((one for one in ActivityKind if one.value == wanted.lower()), None)
            return Activity(found) if found is not None else f"{wanted!r} is no kind of activity"
    return f"{raw!r} is no criterion"


def read_criteria(raw: Sequence[Mapping[str, Any]], kind: Entity) -> tuple[list[Criterion], list[Problem]]:
    """The criteria of a stage as it keeps them, and what is wrong with those that are none."""
    criteria: list[Criterion] = []
    problems: list[Problem] = []
    for number, item in enumerate(raw):
        read = _read(item, kind)
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


def missing(
    criteria: Sequence[Criterion], stage: str, values: Mapping[str, Any], done: Collection[ActivityKind]
) -> list[Problem]:
    """Every criterion that is not met.

    Args:
        stage: the name of the stage whose criteria they are.
        values: columns and lists of the opportunity as they will be.
        done: kinds of the activities since it entered its stage.
    """
    problems = []
    for one in criteria:
        if isinstance(one, Activity):
            if one.kind not in done:
                message = f"activities: no {one.kind.value} since it entered its stage; {stage} asks for one."
                hint = f"Note a {one.kind.value} with the opportunity."
                problems.append(Problem("activities", "ACTIVITY_REQUIRED", message, hint))
            continue
        custom = one.field.startswith(CUSTOM)
        value = values["custom"].get(one.field.removeprefix(CUSTOM)) if custom else values.get(one.field)
        if value in (None, "", [], {}):
            message = f"{one.field}: is required before it goes on from {stage}."
            problems.append(Problem(one.field, "REQUIRED_BY_STAGE", message, "Give a value."))
    return problems
