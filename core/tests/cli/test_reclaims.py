"""Reclaim on the command line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from evenhand import clock
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import Role
from evenhand.testing import Command, SomeTenant


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


async def test_the_preview_says_what_and_why(evenhand: Command, tenant: SomeTenant) -> None:
    pool = await tenant.create("Pool", name="公海")
    await tenant.create("PoolRule", name="R", pool_id=pool, entity="Account", idle_days=10)
    await tenant.create("Account", name="华信", owner_id=tenant.users[Role.REP])
    assert "0 records go back" in evenhand("reclaim", "preview", "-t", tenant.slug)
    day = (clock.now() + timedelta(days=15)).date().isoformat()
    shown = evenhand("reclaim", "preview", "-t", tenant.slug, "--on", day, "--language", "zh")
    assert "1 records go back" in shown
    assert "华信" in shown
    assert "0 records went back" in evenhand("reclaim", "run", "-t", tenant.slug)
