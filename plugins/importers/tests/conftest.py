"""A tenant that can import, and files to import."""

from __future__ import annotations

from collections.abc import Callable
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
from evenhand.testing import SomeTenant, make_tenant

Write = Callable[..., Path]


@dataclass(frozen=True)
class Company:
    """A tenant with the importers plugin enabled."""

    tenant: SomeTenant

    async def load(self, kind: str, path: Path, **options: Any) -> ImportReport:
        """Import a file as the system."""
        with acting_as(self.tenant.system):
            return await import_file(kind, path, ImportOptions(**options))

    async def all(self, kind: str, **filters: Any) -> list[Any]:
        """Records of an entity, in the order in which they were made."""
        with acting_as(self.tenant.system):
            async with reading():
                return list(await entity(kind).model.filter(**filters).order_by("id"))

    async def one(self, kind: str, **filters: Any) -> Any:
        (record,) = await self.all(kind, **filters)
        return record


async def make_company(tenant: SomeTenant) -> Company:
    with acting_as(tenant.system):
        await set_plugin("importers", enabled=True)
    return Company(tenant)


@pytest_asyncio.fixture(loop_scope="session")
async def company(tenant: SomeTenant) -> Company:
    """An English tenant, amounts in USD."""
    return await make_company(tenant)


@pytest_asyncio.fixture(loop_scope="session")
async def chinese_company(database: object) -> Company:
    """A Chinese tenant, amounts in CNY."""
    return await make_company(
        await make_tenant(name="上海公平科技", locale="zh-CN", time_zone="Asia/Shanghai", currency="CNY")
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file: `write("accounts.csv", "name\\nAcme\\n")`."""

    def _write(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return _write
