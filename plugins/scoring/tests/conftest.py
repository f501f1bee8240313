"""A tenant with two accounts and some closed deals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio

from evenhand.actions.plugins import set_plugin
from evenhand.api import reading
from evenhand.entities import Stage
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

TODAY = datetime.now(UTC).date()


@dataclass(frozen=True)
class Sales:
    """A tenant that uses the plugin, with what it sold."""

    tenant: SomeTenant
    acme: UUID
    huaxin: UUID

    async def close(self, kind: str, on: date, **values: Any) -> UUID:
        """An opportunity that was won or lost on a day."""
        with acting_as(self.tenant.system):
            async with reading():
                stage = await Stage.filter(kind=kind).order_by("position").first()
        assert stage is not None
        return await self.tenant.create("Opportunity", name="Deal", stage_id=stage.id, closed_on=on, **values)


@pytest_asyncio.fixture(loop_scope="session")
async def sales(tenant: SomeTenant) -> Sales:
    """Acme: two won, one lost; 华信: one lost, and one won two years ago by the manager."""
    with acting_as(tenant.system):
        await set_plugin("scoring", enabled=True)
    acme = await tenant.create("Account", name="Acme")
    huaxin = await tenant.create("Account", name="华信科技")
    found = Sales(tenant, acme, huaxin)
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    last_week, long_ago = TODAY - timedelta(days=7), TODAY - timedelta(days=730)
    of_acme: dict[str, Any] = {"account_id": acme, "owner_id": rep, "currency": "USD"}
    await found.close("won", last_week, amount="1000", opened_on=last_week - timedelta(days=30), **of_acme)
    await found.close("won", last_week, amount="500.25", opened_on=last_week - timedelta(days=15), **of_acme)
    await found.close("lost", last_week, amount="9999", **of_acme)
    await found.close("lost", last_week, account_id=huaxin, owner_id=manager, currency="CNY")
    await found.close("won", long_ago, account_id=huaxin, owner_id=manager, amount="70", currency="CNY")
    return found
