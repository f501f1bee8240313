"""Look after pools: draw lots whose window has ended, and end offers that nobody accepted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from evenhand.actions.pools.draws import settle_draws
from evenhand.actions.pools.offers import expire_offers
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob


@job("pool_deadlines", timeout=timedelta(minutes=30), retries=3)
async def settle_pools(job: RunningJob, payload: dict[str, Any]) -> None:
    """Each draw and each offer ends once: what has ended is not due any more."""
    figures = {"draws": await settle_draws(), "offers": await expire_offers()}
    async with job.finishing(figures):
        pass


default_schedule("pool_deadlines", "pool_deadlines", "* * * * *")
