"""Work that is done later, by a worker: what it is, how far it got, and how it ended."""

from evenhand.jobs.consuming import drain_jobs
from evenhand.jobs.queue import NewJob, enqueue, enqueue_many
from evenhand.jobs.registry import JobHandler, default_schedule, default_schedules, job
from evenhand.jobs.running import RunningJob

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
]
