"""The table of jobs."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, long_text, name_column, short_text
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
    """Long work such as an import: its state and progress, written while it runs."""

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

    class Meta:
        app = "core"
        table = "jobs"
        indexes = (("tenant_id", "state", "heartbeat_at"),)
