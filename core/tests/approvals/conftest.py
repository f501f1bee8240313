"""A company with a chain of command, and short ways to ask and decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest_asyncio

from evenhand.actions.approvals.decisions import decide_approval
from evenhand.actions.approvals.requests import request_approval
from evenhand.actions.records import create_record, update_record
from evenhand.approvals.models import ApprovalRequest
from evenhand.db.session import reading
from evenhand.entities import Stage
from evenhand.entities.enums import ApprovalState, ApprovalVerdict, OnApproved
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant

BY_MANAGER = [{"approver": "requester_manager"}]


@dataclass(frozen=True)
class Company:
    """A tenant in which the rep reports to the manager, and the manager to the admin."""

    tenant: SomeTenant
    way: list[UUID]
    """The default stages in order: four open ones, won, lost."""

    def actor(self, role: Role) -> Actor:
        return self.tenant.actor(role)

    async def user(self, name: str, role: Role = Role.REP, **more: Any) -> Actor:
        """Another user."""
        user_id = await self.tenant.create("User", name=name, role=role, **more)
        return Actor(self.tenant.id, user_id, role, via="test")

    async def policy(self, kind: str, steps: list[dict[str, Any]], **more: Any) -> UUID:
        return await self.tenant.create(
            "ApprovalPolicy", **{"name": f"{kind} policy", "kind": kind, "steps": steps, **more}
        )

    async def gate(self, stage: int, *criteria: dict[str, Any]) -> None:
        """Set the exit criteria of a stage."""
        with acting_as(self.tenant.system):
            await update_record("Stage", self.way[stage], {"exit_criteria": list(criteria)})

    async def deal(self, **values: Any) -> UUID:
        given = {"name": "大单", "amount": "1000", "currency": "CNY", **values}
        with acting_as(self.actor(Role.REP)):
            return await create_record("Opportunity", given)

    async def ask(self, record: UUID, stage: int, *, role: Role = Role.REP, apply: bool = False) -> UUID:
        """Request the one approval that a move needs."""
        with acting_as(self.actor(role)):
            on_approved = OnApproved.APPLY if apply else OnApproved.NOTHING
            (one,) = await request_approval(
                "Opportunity", record, stage_id=self.way[stage], comment="请批准", on_approved=on_approved
            )
            return one

    async def decide(self, request: UUID, actor: Actor | Role, verdict: str = "approve", **more: Any) -> bool:
        with acting_as(self.actor(actor) if isinstance(actor, Role) else actor):
            return await decide_approval(request, ApprovalVerdict(verdict), **more)

    async def state(self, request: UUID) -> str:
        state: ApprovalState = (await self.read(request)).state
        return state.value

    async def read(self, request: UUID) -> ApprovalRequest:
        with acting_as(self.tenant.system):
            async with reading():
                return await ApprovalRequest.get(id=request)


@pytest_asyncio.fixture(loop_scope="session")
async def company(tenant: SomeTenant) -> Company:
    with acting_as(tenant.system):
        await update_record("User", tenant.users[Role.REP], {"manager_id": tenant.users[Role.MANAGER]})
        await update_record("User", tenant.users[Role.MANAGER], {"manager_id": tenant.users[Role.ADMIN]})
        async with reading():
            stages = await Stage.all().order_by("position")
    return Company(tenant, [stage.id for stage in stages])
