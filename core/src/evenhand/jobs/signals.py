"""Look for patterns in what people do with records, every night."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from evenhand.actions.signals import bounds_of, find_signals
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob


@job("ownership_signals", timeout=timedelta(minutes=30), retries=3)
async def look_for_signals(job: RunningJob, payload: dict[str, Any]) -> None:
    """Find signals; the payload may set bounds by their names, e.g. {"days": 30, "loops": 3}."""
    found = await find_signals(bounds_of(payload))
    async with job.finishing({"found": found}):
        pass


default_schedule("ownership_signals", "ownership_signals", "30 3 * * *")
