"""The plugin's tables come and go."""

from __future__ import annotations

from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import connect, migrate
from evenhand.testing.server import temporary_database

TABLES = ["evenhand_assignment_groups", "evenhand_assignment_turns"]


async def tables(config: DatabaseConfig) -> list[str]:
    connection = await connect(config)
    try:
        rows = await connection.fetch(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS guarded FROM pg_class "
            "WHERE relkind = 'r' AND relname LIKE 'evenhand_assignment%' ORDER BY relname"
        )
    finally:
        await connection.close()
    assert all(row["guarded"] for row in rows)
    return [row["relname"] for row in rows]


async def test_up_down_up() -> None:
    async with temporary_database("assignment_migrations") as config:
        assert await tables(config) == TABLES
        assert await migrate(config, targets=[("assignment", "__first__")]) == 1
        assert await tables(config) == []
        assert await migrate(config) == 1
        assert await tables(config) == TABLES
