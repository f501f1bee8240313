"""Bring a database to the schema of the installed code: one process at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget, PlanStep
from tortoise.migrations.graph import MigrationGraph, MigrationKey
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.models import Model

from evenhand.db.apps import App, installed_apps, tortoise_config
from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.db.errors import DatabaseUnavailable

MIGRATION_LOCK = 0x65766E68
"""The advisory lock of migrations ("evnh"): a second process waits, then finds nothing to do."""

Progress = Callable[[str, str, str], object]


async def connect(config: DatabaseConfig) -> asyncpg.Connection:
    """One plain connection as the schema's owner.

    Raises:
        DatabaseUnavailable: the server cannot be reached or refuses us.
    """
    try:
        return await asyncpg.connect(**config.connect_arguments(), timeout=10)
    except asyncpg.InvalidCatalogNameError:
        raise
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(
            f"PostgreSQL at {config.host}:{config.port} cannot be used as {config.user!r}: {error}",
            hint="Check that it runs and that DATABASE_URL has the right host, user and password.",
        ) from error


async def ensure_database(config: DatabaseConfig) -> bool:
    """Create the database when it does not exist. Returns: whether it was created."""
    try:
        connection = await connect(config)
    except asyncpg.InvalidCatalogNameError:
        maintenance = await connect(config.named("postgres"))
        try:
            await maintenance.execute(f"CREATE DATABASE \"{config.database}\" TEMPLATE template0 ENCODING 'UTF8'")
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            return False
        finally:
            await maintenance.close()
        return True
    await connection.close()
    return False


async def _ensure_role(connection: asyncpg.Connection) -> None:
    """Create the application role; it is shared by all databases of the server."""
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", APP_ROLE):
        try:
            await connection.execute(f"CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            return
    await connection.execute(f"GRANT {APP_ROLE} TO CURRENT_USER")


class _SchemaEditor(AsyncpgSchemaEditor):
    """Heeds `db_constraint=False`, which tortoise's own editor does not: our keys are composite."""

    def _get_fk_field_definition(self, model: type[Model], key_field_name: str) -> str:
        key = model._meta.fields_map[key_field_name]
        reference = key.reference
        if not isinstance(reference, ForeignKeyFieldInstance) or reference.db_constraint:
            return super()._get_fk_field_definition(model, key_field_name)
        return self._get_field_sql(
            db_field=model._meta.fields_db_projection[key_field_name],
            field_type=key.get_for_dialect(self.DIALECT, "SQL_TYPE"),
            nullable=key.null,
            unique=key.unique,
            is_pk=key.pk,
            comment="",
        )


class _Executor(MigrationExecutor):
    def _schema_editor(self, atomic: bool = True, collect_sql: bool = False) -> BaseSchemaEditor:
        return _SchemaEditor(self.connection, atomic=atomic, collect_sql=collect_sql)

    def _migration_plan(
        self, targets: Iterable[MigrationTarget] | None, applied: set[MigrationKey], graph: MigrationGraph
    ) -> list[PlanStep]:
        """Also finds the first migration of an app when it depends on another app's, as every plugin's does."""
        plan: list[PlanStep] = []
        rest: list[MigrationTarget] = []
        for target in targets or ():
            if target.name != "__first__":
                rest.append(target)
                continue
            for key, node in graph.node_map.items():
                first = all(parent.key.app_label != key.app_label for parent in node.parents)
                if key.app_label == target.app_label and first:
                    root = MigrationTarget(key.app_label, key.name)
                    plan += self._backward_plan(root, applied, graph, include_target=True)
        if rest or targets is None:
            plan += super()._migration_plan(rest if targets is not None else None, applied, graph)
        return self._dedupe_plan(plan)


@asynccontextmanager
async def _executor(config: DatabaseConfig, apps: Mapping[str, App]) -> AsyncIterator[MigrationExecutor]:
    settings = tortoise_config(config, apps, as_owner=True)
    async with TortoiseContext() as context:
        await context.init(config=settings)
        yield _Executor(context.connections.get("default"), settings["apps"])


async def migrate(
    config: DatabaseConfig,
    *,
    apps: Mapping[str, App] | None = None,
    targets: list[tuple[str, str]] | None = None,
    progress: Progress | None = None,
) -> int:
    """Apply what is missing, under an advisory lock.

    Args:
        apps: the core and installed plugins by default.
        targets: (app, migration) to go to, forwards or backwards, "__first__" to before an app's first;
            by default the newest of all.
        progress: called with (event, app, migration), events as tortoise names them.

    Returns: how many migrations were applied or taken back.
    """
    await ensure_database(config)
    lock = await connect(config)
    done: list[tuple[str, str]] = []

    def count(event: str, app: str, name: str) -> None:
        if event.endswith("_done"):
            done.append((app, name))
        if progress is not None:
            progress(event, app, name)

    try:
        await lock.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await _ensure_role(lock)
        async with _executor(config, apps if apps is not None else installed_apps()) as executor:
            wanted = None if targets is None else [MigrationTarget(app, name) for app, name in targets]
            await executor.migrate(wanted, progress=count)
    finally:
        await lock.close()
    return len(done)


async def pending_migrations(config: DatabaseConfig, *, apps: Mapping[str, App] | None = None) -> list[str]:
    """Names ("app.migration") of what is not applied yet."""
    async with _executor(config, apps if apps is not None else installed_apps()) as executor:
        plan: list[Any] = await executor.plan()
    return [f"{step.migration.app_label}.{step.migration.name}" for step in plan]


async def analyze(config: DatabaseConfig) -> None:
    """Let PostgreSQL count what was loaded; by itself it does so about a minute later, and plans badly until then."""
    connection = await connect(config)
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
