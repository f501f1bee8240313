"""Policies by name, the people whom settings name, and policies under which nobody can be given anything."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.actions.assignment import assign_records
from evenhand.actions.errors import NoPolicy
from evenhand.actions.plugins import set_plugin, update_plugin_settings
from evenhand.db.session import reading
from evenhand.errors import InvalidInput
from evenhand.ownership.models import Decision
from evenhand.plugins.host import current_host, tenant_context
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant
from evenhand_assignment.service import turns_of

from .conftest import Office, make_office

MANAGERS: dict[str, Any] = {"title": "Large customers", "roles": ["manager"]}


async def test_a_named_policy_has_turns_of_its_own(office: Office) -> None:
    await office.configure(policies={"large": MANAGERS})
    with acting_as(office.tenant.system):
        usual = await assign_records("lead", await office.leads(3))
        before = await turns_of("Lead")
        (large,) = await assign_records("lead", await office.leads(1), policy="assignment:large")
        (named,) = await assign_records("lead", await office.leads(1), policy="assignment:round_robin")
        with pytest.raises(NoPolicy):
            await assign_records("lead", await office.leads(1), policy="assignment:small")
        async with reading():
            decision = await Decision.get(id=large.decision_id)
        turns = await turns_of("Lead", "large")
        assert sum(turn.received for turn in (await turns_of("Lead")).values()) == 4
    assert sorted(one.owner_id for one in usual if one.owner_id) == office.reps
    assert named.owner_id in office.reps
    assert sum(turn.received for turn in before.values()) == 3
    assert large.owner_id == office.tenant.users[Role.MANAGER]
    assert (decision.policy, {user: turn.received for user, turn in turns.items()}) == ("large", {large.owner_id: 1})


async def test_policies_are_offered_by_name(office: Office) -> None:
    await office.configure(policies={"large": MANAGERS})
    with acting_as(office.tenant.system):
        found = await current_host().assignment_policies(await tenant_context())
    assert [(slug, one.name, one.title["en"]) for slug, one in found] == [
        ("assignment", "round_robin", "In turn"),
        ("assignment", "large", "Large customers"),
    ]


@pytest.mark.parametrize("name", ["round_robin", "Large", ""])
async def test_a_policy_needs_a_name_of_its_own(office: Office, name: str) -> None:
    with pytest.raises(InvalidInput):
        await office.configure(policies={name: MANAGERS})


async def test_people_who_are_not_there_are_refused(office: Office, other_tenant: SomeTenant) -> None:
    stranger, nowhere = str(other_tenant.users[Role.REP]), str(uuid7())
    with pytest.raises(InvalidInput) as refused:
        await office.configure(
            weights={stranger: "2", str(office.reps[0]): "2"},
            team_ids=[nowhere],
            policies={"large": MANAGERS | {"weights": {nowhere: "1"}}},
        )
    assert {(problem.field, problem.code) for problem in refused.value.problems} == {
        (f"settings.weights.{stranger}", "UNKNOWN_ID"),
        ("settings.team_ids", "UNKNOWN_ID"),
        (f"settings.policies.large.weights.{nowhere}", "UNKNOWN_ID"),
    }
    with acting_as(other_tenant.system):
        await set_plugin("assignment", enabled=True, settings={"weights": {stranger: "2"}})
        await update_plugin_settings("assignment", {"absences": "ignore"})


async def test_a_policy_for_nobody_is_found(tenant: SomeTenant) -> None:
    office = await make_office(tenant, 0)
    with acting_as(tenant.system):

        async def codes() -> list[tuple[str, str]]:
            found = await current_host().plugin_health(await tenant_context())
            return [(one.code, one.message["en"]) for slug, one in found if slug == "assignment"]

        assert await codes() == [("NOBODY_ELIGIBLE", "Under the policy round_robin nobody can be given anything.")]
        await office.configure(policies={"large": MANAGERS})
        assert len(await codes()) == 1
        await tenant.create("User", name="王芳", role="rep")
        assert await codes() == []
