"""The commands as a person types them, each in its own process against a database of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.models import uuid7


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


class Command:
    """Runs `evenhand` with the tests' database in the environment."""

    def __init__(self, database: DatabaseConfig, folder: Path) -> None:
        url = f"postgresql://{database.user}@/{database.database}?host={database.host}&port={database.port}"
        self.environment = {**os.environ, "DATABASE_URL": url, "EVENHAND_DATA": str(folder), "COLUMNS": "200"}

    def __call__(self, *words: str, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from evenhand.cli.main import main; main()", *words],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        assert "Traceback" not in output
        return output


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
