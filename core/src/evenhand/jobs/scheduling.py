"""Start the jobs of schedules when their time has come, for all tenants."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import structlog
from tortoise.connection import get_connection

from evenhand import clock
from evenhand.db.session import raw_connection, transaction
from evenhand.jobs.errors import UnknownJobKind
from evenhand.jobs.queue import enqueue
from evenhand.jobs.rules import next_after
from evenhand.tenancy.context import acting_as, system_actor
from evenhand.tenancy.directory import tenant_ids

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for schedules whose time has come."""
AT_ONCE = 200
AFTER_FAILURE = timedelta(minutes=1)

_DUE = "SELECT tenant_id, schedule_id FROM schedule_times WHERE next_at <= $1 ORDER BY next_at LIMIT $2"
_TAKE = """
SELECT s.name, s.kind, s.cron, s.payload, t.time_zone
FROM schedule_times d
JOIN schedules s ON s.tenant_id = $1 AND s.id = d.schedule_id
JOIN tenants t ON t.id = $1
WHERE d.tenant_id = $1 AND d.schedule_id = $2 AND d.next_at <= $3
FOR UPDATE OF d SKIP LOCKED
"""
_PUT_OFF = "UPDATE schedule_times SET next_at = $4 WHERE tenant_id = $1 AND schedule_id = $2 AND next_at <= $3"


async def start_due() -> int:
    """Start the job of each schedule whose time has come, once, also when several times have passed.

    Two workers never start the same. Returns: how many were started.
    """
    now, started = clock.now(), 0
    # Ids and moments are all that is seen without a tenant; each schedule is then read as its own tenant's.
    due = await get_connection("default").execute_query_dict(_DUE, [now, AT_ONCE])
    for row in due:
        with acting_as(system_actor(row["tenant_id"], via="schedule")):
            try:
                started += await _start(row["tenant_id"], row["schedule_id"], now)
            except Exception:
                log.exception("schedule.failed", tenant=str(row["tenant_id"]), schedule=str(row["schedule_id"]))
                await _put_off(row["tenant_id"], row["schedule_id"], now)
    return started


async def _put_off(tenant_id: UUID, schedule_id: UUID, now: datetime) -> None:
    """Look at a schedule that fails again later, so that it is not for ever the first in line."""
    async with transaction() as client:
        await raw_connection(client).execute(_PUT_OFF, tenant_id, schedule_id, now, now + AFTER_FAILURE)


async def _start(tenant_id: UUID, schedule_id: UUID, now: datetime) -> bool:
    async with transaction() as client:
        connection = raw_connection(client)
        row = await connection.fetchrow(_TAKE, tenant_id, schedule_id, now)
        if row is None:
            return False
        started = True
        try:
            key = f"schedule:{row['name']}"
            await enqueue(row["kind"], orjson.loads(row["payload"]), title=row["name"], key=key)
        except UnknownJobKind as error:
            # Its plugin is not installed here; another time it may be.
            log.warning("schedule.unknown_kind", kind=row["kind"], error=error.message)
            started = False
        next_at = next_after(row["cron"], ZoneInfo(row["time_zone"]), now)
        await connection.execute(
            "UPDATE schedule_times SET next_at = $3 WHERE tenant_id = $1 AND schedule_id = $2",
            tenant_id,
            schedule_id,
            next_at,
        )
        await connection.execute(
            "UPDATE schedules SET next_at = $3, last_at = $4 WHERE tenant_id = $1 AND id = $2",
            tenant_id,
            schedule_id,
            next_at,
            now,
        )
        return started


async def keep_schedules(stop: asyncio.Event) -> None:
    """Start what is due, until `stop`; a service of the worker."""
    while not stop.is_set():
        while await start_due() == AT_ONCE and not stop.is_set():
            pass
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await stop.wait()


async def add_missing_schedules(stop: asyncio.Event) -> None:
    """Give every tenant the schedules that were added with this version; once, when a worker starts."""
    from evenhand.actions.schedules import set_default_schedules

    added = 0
    for tenant_id in await tenant_ids():
        if stop.is_set():
            return
        with acting_as(system_actor(tenant_id, via="upgrade")):
            added += await set_default_schedules()
    if added:
        log.info("schedules.added", count=added)
    await stop.wait()
