"""Schedules: work that is done again and again at times of the tenant's calendar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.actions.journal import Journal, writing
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import Tenant
from evenhand.jobs.models import Schedule
from evenhand.jobs.registry import DefaultSchedule, default_schedules, job_kind, schedules_of_plugin
from evenhand.jobs.rules import check_cron, next_after
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

_SET_TIME = """
INSERT INTO schedule_times (tenant_id, schedule_id, next_at) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, schedule_id) DO UPDATE SET next_at = excluded.next_at
"""


async def set_schedule(
    name: str, kind: str, cron: str, payload: Mapping[str, Any] | None = None, *, enabled: bool = True
) -> None:
    """Have a job started again and again for the current tenant, or change how. The same again changes nothing.

    Runs that were missed while no worker ran are made up for by one; while a job of the schedule has not ended, the
    next is not started.

    Args:
        name: its name, unique in the tenant.
        kind: the job's kind.
        cron: minute, hour, day, month and day of the week, in the tenant's time zone.
        payload: what the job is given.

    Raises:
        InvalidInput, InvalidCron, UnknownJobKind, PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, "Schedule")
    new = {
        "kind": job_kind(kind).kind,
        "cron": check_cron(cron),
        "payload": dict(payload or {}),
        "enabled": enabled,
    }
    name = require_value(Schedule, "name", name)
    async with writing("set_schedule") as journal:
        zone = await _zone(journal)
        if await _insert(journal, {"name": name, **new}, zone):
            return
        row = await Schedule.filter(name=name).select_for_update(no_key=True).get()
        before = {column: getattr(row, column) for column, value in new.items() if getattr(row, column) != value}
        if not before:
            return
        after = {column: new[column] for column in before}
        next_at = next_after(str(new["cron"]), zone, journal.now) if enabled else None
        await Schedule.filter(id=row.id).update(**after, next_at=next_at, updated_at=journal.now)
        await _set_time(journal, row.id, next_at)
        journal.record("Schedule", row.id, before=before, after={"name": name, **after})


async def set_default_schedules() -> int:
    """Give the current tenant the schedules that every tenant has and those of its enabled plugins.

    What is there stays as it is, also when an admin changed it. Returns: how many were missing.
    """
    async with writing("set_default_schedules") as journal:
        return await add_default_schedules(journal)


async def add_default_schedules(journal: Journal) -> int:
    """As `set_default_schedules`, within a use case."""
    wanted = default_schedules()
    for plugin in await TenantPlugin.filter(enabled=True, archived_at=None):
        wanted += schedules_of_plugin(plugin.slug)
    return await _add_missing(journal, wanted)


async def schedule_plugin(journal: Journal, slug: str, *, enabled: bool) -> None:
    """Begin or stop the schedules of a plugin that is enabled or disabled for the tenant in this use case."""
    if enabled:
        await _add_missing(journal, schedules_of_plugin(slug))
    # By the kind's name and not by what the plugin says: it may be gone.
    rows = await Schedule.filter(kind__startswith=f"{slug}.", enabled=not enabled).select_for_update(no_key=True)
    zone = await _zone(journal) if rows else None
    for row in rows:
        next_at = next_after(row.cron, zone, journal.now) if enabled and zone is not None else None
        await Schedule.filter(id=row.id).update(enabled=enabled, next_at=next_at, updated_at=journal.now)
        await _set_time(journal, row.id, next_at)
        change = {"name": row.name, "enabled": enabled}
        journal.record("Schedule", row.id, before={"enabled": not enabled}, after=change)


async def _add_missing(journal: Journal, wanted: list[DefaultSchedule]) -> int:
    if not wanted:
        return 0
    there = {row.name for row in await Schedule.filter(name__in=[one.name for one in wanted])}
    missing = [one for one in wanted if one.name not in there]
    zone = await _zone(journal) if missing else ZoneInfo("UTC")
    added = 0
    for one in missing:
        values = {"kind": one.kind, "cron": one.cron, "payload": dict(one.payload), "enabled": True}
        added += await _insert(journal, {"name": one.name, **values}, zone)
    return added


async def _zone(journal: Journal) -> ZoneInfo:
    tenant = await Tenant.get(id=journal.actor.tenant_id)
    return ZoneInfo(tenant.time_zone)


async def _insert(journal: Journal, values: Mapping[str, Any], zone: ZoneInfo) -> bool:
    """Insert a schedule unless there is one of its name. Returns: whether it was inserted."""
    next_at = next_after(values["cron"], zone, journal.now) if values["enabled"] else None
    row = {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        **values,
        "next_at": next_at,
        "created_at": journal.now,
        "updated_at": journal.now,
    }
    suffix = "ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id"
    if not await insert_rows(journal.client, Schedule, [row], suffix=suffix):
        return False
    await _set_time(journal, row["id"], next_at)
    journal.record("Schedule", row["id"], before=None, after=values)
    return True


async def _set_time(journal: Journal, schedule_id: UUID, next_at: datetime | None) -> None:
    connection, tenant_id = raw_connection(journal.client), journal.actor.tenant_id
    if next_at is None:
        await connection.execute(
            "DELETE FROM schedule_times WHERE tenant_id = $1 AND schedule_id = $2", tenant_id, schedule_id
        )
    else:
        await connection.execute(_SET_TIME, tenant_id, schedule_id, next_at)
