"""Hand-overs on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.testing import Command, SomeTenant


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


async def test_a_book_is_handed_over_and_taken_back(evenhand: Command, tenant: SomeTenant) -> None:
    leaver = await tenant.create("User", name="Lei Li")
    await tenant.create("User", name="Mei Han")
    for number in range(3):
        await tenant.create("Account", name=f"Account {number}", owner_id=leaver)
    told = evenhand("handover", "plan", "-t", tenant.slug, "--from", "Lei Li", "--to", "Mei Han", "--note", "leaves")
    assert "3 records move" in told
    plan = told.split()[1]
    assert "3 > 0" in evenhand("handover", "show", plan, "-t", tenant.slug)
    assert "3 records and 0 open tasks and tickets changed hands" in evenhand(
        "handover", "execute", plan, "-t", tenant.slug
    )
    assert "3 records and 0 open tasks went back" in evenhand("handover", "undo", plan, "-t", tenant.slug)
    assert "is undone already" in evenhand("handover", "cancel", plan, "-t", tenant.slug, code=1)
    assert "There is no user" in evenhand("handover", "plan", "-t", tenant.slug, "--from", "Nobody", code=1)
