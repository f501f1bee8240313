"""A database for tests: built once by the migrations, then copied from a template."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import asyncpg

from evenhand.db.apps import installed_apps
from evenhand.db.config import DatabaseConfig, data_directory, database_from_environment
from evenhand.db.embedded import start_embedded
from evenhand.db.migrate import connect, migrate

_TEMPLATE_LOCK = 0x65766E74
_FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


async def server_config() -> DatabaseConfig:
    """The server that tests use: `DATABASE_URL`'s, else an embedded one of their own."""
    configured = database_from_environment()
    if configured is not None:
        return configured
    _, config = start_embedded(data_directory() / "test-postgres")
    connection = await connect(config.named("postgres"))
    try:
        # Tests can lose their data; nothing else may be run on this server.
        for setting in _FAST:
            await connection.execute(f"ALTER SYSTEM SET {setting}")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
    return config


def schema_fingerprint() -> str:
    """Changes with any migration of the core and the installed plugins."""
    digest = hashlib.sha256()
    for label, app in sorted(installed_apps().items()):
        folder = Path(import_module(app.migrations).__path__[0])
        for path in sorted(folder.glob("*.py")):
            digest.update(f"{label}/{path.name}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


async def _ensure_template(server: DatabaseConfig) -> str:
    """Build the template database unless it is there; parallel workers wait for the first. Returns: its name."""
    name = f"evenhand_template_{schema_fingerprint()}"
    maintenance = await connect(server.named("postgres"))
    try:
        await maintenance.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
        ready = await maintenance.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", f"{name}_ready")
        if not ready:
            await maintenance.execute(f'DROP DATABASE IF EXISTS "{name}"')
            await migrate(server.named(name))
            await maintenance.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_ready"')
    finally:
        await maintenance.close()
    return f"{name}_ready"


@asynccontextmanager
async def temporary_database(purpose: str) -> AsyncIterator[DatabaseConfig]:
    """A migrated database that is dropped afterwards."""
    server = await server_config()
    template = await _ensure_template(server)
    name = f"evenhand_{purpose}_{os.getpid()}"
    maintenance = await connect(server.named("postgres"))
    try:
        await maintenance.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await _copy(maintenance, name, template)
        try:
            yield server.named(name)
        finally:
            await maintenance.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await maintenance.close()


async def _copy(maintenance: asyncpg.Connection, name: str, template: str) -> None:
    await maintenance.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
    try:
        await maintenance.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await maintenance.execute("SELECT pg_advisory_unlock($1)", _TEMPLATE_LOCK)
