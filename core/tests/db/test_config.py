from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from asyncpg import QueryCanceledError
from tortoise.connection import get_connection

from evenhand.db.config import DatabaseConfig, data_directory, database_from_environment, with_connections
from evenhand.db.errors import InvalidDatabaseUrl, took_too_long
from evenhand.db.session import open_database
from evenhand.environment import InvalidSetting


def test_urls_are_read() -> None:
    config = DatabaseConfig.from_url("postgresql://al%40ice:s%2Fcret@db.example:6432/crm?sslmode=require")
    assert (config.host, config.port, config.user, config.password) == ("db.example", 6432, "al@ice", "s/cret")
    assert (config.database, config.ssl) == ("crm", "require")
    assert config.connect_arguments()["ssl"] == "require"
    socket = DatabaseConfig.from_url("postgres:///crm?host=/run/postgresql")
    assert (socket.host, socket.port, socket.database) == ("/run/postgresql", 5432, "crm")


@pytest.mark.parametrize("url", ["mysql://localhost/crm", "postgresql://localhost", "crm", "postgresql://h:x/crm"])
def test_other_urls_are_refused_with_a_hint(url: str) -> None:
    with pytest.raises(InvalidDatabaseUrl) as refused:
        DatabaseConfig.from_url(url)
    assert refused.value.hint


def test_the_application_works_under_its_own_role() -> None:
    config = DatabaseConfig.from_url("postgresql://owner@localhost/crm")
    assert config.credentials()["server_settings"]["role"] == "evenhand_app"
    assert "role" not in config.credentials(as_owner=True)["server_settings"]


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert database_from_environment() is None
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/crm")
    monkeypatch.setenv("EVENHAND_POOL_SIZE", "3")
    found = database_from_environment()
    assert found is not None
    assert found.pool_size == 3
    monkeypatch.setenv("EVENHAND_DATA", str(tmp_path))
    assert data_directory() == tmp_path


def test_the_environment_says_how_many_connections_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    config = DatabaseConfig.from_url("postgresql://localhost/crm")
    monkeypatch.delenv("EVENHAND_POOL_SIZE", raising=False)
    monkeypatch.setenv("EVENHAND_READ_CONNECTIONS", "")
    assert with_connections(config) == config
    assert (config.pool_size, config.read_connections) == (10, 4)
    monkeypatch.setenv("EVENHAND_READ_CONNECTIONS", "7")
    assert with_connections(config) == replace(config, read_connections=7)
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/crm")
    assert database_from_environment() == replace(config, read_connections=7)


@pytest.mark.parametrize("name", ["EVENHAND_POOL_SIZE", "EVENHAND_READ_CONNECTIONS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_number_of_connections_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/crm")
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=name) as refused:
        database_from_environment()
    assert refused.value.hint == "Set it to a whole number above zero."


async def test_statements_of_the_application_are_stopped_after_their_time(database: DatabaseConfig) -> None:
    limited = replace(database, statement_seconds=0.1)
    assert "statement_timeout" not in limited.credentials(as_owner=True)["server_settings"]
    async with open_database(limited):
        with pytest.raises(QueryCanceledError) as stopped:
            await get_connection("default").execute_query("SELECT pg_sleep(30)")
    assert took_too_long(stopped.value)
