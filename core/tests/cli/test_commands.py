"""The commands as a person types them, each in its own process against a database of its own."""

from __future__ import annotations

import os
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


def test_from_tenant_to_key(evenhand: Command) -> None:
    slug = f"t-{uuid7().hex}"
    assert "up to date" in evenhand("migrate")
    evenhand("tenant", "create", slug, "--name", "华兴", "--locale", "zh-CN", "--currency", "CNY")
    assert "is taken" in evenhand("tenant", "create", slug, "--name", "Again", code=1)
    evenhand("user", "add", "--tenant", slug, "--name", "王小明", "--email", "wang@example.cn", "--role", "admin")
    assert "wang@example.cn is taken" in evenhand(
        "user", "add", "-t", slug, "--name", "Other", "--email", "wang@example.cn", code=1
    )
    for who in ("王小明", "wang@example.cn"):
        assert evenhand("apikey", "create", "-t", slug, "--user", who).startswith(f"evh_{slug}_")
    key = evenhand("apikey", "create", "-t", slug, "--user", "王小明", "--name", "dialer").strip()
    assert "dialer" in evenhand("apikey", "list", "-t", slug)
    assert "revoked" in evenhand("apikey", "revoke", key, "-t", slug)
    assert "revoked" in evenhand("apikey", "list", "-t", slug)
    assert "There is no ApiKey" in evenhand("apikey", "revoke", "evh_x", "-t", slug, code=1)
    assert "There is no user 'Li'" in evenhand("apikey", "create", "-t", slug, "--user", "Li", code=1)


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


def test_mistakes_are_told_plainly(evenhand: Command) -> None:
    assert "There is no tenant 'nobody'" in evenhand("user", "add", "-t", "nobody", "--name", "Li", code=1)
    bad = evenhand("tenant", "create", "Bad Slug", "--name", "", "--currency", "usd", "--time-zone", "Mars", code=1)
    assert all(word in bad for word in ("slug", "name", "currency", "time_zone"))
    assert "cannot be used" in evenhand("migrate", code=1, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert "starts with 'mysql'" in evenhand("migrate", code=1, DATABASE_URL="mysql://localhost/x")
    assert "No such command" in evenhand("conquer", code=2)


async def test_a_database_without_migrations_is_told(evenhand: Command, database: DatabaseConfig) -> None:
    name = f"evenhand_empty_{os.getpid()}"
    url = f"postgresql://{database.user}@/{name}?host={database.host}&port={database.port}"
    try:
        assert "evenhand migrate" in evenhand("tenant", "create", "acme", "--name", "Acme", code=1, DATABASE_URL=url)
    finally:
        connection = await asyncpg.connect(**database.connect_arguments())
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        await connection.close()


def test_doctor_finds_nothing_wrong_and_then_something(evenhand: Command) -> None:
    assert "wrong" not in evenhand("doctor")
    assert "cannot be used" in evenhand("doctor", code=1, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")


def test_reindexing_a_tenant(evenhand: Command) -> None:
    slug = f"t-{uuid7().hex}"
    evenhand("migrate")
    evenhand("tenant", "create", slug, "--name", "华兴")
    evenhand("user", "add", "--tenant", slug, "--name", "王小明", "--email", "wang@example.cn", "--role", "rep")
    assert "1 records can be searched" in evenhand("search", "reindex", "--tenant", slug)
    assert "no tenant" in evenhand("search", "reindex", "--tenant", f"{slug}-x", code=1)
