"""For developers of the core and of plugins: write the next migration from the models."""

from __future__ import annotations

from pathlib import Path

from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import CreateModel

from evenhand.db.apps import installed_apps, tortoise_config
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.models import TenantModel


async def make_migrations(label: str) -> list[Path]:
    """Write the migration that brings the app `label` from its last migration to its models.

    New tenant tables are followed by `ScopeTables`, which gives them keys, references and row level security.

    Returns: the files written; empty when nothing changed.
    """
    nowhere = DatabaseConfig(host="localhost", port=5432, user="nobody", database="none")
    settings = tortoise_config(nowhere, installed_apps(), as_owner=True)
    written: list[Path] = []
    async with TortoiseContext() as context:
        await context.init(config=settings, init_connections=False)
        if context.apps is None:
            raise RuntimeError("tortoise has no apps")
        for writer in await MigrationAutodetector(context.apps, settings["apps"]).changes():
            if writer.app_label != label:
                continue
            created = [operation.name for operation in writer.operations if isinstance(operation, CreateModel)]
            models = context.apps[label]
            scoped = [name for name in created if issubclass(models[name], TenantModel)]
            path = Path(writer.write())
            if scoped:
                _append_scope(path, scoped, [name for name in scoped if _append_only(models[name])])
            written.append(path)
    return written


def _append_only(model: type) -> bool:
    return issubclass(model, TenantModel) and model.append_only


def _append_scope(path: Path, models: list[str], append_only: list[str]) -> None:
    text = path.read_text(encoding="utf-8")
    arguments = repr(models) + (f", append_only={append_only!r}" if append_only else "")
    head, bracket, tail = text.rpartition("]")
    text = f"{head}    ScopeTables({arguments}),\n    {bracket}{tail}"
    first_import = text.index("from ")
    text = f"{text[:first_import]}from evenhand.db.operations import ScopeTables\n{text[first_import:]}"
    path.write_text(text, encoding="utf-8")
