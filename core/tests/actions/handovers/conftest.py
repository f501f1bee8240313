"""A leaver with a book, and colleagues who may take it over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest_asyncio

from evenhand.db.session import reading
from evenhand.entities import Stage
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant


@dataclass
class Office:
    """A team with a manager, a leaver and two heirs.

    Attributes:
        manager: acts for the manager of the leaver's team.
    """

    tenant: SomeTenant
    team: UUID
    manager: Actor
    leaver: UUID
    heirs: list[UUID]
    stages: dict[str, UUID] = field(default_factory=dict)

    async def account(self, name: str, **values: Any) -> UUID:
        """An account in the leaver's hands."""
        return await self.tenant.create("Account", **{"name": name, "owner_id": self.leaver, **values})

    async def deal(self, account: UUID | None, amount: int, stage: str = "open", **values: Any) -> UUID:
        """A deal in the leaver's hands."""
        given = {
            "name": f"Deal {amount}",
            "account_id": account,
            "amount": amount,
            "currency": "CNY",
            "stage_id": self.stages[stage],
            "owner_id": self.leaver,
        }
        return await self.tenant.create("Opportunity", **given | values)


@pytest_asyncio.fixture(loop_scope="session")
async def office(tenant: SomeTenant) -> Office:
    team = await tenant.create("Team", name="East")
    leaver, *heirs = [await tenant.create("User", name=name, team_id=team) for name in ("Lei Li", "Mei Han", "Jim")]
    manager = tenant.users[Role.MANAGER]
    await tenant.update("User", manager, team_id=team)
    with acting_as(tenant.system):
        async with reading():
            found = await Stage.filter(archived_at=None).order_by("position")
    stages = {stage.kind.value: stage.id for stage in reversed(found)}
    half = next(stage for stage in found if stage.kind.value == "open")
    await tenant.update("Stage", half.id, probability=50)
    stages["open"] = half.id
    return Office(tenant, team, tenant.actor(Role.MANAGER), leaver, heirs, stages)
