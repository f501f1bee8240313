"""Real files that nobody here wrote, and a tenant to import them into."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from evenhand.actions.imports import ImportOptions, ImportReport, import_file
from evenhand.actions.plugins import set_plugin
from evenhand.db.session import reading
from evenhand.entities.registry import entity
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

ROOT = Path(__file__).resolve().parents[2]


def shared_data() -> Path:
    """The folder of real data: `EVENHAND_SHARED_DATA`, by default ../shared/data beside the repository."""
    return Path(os.environ.get("EVENHAND_SHARED_DATA", ROOT / ".." / "shared" / "data")).resolve()


def need(folder: str) -> Path:
    """A folder of the shared data; skips the test without it."""
    path = shared_data() / folder
    if not path.is_dir():
        pytest.skip(f"The real data are not here: {path}. Set EVENHAND_SHARED_DATA to their folder.")
    return path


def plain_rows(path: Path) -> list[dict[str, str]]:
    """The rows as plain Python reads them."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@dataclass(frozen=True)
class Desk:
    """A tenant with imports and assignment enabled."""

    tenant: SomeTenant
    errors: Path

    async def load(self, kind: str, path: Path, **options: Any) -> ImportReport:
        with acting_as(self.tenant.system):
            return await import_file(
                kind, path, ImportOptions(error_file=self.errors / f"{path.name}.errors.csv", **options)
            )

    async def all(self, kind: str, **filters: Any) -> list[Any]:
        with acting_as(self.tenant.system):
            async with reading():
                return list(await entity(kind).model.filter(**filters).order_by("id"))


@pytest_asyncio.fixture(loop_scope="session")
async def desk(tenant: SomeTenant, tmp_path: Path) -> Desk:
    with acting_as(tenant.system):
        await set_plugin("importers", enabled=True)
        await set_plugin("assignment", enabled=True)
    return Desk(tenant, tmp_path)
