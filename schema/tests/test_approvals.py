"""Approvals over HTTP: what is missing, request, who it waits for, decision, and that others may not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from evenhand.db.session import reading
from evenhand.entities import Stage
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

SHOWN = """__typename ... on Failure { code message hint } ... on ApprovalRequired { kind title pendingId }
    ... on InvalidInput { problems { field code } }"""
REQUEST = f"""mutation ($entity: String!, $id: ID!, $stage: ID, $kind: ApprovalKind, $facts: JSON,
    $then: OnApproved!) {{
    result: requestApproval(entity: $entity, id: $id, stageId: $stage, kind: $kind, facts: $facts, comment: "请批准",
        onApproved: $then) {{ {SHOWN} ... on ApprovalsRequested {{ approvals {{ id state step title facts }} }} }} }}"""
DECIDE = f"""mutation ($id: ID!, $verdict: ApprovalVerdict!, $step: Int) {{
    result: decideApproval(id: $id, verdict: $verdict, step: $step, comment: "好") {{ {SHOWN}
        ... on ApprovalRequest {{ state usedAt decisions {{ nodes {{ verdict comment decidedBy {{ id }}
            seatUser {{ id }} }} }} seats {{ nodes {{ user {{ id }} closedAt }} }} }} }} }}"""
CANCEL = f"mutation ($id: ID!) {{ result: cancelApproval(id: $id) {{ {SHOWN} ... on ApprovalRequest {{ state }} }} }}"
MOVE = f"""mutation ($id: ID!, $stage: ID!) {{ result: moveOpportunity(id: $id, stageId: $stage) {{ {SHOWN} }} }}"""
WAITING = """{ waiting: approvals(waitingForMe: true) { totalCount nodes { id title facts requestedBy { id } } }
    others: approvals(waitingForMe: false) { totalCount } }"""
DEPUTY = f"""mutation ($deputy: ID!, $user: ID, $from: Date, $to: Date) {{
    result: setDeputy(deputyId: $deputy, userId: $user, startsOn: $from, endsOn: $to) {{ {SHOWN}
        ... on Deputy {{ id deputy {{ id }} user {{ id }} }} }} }}"""
GATE = """query ($id: ID!, $to: ID) { opportunity(id: $id) { name stageGate(toStageId: $to) {
    toId met problems { field code message hint } }
    approvals { nodes { title state policy { name } } } } }"""


class Office:
    """A tenant whose first stage asks for the manager's approval."""

    def __init__(self, api: Api, tenant: SomeTenant, way: list[str], deal: str) -> None:
        self.api, self.tenant, self.way, self.deal = api, tenant, way, deal

    async def ask(self, query: str, role: Role, *scopes: Scope, **variables: Any) -> Any:
        return (await self.api.data(self.tenant, query, role, *scopes, **variables))["result"]

    async def request(self, role: Role = Role.REP, then: str = "NOTHING", **more: Any) -> Any:
        given = {"entity": "Opportunity", "id": self.deal, "stage": self.way[1], "then": then, **more}
        return await self.ask(REQUEST, role, **given)

    async def everything(self) -> Any:
        query = """{ approvals { nodes { id state step usedAt endedAt version: fingerprint
            decisions { nodes { id } } seats { nodes { id closedAt } } } }
            opportunities { nodes { id version stage { id } } } deputies { nodes { id archivedAt } } }"""
        return await self.api.data(self.tenant, query)


@pytest_asyncio.fixture(loop_scope="session")
async def office(api: Api, tenant: SomeTenant) -> Office:
    with acting_as(tenant.system):
        async with reading():
            way = [str(stage.id) for stage in await Stage.all().order_by("position")]
    await tenant.create("ApprovalPolicy", name="大单", kind="stage_move", steps=[{"approver": "requester_manager"}])
    criteria = """mutation ($id: ID!, $rep: ID!, $manager: ID!) {
        updateStage(id: $id, input: {exitCriteria: [{rule: "approval", policy: "大单"}]}) { __typename }
        updateUser(id: $rep, input: {managerId: $manager}) { __typename } }"""
    rep, manager = str(tenant.users[Role.REP]), str(tenant.users[Role.MANAGER])
    done = await api.data(tenant, criteria, id=way[0], rep=rep, manager=manager)
    assert [one["__typename"] for one in done.values()] == ["Stage", "User"]
    mine = {"owner_id": tenant.users[Role.REP]}
    deal = str(await tenant.create("Opportunity", name="大单", amount="1000", currency="CNY", **mine))
    return Office(api, tenant, way, deal)


async def test_a_move_is_requested_approved_and_made(office: Office) -> None:
    gate = (await office.api.data(office.tenant, GATE, Role.REP, id=office.deal))["opportunity"]
    assert (gate["stageGate"]["met"], gate["stageGate"]["toId"]) == (False, office.way[1])
    assert [(one["field"], one["code"]) for one in gate["stageGate"]["problems"]] == [
        ("approvals", "APPROVAL_REQUIRED")
    ]
    refused = await office.ask(MOVE, Role.REP, id=office.deal, stage=office.way[1])
    assert (refused["__typename"], refused["code"]) == ("ApprovalRequired", "APPROVAL_REQUIRED")
    assert (refused["kind"], refused["title"], refused["pendingId"]) == ("STAGE_MOVE", "大单", None)
    (request,) = (await office.request())["approvals"]
    assert (request["state"], request["step"], request["facts"]["amount"]) == ("PENDING", 1, "1000")
    refused = await office.ask(MOVE, Role.REP, id=office.deal, stage=office.way[1])
    assert refused["pendingId"] == request["id"]
    decided = await office.ask(DECIDE, Role.MANAGER, id=request["id"], verdict="APPROVE", step=1)
    assert decided["state"] == "APPROVED"
    (decision,) = decided["decisions"]["nodes"]
    manager = str(office.tenant.users[Role.MANAGER])
    assert (decision["verdict"], decision["comment"], decision["decidedBy"]["id"]) == ("APPROVE", "好", manager)
    assert decided["seats"]["nodes"][0]["closedAt"] is not None
    gate = (await office.api.data(office.tenant, GATE, Role.READ_ONLY, id=office.deal, to=office.way[1]))["opportunity"]
    assert gate["stageGate"]["met"]
    assert gate["approvals"]["nodes"] == [{"title": "大单", "state": "APPROVED", "policy": {"name": "大单"}}]
    moved = await office.ask(MOVE, Role.REP, id=office.deal, stage=office.way[1])
    assert moved["__typename"] == "Opportunity"


async def test_it_is_applied_on_approval(office: Office) -> None:
    (request,) = (await office.request(then="APPLY"))["approvals"]
    decided = await office.ask(DECIDE, Role.MANAGER, id=request["id"], verdict="APPROVE")
    assert decided["usedAt"] is not None
    found = await office.api.data(
        office.tenant, "query ($id: ID!) { opportunity(id: $id) { stage { id } } }", id=office.deal
    )
    assert found["opportunity"]["stage"]["id"] == office.way[1]


async def test_requests_wait_for_who_is_asked_and_for_deputies(office: Office) -> None:
    (request,) = (await office.request())["approvals"]

    async def waiting(role: Role) -> tuple[int, int]:
        found = await office.api.data(office.tenant, WAITING, role)
        return found["waiting"]["totalCount"], found["others"]["totalCount"]

    assert [await waiting(role) for role in (Role.REP, Role.MANAGER, Role.ADMIN)] == [(0, 1), (1, 0), (0, 1)]
    admin = str(office.tenant.users[Role.ADMIN])
    days = {"from": "2020-01-01", "to": "2099-01-01"}
    deputy = await office.ask(DEPUTY, Role.MANAGER, deputy=admin, **days)
    assert deputy["deputy"]["id"] == admin
    assert (await office.ask(DEPUTY, Role.MANAGER, deputy=admin, **days))["id"] == deputy["id"]
    assert await waiting(Role.ADMIN) == (1, 0)
    decided = await office.ask(DECIDE, Role.ADMIN, id=request["id"], verdict="REJECT")
    (decision,) = decided["decisions"]["nodes"]
    assert (decision["decidedBy"]["id"], decision["seatUser"]["id"]) == (
        admin,
        str(office.tenant.users[Role.MANAGER]),
    )
    assert [await waiting(role) for role in (Role.MANAGER, Role.ADMIN)] == [(0, 1), (0, 1)]


async def test_who_may_not_changes_nothing(office: Office, other_tenant: SomeTenant) -> None:
    (request,) = (await office.request())["approvals"]
    before = await office.everything()
    one = request["id"]
    for role, code in (
        (Role.REP, "NOT_APPROVER"),
        (Role.ADMIN, "NOT_APPROVER"),
        (Role.READ_ONLY, "PERMISSION_DENIED"),
    ):
        assert (await office.ask(DECIDE, role, id=one, verdict="APPROVE"))["code"] == code
    assert (await office.ask(DECIDE, Role.MANAGER, Scope.READ, id=one, verdict="APPROVE"))[
        "code"
    ] == "PERMISSION_DENIED"
    assert (await office.ask(CANCEL, Role.MANAGER, id=one))["code"] == "PERMISSION_DENIED"
    assert (await office.request(Role.READ_ONLY))["code"] == "PERMISSION_DENIED"
    admin = str(office.tenant.users[Role.ADMIN])
    manager = str(office.tenant.users[Role.MANAGER])
    assert (await office.ask(DEPUTY, Role.REP, deputy=admin, user=manager))["code"] == "PERMISSION_DENIED"
    policy = """mutation { result: createApprovalPolicy(input: {name: "x", kind: CUSTOM,
        steps: [{approver: "requesterManager"}]}) { __typename ... on Failure { code } } }"""
    for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
        assert (await office.ask(policy, role))["code"] == "PERMISSION_DENIED"
    stranger = Office(office.api, other_tenant, office.way, office.deal)
    for role in Role:
        assert (await stranger.api.data(other_tenant, WAITING, role))["others"]["totalCount"] == 0
    for query in (DECIDE, CANCEL):
        more = {"verdict": "APPROVE"} if query == DECIDE else {}
        assert (await stranger.ask(query, Role.ADMIN, id=one, **more))["code"] == "NOT_FOUND"
    assert (await stranger.request())["code"] == "NOT_FOUND"
    assert await office.everything() == before


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"entity": "Planet"}, "UNKNOWN_ENTITY"),
        ({"stage": None}, "NOTHING_INTENDED"),
        ({"facts": []}, "WRONG_TYPE"),
        ({"facts": {"amount": 1}}, "NOT_YOURS"),
        ({"stage": None, "kind": "CUSTOM", "then": "APPLY"}, "NOTHING_TO_APPLY"),
    ],
)
async def test_requests_that_mean_nothing_are_answered_in_words(
    office: Office, given: dict[str, Any], code: str
) -> None:
    refused = await office.request(**given)
    assert [one["code"] for one in refused["problems"]] == [code]


async def test_the_policy_of_the_documentation_can_be_created(office: Office) -> None:
    page = Path(__file__).parents[2] / "docs" / "admin" / "approvals.md"
    (example,) = re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    create = """mutation ($input: CreateApprovalPolicyInput!) { result: createApprovalPolicy(input: $input) {
        __typename ... on ApprovalPolicy { name kind validDays } } }"""
    made = await office.ask(create, Role.ADMIN, input=orjson.loads(example))
    assert made == {"__typename": "ApprovalPolicy", "name": "Large discounts", "kind": "DISCOUNT", "validDays": 14}


async def test_bad_policies_are_answered_in_words(office: Office) -> None:
    create = """mutation ($input: CreateApprovalPolicyInput!) { result: createApprovalPolicy(input: $input) {
        __typename ... on InvalidInput { problems { field code hint } } } }"""
    given = {
        "name": "x",
        "kind": "DISCOUNT",
        "steps": [{"approver": "boss"}],
        "conditions": [{"fact": "weather", "atLeast": 1}],
    }
    refused = await office.ask(create, Role.ADMIN, input=given)
    assert [(one["field"], one["code"]) for one in refused["problems"]] == [
        ("conditions.0", "BAD_CONDITION"),
        ("steps.0", "BAD_STEP"),
    ]
    empty = await office.ask(create, Role.ADMIN, input={**given, "steps": [], "conditions": []})
    assert [one["code"] for one in empty["problems"]] == ["WRONG_NUMBER"]
