from __future__ import annotations

import asyncio
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

from evenhand.db.apps import CORE_APPS, installed_apps
from evenhand.db.config import DatabaseConfig
from evenhand.db.develop import missing_migrations
from evenhand.db.errors import DatabaseUnavailable
from evenhand.db.migrate import connect, ensure_database, migrate, pending_migrations
from evenhand.testing.server import server_config, temporary_database


async def schema_of(config: DatabaseConfig) -> list[str]:
    """Everything that a migration can make, as text."""
    connection = await asyncpg.connect(**config.connect_arguments())
    try:
        rows = await connection.fetch(
            "SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS item "
            "FROM information_schema.columns WHERE table_schema = 'public' "
            "UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
            "UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "UNION ALL SELECT 'policy ' || tablename || ' ' || coalesce(qual, '') FROM pg_policies "
            "UNION ALL SELECT 'right ' || table_name || ' ' || privilege_type "
            "FROM information_schema.role_table_grants WHERE grantee = 'evenhand_app' "
            "UNION ALL SELECT 'function ' || proname FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
        )
    finally:
        await connection.close()
    return [row["item"] for row in rows]


async def test_up_down_up_gives_the_same_schema() -> None:
    async with temporary_database("migrate") as config:
        before = await schema_of(config)
        assert len(before) > 500
        apps = installed_apps()
        plugins = [(label, "__first__") for label in apps if label != "core"]
        if plugins:
            await migrate(config, targets=plugins)
        await migrate(config, targets=[("core", "__first__")])
        left = await schema_of(config)
        assert all("tortoise_migrations" in item for item in left), left
        assert await migrate(config) >= 2
        assert await schema_of(config) == before


async def test_parallel_migrations_wait_for_one_another() -> None:
    server = await server_config()
    config = server.named("evenhand_parallel_migrations")
    maintenance = await connect(server.named("postgres"))
    try:
        await maintenance.execute('DROP DATABASE IF EXISTS "evenhand_parallel_migrations" WITH (FORCE)')
        done = await asyncio.gather(*(migrate(config, apps=CORE_APPS) for _ in range(3)))
        written = list(Path(str(files("evenhand.migrations"))).glob("0*.py"))
        assert sorted(done) == [0, 0, len(written)]
        assert await pending_migrations(config, apps=CORE_APPS) == []
    finally:
        await maintenance.execute('DROP DATABASE IF EXISTS "evenhand_parallel_migrations" WITH (FORCE)')
        await maintenance.close()


async def test_models_and_migrations_agree() -> None:
    for label in installed_apps():
        assert await missing_migrations(label) == [], f"run make_migrations({label!r}) and commit what it writes"


async def test_a_database_is_created_once() -> None:
    server = await server_config()
    config = server.named("evenhand_created_once")
    maintenance = await connect(server.named("postgres"))
    try:
        await maintenance.execute('DROP DATABASE IF EXISTS "evenhand_created_once"')
        assert sorted([await ensure_database(config), await ensure_database(config)]) == [False, True]
    finally:
        await maintenance.execute('DROP DATABASE IF EXISTS "evenhand_created_once"')
        await maintenance.close()


async def test_an_unreachable_server_is_told_plainly() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1 "):
        await migrate(DatabaseConfig(host="127.0.0.1", port=1, user="nobody", database="none"))
