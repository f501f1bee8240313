"""A tenant with a pool and some reps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest_asyncio

from evenhand.actions.bulk import create_many
from evenhand.db.session import reading
from evenhand.entities import Lead
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant


@dataclass
class Team:
    """Reps who share a pool of leads."""

    tenant: SomeTenant
    pool: UUID
    reps: list[UUID] = field(default_factory=list)

    def rep(self, number: int) -> Actor:
        """One of the reps."""
        return Actor(tenant_id=self.tenant.id, user_id=self.reps[number], role=Role.REP, via="test")

    async def rule(self, **values: Any) -> UUID:
        """A rule of the pool about leads."""
        return await self.tenant.create(
            "PoolRule", **{"pool_id": self.pool, "name": "All leads", "entity": "Lead", **values}
        )

    async def leads(self, count: int, **values: Any) -> list[UUID]:
        """New leads in the pool."""
        with acting_as(self.tenant.system):
            drafts = [{"name": f"Lead {number}", "pool_id": self.pool, **values} for number in range(count)]
            found = []
            for start in range(0, count, 1000):
                found += await create_many("Lead", drafts[start : start + 1000])
        assert all(item.record_id is not None for item in found), found[0]
        return [item.record_id for item in found if item.record_id is not None]

    async def holder(self, lead: UUID) -> tuple[UUID | None, UUID | None]:
        """Owner and pool of a lead, which the last line of its ledger names, too."""
        with acting_as(self.tenant.system):
            async with reading():
                found = await Lead.get(id=lead)
                lines = await OwnershipEntry.filter(record_id=lead).order_by("started_at", "id")
        assert (lines[-1].owner_id, lines[-1].pool_id) == (found.owner_id, found.pool_id)
        assert lines[-1].started_at == found.held_since
        return found.owner_id, found.pool_id


@pytest_asyncio.fixture(loop_scope="session")
async def team(tenant: SomeTenant) -> Team:
    """Three reps."""
    return await make_team(tenant, 3)


async def make_team(tenant: SomeTenant, reps: int) -> Team:
    """A pool and this many reps."""
    made = Team(tenant, await tenant.create("Pool", name="华东公海"))
    with acting_as(tenant.system):
        items = await create_many("User", [{"name": f"Rep {number}", "role": "rep"} for number in range(reps)])
    made.reps = [item.record_id for item in items if item.record_id is not None]
    return made


__all__ = ["Team", "make_team", "team"]
