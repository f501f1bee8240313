"""Mutations of work that is done later: `cancelJob`, `setSchedule`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from typing import Any

from strawberry import Info

from evenhand.actions.jobs import cancel_job
from evenhand.actions.schedules import set_schedule
from evenhand.db.session import reading
from evenhand.errors import InvalidInput, Problem
from evenhand.jobs.models import Schedule as ScheduleRow
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, described, mutation, result
from evenhand_schema.mutations.ownership import prepare
from evenhand_schema.resolvers import record
from evenhand_schema.scalars import JSON
from evenhand_schema.types import Job, Schedule


async def _cancel_job(info: Info, id: Any) -> Job:
    await prepare(info, "Job")
    await cancel_job(to_uuid(id))
    found: Job = await record(info, "Job", id)
    return found


async def _set_schedule(info: Info, name: str, kind: str, cron: str, payload: Any, enabled: bool) -> Schedule:
    await prepare(info, "Schedule")
    if payload is not None and not isinstance(payload, dict):
        hint = "Give what the job takes as one object."
        raise InvalidInput([Problem("payload", "WRONG_TYPE", "payload: is not an object.", hint)])
    await set_schedule(name, kind, cron, payload, enabled=enabled)
    async with reading():
        row = await ScheduleRow.get(name=name.strip())
    found: Schedule = await record(info, "Schedule", row.id)
    return found


def job_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    return {
        "cancel_job": mutation(
            _cancel_job,
            {"id": (ID, REQUIRED)},
            result("CancelJob", Job, description="The job as it is now, or why it goes on."),
            "Have a job not done: one that waits ends at once, a running one at its next step. Users may cancel what "
            "they started, managers and admins anything.",
        ),
        "set_schedule": mutation(
            _set_schedule,
            {
                "name": (described(str, "The schedule's name; a new one makes a new schedule."), REQUIRED),
                "kind": (described(str, "The kind of job that it starts."), REQUIRED),
                "cron": (
                    described(str, "Minute, hour, day, month and day of the week, in the tenant's time zone."),
                    REQUIRED,
                ),
                "payload": (described(JSON | None, "What the job is given, an object."), None),
                "enabled": (described(bool, "Whether it starts jobs."), True),
            },
            result("SetSchedule", Schedule, description="The schedule as it is now, or why nothing was changed."),
            "Have a job started again and again, or change how; admins only.",
        ),
    }
