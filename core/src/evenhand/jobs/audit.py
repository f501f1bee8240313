"""Look after the audit chain every night: verify it, and remove entries that are older than the tenant keeps them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from evenhand.actions.audit import remove_old_entries, verify_audit
from evenhand.actions.journal import writing
from evenhand.audit.sealing import seal_entries
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob


@job("audit_verification", timeout=timedelta(hours=6), retries=2)
async def verify_every_night(job: RunningJob, payload: dict[str, Any]) -> None:
    """Verify the whole chain; admins are told once of each break."""
    found = await verify_audit()
    result = {"checked": found.checked, "broken": found.broken.message if found.broken else None}
    async with job.finishing(result):
        pass


@job("audit_retention", timeout=timedelta(hours=6), retries=2)
async def remove_every_night(job: RunningJob, payload: dict[str, Any]) -> None:
    """Remove what is older than the tenant keeps it, a batch at a time."""
    await seal_entries()
    removed, some = 0, 1
    while some:
        async with job.step(), writing("remove_old_entries") as journal:
            some = await remove_old_entries(journal)
        removed += some
        job.advance(removed)
    async with job.finishing({"removed": removed}):
        pass


default_schedule("audit_verification", "audit_verification", "30 2 * * *")
default_schedule("audit_retention", "audit_retention", "10 4 * * *")
