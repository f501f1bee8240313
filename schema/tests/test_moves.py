"""Deals move through their stages: criteria on the way forward, overrides with a reason, the same rule everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.db.session import reading
from evenhand.entities import Pipeline, Stage
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

MOVE = """mutation ($id: ID!, $stage: ID!, $version: Int, $reason: String) {
    result: moveOpportunity(id: $id, stageId: $stage, version: $version, overrideReason: $reason) {
        __typename ... on Opportunity { id version closedOn stage { name } }
        ... on Failure { code message hint } ... on InvalidInput { problems { field code message hint } } } }"""
HISTORY = """query ($id: ID!) { opportunity(id: $id) { version stage { name }
    stageHistory { nodes { toStage { name } overrideReason actor { role } } } } }"""
SET = """mutation ($id: ID!, $criteria: JSON) { result: updateStage(id: $id, input: {exitCriteria: $criteria}) {
    __typename ... on InvalidInput { problems { field code message hint } } ... on Failure { code } } }"""
AMOUNT = {"rule": "required", "field": "amount"}


async def stages(tenant: SomeTenant) -> list[str]:
    """Ids of the default stages in order: four open ones, won, lost."""
    with acting_as(tenant.system):
        async with reading():
            pipeline = await Pipeline.get(is_default=True)
            return [str(stage.id) for stage in await Stage.filter(pipeline_id=pipeline.id).order_by("position")]


async def set_criteria(api: Api, tenant: SomeTenant, stage: str, *criteria: Any) -> Any:
    return (await api.data(tenant, SET, id=stage, criteria=list(criteria)))["result"]


async def move(api: Api, tenant: SomeTenant, deal: str, stage: str, role: Role = Role.REP, **more: Any) -> Any:
    return (await api.data(tenant, MOVE, role, id=deal, stage=stage, **more))["result"]


async def test_every_missing_criterion_is_named_and_then_met(api: Api, tenant: SomeTenant) -> None:
    way = await stages(tenant)
    await tenant.create("CustomField", entity="Opportunity", key="budget_ok", type="boolean")
    criteria = [
        AMOUNT,
        {"rule": "required", "field": "expectedClose"},
        {"rule": "required", "field": "custom.budget_ok"},
        {"rule": "required", "field": "lines"},
        {"rule": "activity", "kind": "meeting"},
    ]
    assert (await set_criteria(api, tenant, way[0], *criteria))["__typename"] == "Stage"
    product = str(await tenant.create("Product", code="P", name="P"))
    deal = str(await tenant.create("Opportunity", name="大单", owner_id=tenant.users[Role.REP]))
    await tenant.create(
        "Activity", kind="meeting", subject="Before", opportunity_id=deal, occurred_at="2026-01-01T00:00:00+00:00"
    )
    refused = await move(api, tenant, deal, way[1])
    assert (refused["__typename"], refused["code"]) == ("InvalidInput", "EXIT_CRITERIA_NOT_MET")
    assert {(problem["field"], problem["code"]) for problem in refused["problems"]} == {
        ("amount", "REQUIRED_BY_STAGE"),
        ("expectedClose", "REQUIRED_BY_STAGE"),
        ("custom.budget_ok", "REQUIRED_BY_STAGE"),
        ("lines", "REQUIRED_BY_STAGE"),
        ("activities", "ACTIVITY_REQUIRED"),
    }
    assert all("override" in problem["hint"] for problem in refused["problems"])
    with_values = """mutation ($id: ID!, $product: ID!) { result: updateOpportunity(id: $id, input: {amount: "10",
        expectedClose: "2027-01-01", custom: {budget_ok: false}, lines: [{productId: $product}]}) { __typename } }"""
    await api.data(tenant, with_values, id=deal, product=product)
    refused = await move(api, tenant, deal, way[1])
    assert [problem["field"] for problem in refused["problems"]] == ["activities"]
    await tenant.create("Activity", kind="meeting", subject="First meeting", opportunity_id=deal)
    moved = await move(api, tenant, deal, way[1], version=2)
    assert (moved["__typename"], moved["version"]) == ("Opportunity", 3)


async def test_the_rule_holds_for_plain_and_bulk_updates(api: Api, tenant: SomeTenant) -> None:
    way = await stages(tenant)
    await set_criteria(api, tenant, way[0], AMOUNT)
    deals = [str(await tenant.create("Opportunity", name=f"D{n}")) for n in range(2)]
    single = """mutation ($id: ID!, $stage: ID!) { result: updateOpportunity(id: $id, input: {stageId: $stage}) {
        __typename ... on Failure { code } } }"""
    result = (await api.data(tenant, single, id=deals[0], stage=way[1]))["result"]
    assert result["code"] == "EXIT_CRITERIA_NOT_MET"
    many = """mutation ($changes: [UpdateOpportunityItem!]!) { result: updateOpportunities(changes: $changes) {
        ... on OpportunitiesWritten { results { status failure { code ... on InvalidInput { problems { field } } } } }
    } }"""
    changes = [
        {"id": deals[0], "input": {"stageId": way[1]}},
        {"id": deals[1], "input": {"stageId": way[1], "amount": "5"}},
    ]
    results = (await api.data(tenant, many, changes=changes))["result"]["results"]
    assert results[0] == {
        "status": "FAILED",
        "failure": {"code": "EXIT_CRITERIA_NOT_MET", "problems": [{"field": "amount"}]},
    }
    assert results[1]["status"] == "UPDATED"


async def test_stages_passed_over_count_and_the_way_back_is_free(api: Api, tenant: SomeTenant) -> None:
    way = await stages(tenant)
    await set_criteria(api, tenant, way[1], AMOUNT)
    await set_criteria(api, tenant, way[2], {"rule": "required", "field": "next_step"})
    deal = str(await tenant.create("Opportunity", name="D", owner_id=tenant.users[Role.REP]))
    assert (await move(api, tenant, deal, way[1]))["__typename"] == "Opportunity"
    refused = await move(api, tenant, deal, way[4])
    assert {problem["field"] for problem in refused["problems"]} == {"amount", "nextStep"}
    refused = await move(api, tenant, deal, way[2])
    assert {problem["field"] for problem in refused["problems"]} == {"amount"}
    assert (await move(api, tenant, deal, way[0]))["stage"]
    lost = await move(api, tenant, deal, way[5])
    assert lost["closedOn"] is not None
    assert (await move(api, tenant, deal, way[1]))["closedOn"] is None


async def test_managers_override_with_a_reason_and_reps_do_not(api: Api, tenant: SomeTenant) -> None:
    way = await stages(tenant)
    await set_criteria(api, tenant, way[0], AMOUNT)
    deal = str(await tenant.create("Opportunity", name="D", owner_id=tenant.users[Role.REP]))
    denied = await move(api, tenant, deal, way[1], Role.REP, reason="bitte")
    assert denied["code"] == "PERMISSION_DENIED"
    blank = await move(api, tenant, deal, way[1], Role.MANAGER, reason="  ")
    assert blank["code"] == "EXIT_CRITERIA_NOT_MET"
    before = (await api.data(tenant, HISTORY, id=deal))["opportunity"]
    assert (before["version"], len(before["stageHistory"]["nodes"])) == (1, 1)
    moved = await move(api, tenant, deal, way[1], Role.MANAGER, reason="老客户，总经理同意")
    assert moved["__typename"] == "Opportunity"
    moved = await move(api, tenant, deal, way[2], Role.MANAGER, reason="not needed")
    nodes = (await api.data(tenant, HISTORY, id=deal))["opportunity"]["stageHistory"]["nodes"]
    assert [node["overrideReason"] for node in nodes] == [None, "老客户，总经理同意", None]
    assert nodes[1]["actor"] == {"role": "MANAGER"}


@pytest.mark.parametrize(
    ("criterion", "code"),
    [
        ({"rule": "required", "field": "amuont"}, "BAD_CRITERION"),
        ({"rule": "required"}, "BAD_CRITERION"),
        ({"rule": "activity", "kind": "dance"}, "BAD_CRITERION"),
        ({"rule": "activity", "kind": "call", "count": 0}, "BAD_CRITERION"),
        ({"rule": "activity", "kind": "call", "times": 3}, "BAD_CRITERION"),
        ({"rule": "task", "name": "Send the offer"}, "BAD_CRITERION"),
        ({"rule": "approval", "kind": "dance"}, "BAD_CRITERION"),
        ({"rule": "approval", "steps": [{"approver": "role"}]}, "BAD_CRITERION"),
        ({"rule": "approval", "policy": "Nobody's"}, "UNKNOWN_POLICY"),
        ({"rule": "required", "field": "custom.nope"}, "UNKNOWN_CUSTOM_FIELD"),
    ],
)
async def test_criteria_that_mean_nothing_are_refused(
    api: Api, tenant: SomeTenant, criterion: dict[str, Any], code: str
) -> None:
    way = await stages(tenant)
    result = await set_criteria(api, tenant, way[0], AMOUNT, criterion)
    assert [problem["code"] for problem in result["problems"]] == [code]
    denied = (await api.data(tenant, SET, Role.MANAGER, id=way[0], criteria=[AMOUNT]))["result"]
    assert denied["code"] == "PERMISSION_DENIED"
