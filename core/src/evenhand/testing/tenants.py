"""A fresh tenant with one user of each role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from evenhand.actions.plugins import disable_plugin, enable_plugin
from evenhand.actions.records import create_record, update_record
from evenhand.actions.tenants import create_tenant
from evenhand.tenancy.context import Actor, Role, acting_as, system_actor
from evenhand.tenancy.models import uuid7


@dataclass(frozen=True)
class SomeTenant:
    """A tenant made for one test.

    Attributes:
        system: acts with every right and no user.
        users: one user id per role.
    """

    id: UUID
    slug: str
    system: Actor
    users: dict[Role, UUID]

    def actor(self, role: Role, via: str = "test") -> Actor:
        """The tenant's user of this role."""
        return Actor(tenant_id=self.id, user_id=self.users[role], role=role, via=via)

    async def create(self, entity: str, /, **values: Any) -> UUID:
        """Create a record as the system."""
        with acting_as(self.system):
            return await create_record(entity, values)

    async def update(self, entity: str, record_id: UUID, /, **values: Any) -> None:
        """Change a record as the system."""
        with acting_as(self.system):
            await update_record(entity, record_id, values)

    async def enable(self, slug: str, /, **settings: Any) -> None:
        """Enable an installed plugin, with these settings."""
        with acting_as(self.system):
            await enable_plugin(slug, settings=settings)

    async def disable(self, slug: str, /) -> None:
        """Disable a plugin."""
        with acting_as(self.system):
            await disable_plugin(slug)


async def make_tenant(**options: str) -> SomeTenant:
    """Create a tenant with a unique slug and one user per role, the rep under the manager.

    Args:
        options: as for `create_tenant`.
    """
    slug = f"t-{uuid7().hex}"
    tenant_id = await create_tenant(slug, options.pop("name", "Test tenant"), **options)
    system = system_actor(tenant_id, via="test")
    users: dict[Role, UUID] = {}
    with acting_as(system):
        for role in Role:
            above = users[Role.MANAGER] if role is Role.REP else None
            values = {"name": f"{role.value} of {slug[-6:]}", "role": role, "manager_id": above}
            users[role] = await create_record("User", values)
    return SomeTenant(tenant_id, slug, system, users)
