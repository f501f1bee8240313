"""Who may give records to whom, through every action that can."""

from __future__ import annotations

import pytest

from evenhand.actions.leads import convert_lead
from evenhand.actions.records import create_record
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Account, Lead, Opportunity
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant


async def test_a_rep_creates_for_nobody_else_a_manager_does(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    with acting_as(tenant.actor(Role.REP)):
        for kind in ("Account", "Lead", "Opportunity"):
            with pytest.raises(PermissionDenied):
                await create_record(kind, {"name": "某某", "owner_id": manager})
            await create_record(kind, {"name": "某某", "owner_id": rep})
        async with reading():
            for model in (Account, Lead, Opportunity):
                assert [record.owner_id for record in await model.all()] == [rep]
    with acting_as(tenant.actor(Role.MANAGER)):
        await create_record("Account", {"name": "Acme", "owner_id": rep})


async def test_a_rep_gives_no_deal_away_by_converting(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li", owner_id=tenant.users[Role.REP])
    manager = tenant.users[Role.MANAGER]
    with acting_as(tenant.actor(Role.REP)), pytest.raises(PermissionDenied):
        await convert_lead(lead, opportunity={"owner_id": manager})
    with acting_as(tenant.actor(Role.MANAGER)):
        converted = await convert_lead(lead, opportunity={"owner_id": manager})
        async with reading():
            assert (await Opportunity.get(id=converted.opportunity_id)).owner_id == manager
