"""Automation rules let a policy of a plugin decide who gets a record."""

from __future__ import annotations

import pytest

from evenhand.actions.plugins import enable_plugin
from evenhand.actions.records import create_record
from evenhand.db.session import reading
from evenhand.entities import Lead
from evenhand.errors import InvalidInput
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, drain

EAST = {"do": "assign", "policy": "assignment:east"}
EAST_POLICY = {"title": "华东", "roles": ["manager"]}


async def test_a_rule_names_the_policy(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    rule = {"name": "East", "entity": "Lead", "events": ["LeadCreated"], "actions": [EAST]}
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput) as refused:
            await create_record("AutomationRule", rule)
        assert [(one.field, one.code) for one in refused.value.problems] == [("actions.0.policy", "UNKNOWN_POLICY")]
        await enable_plugin("assignment", settings={"policies": {"east": EAST_POLICY}})
        await create_record("AutomationRule", rule)
        lead = await create_record("Lead", {"name": "Li Wei"})
    await drain()
    with acting_as(tenant.system):
        async with reading():
            found = await Lead.get(id=lead)
            entries = await OwnershipEntry.filter(record_id=lead).order_by("started_at")
    assert rep != manager == found.owner_id
    assert entries[-1].policy == "assignment:east"
