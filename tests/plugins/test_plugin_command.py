"""`evenhand plugin` with the plugins that come with Evenhand."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.models import uuid7
from evenhand.testing import Command
from evenhand.testing.server import temporary_database


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


def test_a_plugin_is_shown_configured_ordered_and_purged(evenhand: Command) -> None:
    slug = f"t-{uuid7().hex}"
    evenhand("tenant", "create", slug, "--name", "Acme")
    evenhand("plugin", "configure", "commission", "-t", slug, "--set", "percent=6.5", "--set", "plan=十分之一")
    shown = evenhand("plugin", "show", "commission", "-t", slug)
    for word in ("Commission (commission): disabled", "evenhand-commission 0.1.0", "6.5", "十分之一", "Share of a won"):
        assert word in shown
    assert "less than or equal to 100" in evenhand(
        "plugin", "configure", "commission", "-t", slug, "--set", "percent=101", code=1
    )
    assert "not name=value" in evenhand("plugin", "configure", "commission", "-t", slug, "--set", "percent", code=1)
    assert "There is no plugin telepathy" in evenhand("plugin", "show", "telepathy", "-t", slug, code=1)
    assert "commission" in evenhand("plugin", "list", "-t", slug)
    evenhand("plugin", "enable", "scoring", "-t", slug)
    assert f"{slug}: scoring, commission" in evenhand("plugin", "order", "scoring", "-t", slug)
    assert "up to date" in evenhand("plugin", "upgrade", "commission", "-t", slug)
    assert "is enabled" in evenhand("plugin", "purge", "scoring", "-t", slug, "--yes", code=1)
    assert "tenant_plugins" in evenhand("plugin", "purge", "commission", "-t", slug, "--dry-run")
    assert "Aborted" in evenhand("plugin", "purge", "commission", "-t", slug, code=1)
    assert "6.5" in evenhand("plugin", "show", "commission", "-t", slug)
    removed = evenhand("plugin", "purge", "commission", "-t", slug, "--yes")
    assert "2 rows are removed" in removed or "1 rows are removed" in removed
    assert "nothing to remove" in evenhand("plugin", "purge", "commission", "-t", slug, "--dry-run")
    assert "those of all tenants" in evenhand("plugin", "purge", "commission", "-t", slug, "--drop-tables", code=1)
    assert "name one tenant" in evenhand("plugin", "purge", "commission", code=1)


async def test_tables_are_taken_back_when_no_tenant_has_the_plugin(tmp_path: Path) -> None:
    async with temporary_database("purge") as config:
        evenhand = Command(config, tmp_path)
        for name in ("one", "two"):
            evenhand("tenant", "create", name, "--name", name)
            evenhand("plugin", "enable", "assignment", "-t", name)
        evenhand("plugin", "disable", "assignment", "-t", "one")
        words = ("plugin", "purge", "assignment", "--all-tenants", "--drop-tables", "--yes")
        assert "enabled for 1 tenant;" in evenhand(*words, code=1)
        evenhand("plugin", "disable", "assignment", "-t", "two")
        assert "The tables are gone" in evenhand(*words)
        connection = await asyncpg.connect(**config.connect_arguments())
        try:
            left = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'evenhand_assignment%'"
            assert await connection.fetchval(left) == 0
            assert await connection.fetchval("SELECT count(*) FROM tenant_plugins WHERE slug = 'assignment'") == 0
        finally:
            await connection.close()
        evenhand("migrate")
