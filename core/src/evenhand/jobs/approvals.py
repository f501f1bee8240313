"""Look after approvals that are not decided in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from evenhand.actions.approvals.deadlines import settle_deadlines
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob


@job("approval_deadlines", timeout=timedelta(minutes=30), retries=3)
async def settle_approvals(job: RunningJob, payload: dict[str, Any]) -> None:
    """Remind, escalate or end what is overdue; a request that was settled is not due any more, so none is twice."""
    settled = await settle_deadlines()
    async with job.finishing({"settled": settled}):
        pass


default_schedule("approval_deadlines", "approval_deadlines", "*/15 * * * *")
