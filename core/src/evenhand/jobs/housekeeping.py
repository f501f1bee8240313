"""Remove what nobody needs any more: answers to repeated requests, and jobs that ended long ago."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from tortoise.connection import get_connection

from evenhand import clock
from evenhand.db.session import driver_transaction, raw_connection
from evenhand.jobs.queue import LOG_TABLE
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob
from evenhand.tenancy.context import current_tenant

BATCH = 1000
"""Rows that one transaction removes."""
KEEP_JOBS = timedelta(days=90)

_EXPIRED: tuple[tuple[str, str, str, timedelta], ...] = (
    ("idempotency keys", "idempotency_keys", "expires_at", timedelta()),
    ("ended jobs", "jobs", "finished_at", KEEP_JOBS),
    ("runs of rules", "automation_runs", "created_at", KEEP_JOBS),
    ("reminders", "reminders", "created_at", KEEP_JOBS),
)
"""What, its table, the moment in it, and how long after that moment it is kept."""


@job("housekeeping", timeout=timedelta(hours=2), retries=3)
async def keep_house(job: RunningJob, payload: dict[str, Any]) -> None:
    """Remove what is past its time, a batch at a time, so that no lock is held for long."""
    removed: dict[str, int] = job.cursor or {}
    for what, table, moment, keep in _EXPIRED:
        before, gone = clock.now() - keep, BATCH
        while gone == BATCH:
            async with job.step() as step:
                gone = await _remove(table=table, moment=moment, before=before)
                removed = {**removed, what: removed.get(what, 0) + gone}
                step.cursor = removed
            job.advance(sum(removed.values()))
    async with job.finishing(removed):
        pass


async def _remove(*, table: str, moment: str, before: datetime) -> int:
    answer = await raw_connection(driver_transaction()).execute(
        f"DELETE FROM {table} WHERE tenant_id = $1 AND id IN (SELECT id FROM {table} "
        f"WHERE tenant_id = $1 AND {moment} < $2 ORDER BY {moment} LIMIT {BATCH} FOR UPDATE SKIP LOCKED)",
        current_tenant(),
        before,
    )
    return int(answer.rpartition(" ")[2])


default_schedule("housekeeping", "housekeeping", "30 3 * * *")


KEEP_QUEUE_LOG = timedelta(days=2)
_LOG_EVERY = 600.0
_FORGET = f"""
DELETE FROM {LOG_TABLE} WHERE id IN (SELECT id FROM {LOG_TABLE} WHERE created < $1 ORDER BY created LIMIT {10 * BATCH})
"""


async def keep_queue_log_short(stop: asyncio.Event) -> None:
    """Remove what the queue noted days ago, for all tenants: ids and states of jobs. A service of the worker."""
    while not stop.is_set():
        gone = 10 * BATCH
        while gone == 10 * BATCH and not stop.is_set():
            gone, _ = await get_connection("default").execute_query(_FORGET, [datetime.now(UTC) - KEEP_QUEUE_LOG])
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOG_EVERY):
                await stop.wait()
