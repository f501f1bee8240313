"""The tables of jobs and schedules."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, long_text, mapping, name_column, short_text
from evenhand.tenancy.models import TenantModel, ref


class JobState(StrEnum):
    """Where long work stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class Job(TenantModel):
    """Long work such as an import: its state and progress, written while it runs.

    This row is the truth about the work. What the queue holds only says which worker looks at it, and when.
    """

    kind = fields.CharField(max_length=64)
    """What kind of work: "import", "assign", …"""
    title = name_column()
    """What people call it, e.g. the file's name."""
    state = choice(JobState, default=JobState.QUEUED)
    """Where it stands."""
    done = fields.IntField(default=0)
    """How many of `total` are done."""
    total = fields.IntField(null=True)
    """How many there are to do; null while nobody knows."""
    message = short_text(500)
    """What it does now, or what came of it, in words."""
    error = long_text()
    """Why it failed, in words."""
    created_by = ref("core.User", null=True)
    created_by_id: UUID | None
    created_at = fields.DatetimeField(auto_now_add=True)
    started_at = fields.DatetimeField(null=True)
    """When it began to run."""
    heartbeat_at = fields.DatetimeField(null=True)
    """The last sign of life; a running job without one for minutes was killed."""
    finished_at = fields.DatetimeField(null=True)
    """When it ended, whatever the end."""
    scheduled_at = fields.DatetimeField(null=True)
    """The moment before which no worker begins with it, also after a failure; null for at once."""
    priority = fields.IntField(default=0, db_default=0)
    """Higher ones go first."""
    attempts = fields.IntField(default=0, db_default=0)
    """How often a worker began with it; 0 for work that no worker does."""
    failures = fields.IntField(default=0, db_default=0)
    """How often it failed and was put back."""
    cancel_requested_at = fields.DatetimeField(null=True)
    """When somebody asked for its end; it ends at its next step."""
    result: fields.Field[dict[str, Any] | None] = fields.JSONField(null=True)
    """What came of it, for programs."""
    payload: fields.Field[dict[str, Any] | None] = fields.JSONField(null=True)
    """What its handler is given."""
    cursor: fields.Field[Any] = fields.JSONField(null=True)
    """How far its steps got; the handler goes on from there."""
    key = short_text(200)
    """While it has not ended, there is no other job of this kind with this key."""

    class Meta:
        app = "core"
        table = "jobs"
        indexes = (("tenant_id", "state", "heartbeat_at"), ("tenant_id", "finished_at"))


class Schedule(TenantModel):
    """Work that is to be done again and again at times of the tenant's own calendar."""

    name = fields.CharField(max_length=64)
    """Its name, unique in the tenant."""
    kind = fields.CharField(max_length=64)
    """What kind of job it starts."""
    cron = fields.CharField(max_length=100)
    """When: minute, hour, day, month and day of the week in the tenant's time zone, as cron has them."""
    payload: fields.Field[dict[str, Any]] = mapping()
    """What the job is given."""
    enabled = fields.BooleanField(default=True)
    """Whether it starts jobs."""
    next_at = fields.DatetimeField(null=True)
    """When it starts the next job; null while it is off."""
    last_at = fields.DatetimeField(null=True)
    """When it last started one."""
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        app = "core"
        table = "schedules"
        unique_together = (("tenant_id", "name"),)
