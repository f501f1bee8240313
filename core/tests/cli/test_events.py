"""Dead letters on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import transaction
from evenhand.events import subscribers
from evenhand.events.base import Event
from evenhand.events.pump import drain_deliveries
from evenhand.events.subscribers import Undeliverable, delivers, set_subscriber
from evenhand.tenancy.context import acting_as
from evenhand.testing import Command, SomeTenant


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


async def test_dead_letters_are_listed_and_replayed(evenhand: Command, tenant: SomeTenant) -> None:
    @delivers("refusing", transactional=True)
    async def refuse(name: str, events: Sequence[Event]) -> None:
        raise Undeliverable("not wanted")

    with acting_as(tenant.system):
        async with transaction():
            await set_subscriber("refusing", "erp", ["LeadCreated"])
    await tenant.create("lead", name="Ada")
    await tenant.create("lead", name="Bob")
    try:
        await drain_deliveries()
        told = evenhand("events", "dead", "-t", tenant.slug)
        assert told.count("LeadCreated") == 2
        assert "not wanted" in told
        first = told.splitlines()[1].split()[0]
        assert "1 will be" in evenhand("events", "replay", "-t", tenant.slug, first)
        assert "1 will be" in evenhand("events", "replay", "-t", tenant.slug, "--kind", "refusing", "--name", "erp")
        assert "'x' is no id" in evenhand("events", "replay", "-t", tenant.slug, "x", code=1)
    finally:
        del subscribers._kinds["refusing"]
