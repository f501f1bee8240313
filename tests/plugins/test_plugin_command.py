"""`evenhand plugin` with the plugins that come with Evenhand."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.models import uuid7
from evenhand.testing import Command


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


def test_plugins_are_enabled_for_one_tenant(evenhand: Command) -> None:
    slug = f"t-{uuid7().hex}"
    evenhand("tenant", "create", slug, "--name", "Acme")
    assert "not enabled" in evenhand("plugin", "list", "--tenant", slug)
    evenhand("plugin", "enable", "assignment", "--tenant", slug)
    assert "enabled, position 0" in evenhand("plugin", "list", EVENHAND_TENANT=slug)
    evenhand("plugin", "disable", "assignment", "--tenant", slug)
    assert "evenhand-assignment 0.1.0" in evenhand("plugin", "list")
    assert "Installed: " in evenhand("plugin", "enable", "telepathy", "--tenant", slug, code=1)
    assert "not JSON" in evenhand("plugin", "enable", "commission", "-t", slug, "--settings", "{", code=1)
    assert "not an object" in evenhand("plugin", "enable", "commission", "-t", slug, "--settings", "[]", code=1)
    assert "percent" in evenhand("plugin", "enable", "commission", "-t", slug, "--settings", '{"percent": -1}', code=1)
