"""The queue's tables are what the installed pgqueuer declares, and the application may use them and no more."""

from __future__ import annotations

import asyncpg
import pytest
from pgqueuer.domain.settings import DBSettings

from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.jobs.queue import SETTINGS, TABLE, queries


async def test_pgqueuer_would_change_nothing(database: DatabaseConfig) -> None:
    connection = await connect(database)
    try:
        assert await queries(connection).schema_is_installed()
        plan = await queries(connection).plan_upgrade()
    finally:
        await connection.close()
    assert [statement for statement in plan.statements if "FUNCTION" not in statement] == []


async def test_the_application_may_not_empty_or_change_them(database: DatabaseConfig) -> None:
    connection = await connect(database)
    try:
        await connection.execute(f"SET ROLE {APP_ROLE}")
        assert await connection.fetchval(f"SELECT count(*) FROM {TABLE} WHERE false") == 0
        for statement in (f"TRUNCATE {TABLE}", f"ALTER TABLE {TABLE} ADD COLUMN x int", f"DROP TABLE {TABLE}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


def test_no_variable_of_the_environment_moves_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUEUE_TABLE", "PGQUEUER_QUEUE_TABLE", "CHANNEL", "PGQUEUER_PREFIX", "PGQUEUER_SCHEMA", "TRIGGER"):
        monkeypatch.setenv(name, "elsewhere")
    assert DBSettings().queue_table == "elsewhere"
    said = {name: getattr(SETTINGS, name) for name in DBSettings.model_fields}
    assert DBSettings(**said) == SETTINGS
    assert SETTINGS.queue_table == TABLE
