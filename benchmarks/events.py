"""Events: what noting down deliveries costs a write, and how many deliveries a worker makes in a second."""

from __future__ import annotations

import asyncio
import statistics
import time
from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta

from rich.table import Table

from evenhand.actions.journal import writing
from evenhand.actions.records import create_record, create_records
from evenhand.db.bulk import insert_rows
from evenhand.db.session import driver_transaction, open_database, transaction
from evenhand.entities import Tag
from evenhand.entities.registry import entity
from evenhand.events.base import Event
from evenhand.events.pump import deliver_events
from evenhand.events.subscribers import delivers, set_subscriber
from evenhand.tenancy.context import acting_as, current_tenant
from evenhand.tenancy.models import uuid7
from evenhand.testing import make_tenant
from evenhand.testing.server import temporary_database

EVENTS = 20_000
BULK = 1_000
SINGLE = 500
ROUNDS = 3
SUBSCRIBERS = 3

_made = 0


async def _count(name: str, events: Sequence[Event]) -> None:
    global _made
    _made += len(events)


async def _write(name: str, events: Sequence[Event]) -> None:
    """An effect of each event, in the transaction of its delivery."""
    global _made
    rows = [{"id": uuid7(), "tenant_id": current_tenant(), "name": f"{name} {event.id}"} for event in events]
    suffix = "ON CONFLICT DO NOTHING"
    rows = [
        {**row, "created_at": event.occurred_at, "updated_at": event.occurred_at, "version": 1, "custom": {}}
        for row, event in zip(rows, events, strict=True)
    ]
    await insert_rows(driver_transaction(), Tag, rows, suffix=suffix)
    _made += len(events)


async def _create(count: int, size: int) -> float:
    started = time.perf_counter()
    for _ in range(count // size):
        if size == 1:
            await create_record("lead", {"name": "Lead", "city": "Hangzhou"})
            continue
        async with writing("create_leads") as journal:
            drafts = [{"name": f"Lead {number}", "city": "Hangzhou"} for number in range(size)]
            await create_records(entity("lead"), drafts, journal=journal)
    return count / (time.perf_counter() - started)


async def _subscribe(kind: str | None) -> None:
    async with transaction():
        for each in ("count", "write"):
            for number in range(SUBSCRIBERS):
                await set_subscriber(each, str(number), ["LeadCreated"], active=each == kind)


async def _deliver(workers: int) -> float:
    """Deliver all that waits. Returns: deliveries per second."""
    global _made
    _made = 0
    stop = asyncio.Event()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(workers):
            tasks.create_task(deliver_events(stop))
        while _made < EVENTS * SUBSCRIBERS:  # noqa: ASYNC110 - counted by the handlers
            await asyncio.sleep(0.01)
        stop.set()
    return _made / (time.perf_counter() - started)


async def run(options: Namespace) -> Table:
    """Measure. Returns: a table of medians of three rounds."""
    delivers("count", transactional=True, timeout=timedelta(seconds=30))(_count)
    delivers("write", transactional=True, timeout=timedelta(seconds=30))(_write)
    figures: dict[str, list[float]] = {}
    async with temporary_database("bench") as config, open_database(config):
        tenant = await make_tenant()
        with acting_as(tenant.system):
            for _ in range(ROUNDS):
                for kind, title in ((None, "no subscriber"), ("count", f"{SUBSCRIBERS} subscribers")):
                    await _subscribe(kind)
                    figures.setdefault(f"create leads, {title}", []).append(await _create(SINGLE, 1))
                    figures.setdefault(f"create 1,000 leads at once, {title}", []).append(await _create(5 * BULK, BULK))
                    await _clear()
                for kind in ("count", "write"):
                    await _subscribe(kind)
                    await _create(EVENTS, BULK)
                    figures.setdefault(f"deliver to {SUBSCRIBERS} that {kind}", []).append(await _deliver(1))
    table = Table("What", "per second", "events/s", title=f"{EVENTS:,} events, {SUBSCRIBERS} subscribers, one worker")
    for name, values in figures.items():
        value = statistics.median(values)
        events = f"{value / SUBSCRIBERS:,.0f}" if name.startswith("deliver") else ""
        table.add_row(name, f"{value:,.0f}", events)
    return table


async def _clear() -> None:
    async with transaction() as client:
        await client.execute_query("DELETE FROM event_deliveries WHERE tenant_id = $1", [current_tenant()])
