from __future__ import annotations

import asyncio

import pytest

from evenhand.actions.plugins import set_plugin
from evenhand.db.session import reading
from evenhand.errors import InvalidInput
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


@pytest.mark.parametrize("position", [-1, 2**40])
async def test_odd_positions_are_refused(tenant: SomeTenant, position: int) -> None:
    with acting_as(tenant.system), pytest.raises(InvalidInput):
        await set_plugin("assignment", enabled=True, position=position)


async def test_racers_enable_a_plugin_once(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        await asyncio.gather(*(set_plugin("assignment", enabled=True, position=place) for place in range(5)))
        async with reading():
            assert await TenantPlugin.filter(slug="assignment", enabled=True).count() == 1
