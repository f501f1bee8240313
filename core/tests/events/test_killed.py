"""A worker that is killed loses no delivery and repeats no effect."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter

import pytest

from evenhand.actions.journal import writing
from evenhand.actions.records import create_records
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading, transaction
from evenhand.entities import Tag
from evenhand.entities.registry import entity
from evenhand.events.models import EventDelivery
from evenhand.events.subscribers import set_subscriber
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

EVENTS = 700
_WORKER = """
import asyncio, sys
from evenhand.actions.journal import writing
from evenhand.actions.records import create_records
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import open_database
from evenhand.entities.registry import entity
from evenhand.events.pump import deliver_events
from evenhand.events.subscribers import delivers

@delivers("tagging", transactional=True)
async def tag(name, events):
    async with writing("tag") as journal:
        drafts = [{"name": f"{name} {event.record_id}"} for event in events]
        await create_records(entity("tag"), drafts, journal=journal)
    print(len(events), flush=True)

async def main():
    config = DatabaseConfig.from_url(sys.argv[1])
    async with open_database(config):
        await deliver_events(asyncio.Event())

asyncio.run(main())
"""


def _url(config: DatabaseConfig) -> str:
    password = f":{config.password}" if config.password else ""
    return f"postgresql://{config.user}{password}@/{config.database}?host={config.host}&port={config.port}"


@pytest.mark.slow
async def test_a_killed_worker_loses_and_repeats_nothing(database: DatabaseConfig, tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with transaction():
            for name in ("one", "two"):
                await set_subscriber("tagging", name, ["LeadCreated"])
        async with writing("create_leads") as journal:
            drafts = [{"name": str(number)} for number in range(EVENTS)]
            leads = await create_records(entity("lead"), drafts, journal=journal)

        async def left() -> int:
            async with reading():
                return int(await EventDelivery.all().count())

        kills = 0
        async with asyncio.timeout(120):
            while await left():
                worker = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", _WORKER, _url(database), stdout=asyncio.subprocess.PIPE
                )
                assert worker.stdout is not None
                # Killed at different moments after its first batch, the next one is under way.
                assert await worker.stdout.readline()
                await asyncio.sleep(0.03 * (kills % 4))
                os.kill(worker.pid, signal.SIGKILL)
                await worker.wait()
                kills += 1
        async with reading():
            tags = Counter([tag.name for tag in await Tag.all()])
    assert kills > 1
    assert tags == dict.fromkeys([f"{name} {lead}" for name in ("one", "two") for lead in leads], 1)
