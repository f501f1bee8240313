"""For developers of the core and of plugins: write the next migration from the models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import CreateModel
from tortoise.migrations.writer import MigrationWriter
from tortoise.models import Model

from evenhand.db.apps import CORE_APPS, installed_apps, tortoise_config
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.models import TenantModel


@asynccontextmanager
async def _changes(label: str) -> AsyncIterator[tuple[dict[str, type[Model]], list[MigrationWriter]]]:
    """The models of the app `label` by name, and its migrations that are not written yet."""
    nowhere = DatabaseConfig(host="localhost", port=5432, user="nobody", database="none")
    settings = tortoise_config(nowhere, installed_apps(), as_owner=True)
    async with TortoiseContext() as context:
        await context.init(config=settings, init_connections=False)
        if context.apps is None:
            raise RuntimeError("tortoise has no apps")
        found = await MigrationAutodetector(context.apps, settings["apps"]).changes()
        yield context.apps[label], [writer for writer in found if writer.app_label == label]


async def missing_migrations(label: str) -> list[str]:
    """What the next migration of the app `label` would do; empty when its models and migrations agree."""
    async with _changes(label) as (_, writers):
        return [operation.describe() for writer in writers for operation in writer.operations]


async def make_migrations(label: str) -> list[Path]:
    """Write the migration that brings the app `label` from its last migration to its models.

    New tenant tables are followed by `ScopeTables`, which gives them keys, references and row level security.

    Returns: the files written; empty when nothing changed.
    """
    written: list[Path] = []
    async with _changes(label) as (models, writers):
        for writer in writers:
            created = [operation.name for operation in writer.operations if isinstance(operation, CreateModel)]
            scoped = [name for name in created if issubclass(models[name], TenantModel)]
            path = Path(writer.write())
            if scoped:
                _append_scope(path, label, scoped, [name for name in scoped if _append_only(models[name])])
            written.append(path)
    return written


def _append_only(model: type) -> bool:
    return issubclass(model, TenantModel) and model.append_only


def _append_scope(path: Path, label: str, models: list[str], append_only: list[str]) -> None:
    text = path.read_text(encoding="utf-8")
    arguments = repr(models) + (f", append_only={append_only!r}" if append_only else "")
    head, bracket, tail = text.rpartition("]")
    text = f"{head}    ScopeTables({arguments}),\n    {bracket}{tail}"
    first_import = text.index("from ")
    module = "evenhand.db.operations" if label in CORE_APPS else "evenhand.api"
    text = f"{text[:first_import]}from {module} import ScopeTables\n{text[first_import:]}"
    path.write_text(text, encoding="utf-8")
