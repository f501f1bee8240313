"""Work that is done later, by a worker: what it is, how far it got, and how it ended."""

from typing import TYPE_CHECKING, Any

from evenhand.jobs.consuming import drain_jobs
from evenhand.jobs.queue import NewJob, enqueue, enqueue_many
from evenhand.jobs.registry import JobHandler, default_schedule, default_schedules, job
from evenhand.jobs.running import RunningJob

if TYPE_CHECKING:
    from evenhand.actions.schedules import set_schedule

__all__ = [
    "JobHandler",
    "NewJob",
    "RunningJob",
    "default_schedule",
    "default_schedules",
    "drain_jobs",
    "enqueue",
    "enqueue_many",
    "job",
    "set_schedule",
]


def __getattr__(name: str) -> Any:
    # An action, which itself needs this package.
    if name == "set_schedule":
        from evenhand.actions.schedules import set_schedule

        return set_schedule
    raise AttributeError(name)
