"""Look after conflict cases that are not ruled on in time, and rulings that become final."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from evenhand.actions.conflicts.deadlines import settle_conflicts
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob


@job("conflict_deadlines", timeout=timedelta(minutes=30), retries=3)
async def settle_cases(job: RunningJob, payload: dict[str, Any]) -> None:
    """Remind, escalate or close what is due; a case that was settled is not due any more, so none is twice."""
    settled = await settle_conflicts()
    async with job.finishing({"settled": settled}):
        pass


default_schedule("conflict_deadlines", "conflict_deadlines", "*/15 * * * *")
