"""A tenant with a team that shares its leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest_asyncio

from evenhand.actions.journal import writing
from evenhand.actions.plugins import set_plugin
from evenhand.actions.records import archive_record, create_records
from evenhand.entities.registry import entity
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant


@dataclass(frozen=True)
class Office:
    """A tenant with the assignment plugin enabled and reps who take part."""

    tenant: SomeTenant
    reps: list[UUID]

    async def leads(self, count: int, kind: str = "Lead") -> list[UUID]:
        """New records in the pool."""
        drafts: Sequence[dict[str, Any]] = [{"name": f"客户 {number}"} for number in range(count)]
        with acting_as(self.tenant.system):
            async with writing("create_leads") as journal:
                return await create_records(entity(kind), drafts, journal=journal)

    async def configure(self, **settings: Any) -> None:
        """Change the plugin's settings."""
        with acting_as(self.tenant.system):
            await set_plugin("assignment", settings=settings)


async def make_office(tenant: SomeTenant, people: int) -> Office:
    """Let the plugin deal to `people` reps of this tenant."""
    with acting_as(tenant.system):
        await archive_record("User", tenant.users[Role.REP])
        await set_plugin("assignment", enabled=True)
    reps = [await tenant.create("User", name=f"王芳 {number}", role="rep") for number in range(people)]
    return Office(tenant, sorted(reps))


@pytest_asyncio.fixture(loop_scope="session")
async def office(tenant: SomeTenant) -> Office:
    """Three reps and one manager, admin and read-only user each."""
    return await make_office(tenant, 3)
