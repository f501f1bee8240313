"""The commands as a person types them, each in its own process against a database of its own."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.models import uuid7
from evenhand.testing import Command


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
