"""Hand-overs over HTTP: plan, look, change, execute, undo."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest_asyncio

from evenhand.db.session import reading
from evenhand.entities import Stage
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

FAILURE = "... on Failure { code message hint } ... on InvalidInput { problems { field code } }"
PLAN = f"""mutation ($from: ID!, $steps: [HandoverStepInput!]!, $seed: BigInt) {{
    result: planHandover(fromUserId: $from, steps: $steps, seed: $seed, note: "Umzug") {{ __typename {FAILURE}
        ... on Handover {{ id state version seed entities fromUser {{ id }} lines {{ nodes {{
            entity method toUser {{ id }} account {{ id }} }} }} }} }} }}"""
BOOK = "value { currency amount } accounts leads opportunities tiers { tier accounts }"
SHOW = f"""query ($id: ID!) {{ handover(id: $id) {{ state executedAt undoUntil moved
    tasks {{ nodes {{ task {{ subject assignee {{ id }} }} ticket {{ id }} toUser {{ id }} }} }}
    lines {{ nodes {{ recordId outcome locked }} }}
    preview {{ moving undecided stale tasks tickets loose looseTo {{ id }}
        tooOften {{ recordId changes overrideReason }} refused {{ code }}
        holders {{ user {{ id }} pool {{ id }} isEligible isAbsent before {{ {BOOK} }} after {{ {BOOK} }} }} }} }} }}"""
CHANGE = f"""mutation ($id: ID!, $changes: [HandoverLineChange!], $steps: [HandoverStepInput!], $version: Int) {{
    result: changeHandoverLines(id: $id, changes: $changes, steps: $steps, version: $version) {{
        __typename {FAILURE} ... on Handover {{ version lines {{ nodes {{
            recordId method locked toUser {{ id }} overrideReason }} }} }} }} }}"""
EXECUTE = f"""mutation ($id: ID!, $version: Int) {{ result: executeHandover(id: $id, version: $version) {{
    __typename {FAILURE} ... on HandoverDone {{ moved stale tasks handover {{ state moved }} }} }} }}"""
UNDO = f"""mutation ($id: ID!) {{ result: undoHandover(id: $id) {{
    __typename {FAILURE} ... on HandoverTakenBack {{ returned kept tasks handover {{ state returned }} }} }} }}"""
CANCEL = f"mutation ($id: ID!) {{ result: cancelHandover(id: $id) {{ {FAILURE} ... on Handover {{ state }} }} }}"


class Company:
    """A leaver with a book, an heir, and the manager of both."""

    def __init__(self, tenant: SomeTenant, leaver: UUID, heir: UUID, other: UUID) -> None:
        self.tenant = tenant
        self.leaver, self.heir, self.other = str(leaver), str(heir), str(other)
        self.accounts: list[str] = []


@pytest_asyncio.fixture(loop_scope="session")
async def company(tenant: SomeTenant) -> Company:
    team = await tenant.create("Team", name="East")
    await tenant.update("User", tenant.users[Role.MANAGER], team_id=team)
    leaver, heir, other = [await tenant.create("User", name=name, team_id=team) for name in "LHO"]
    made = Company(tenant, leaver, heir, other)
    with acting_as(tenant.system):
        async with reading():
            stages = {stage.kind.value: stage.id for stage in await Stage.all().order_by("-position")}
    await tenant.update("Stage", stages["open"], probability=50)
    for tier, amount in (("a", "1000"), ("b", "10.01")):
        account = await tenant.create("Account", name=tier, tier=tier, owner_id=leaver)
        made.accounts.append(str(account))
        deal = {"account_id": account, "owner_id": leaver, "currency": "CNY", "amount": amount}
        await tenant.create("Opportunity", name="open", stage_id=stages["open"], **deal)
        await tenant.create("Task", subject=f"Call {tier}", account_id=account, assignee_id=leaver)
    won = {"account_id": UUID(made.accounts[0]), "owner_id": heir, "currency": "CNY", "amount": 300}
    await tenant.create("Opportunity", name="won", stage_id=stages["won"], **won)
    return made


def by_hand(user: str, **more: Any) -> dict[str, Any]:
    return {"method": "HAND", "users": [user], **more}


async def plan(api: Api, company: Company, *steps: dict[str, Any], role: Role = Role.MANAGER) -> dict[str, Any]:
    given: dict[str, Any] = {"from": company.leaver, "steps": list(steps), "seed": "7"}
    found: dict[str, Any] = (await api.data(company.tenant, PLAN, role, **given))["result"]
    return found


async def show(api: Api, company: Company, plan_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(company.tenant, SHOW, Role.MANAGER, id=plan_id))["handover"]
    return found


async def test_a_book_is_handed_over_and_taken_back(api: Api, company: Company) -> None:
    made = await plan(api, company, by_hand(company.heir))
    assert (made["state"], made["seed"], made["entities"]) == ("DRAFT", "7", ["Account", "Lead", "Opportunity"])
    assert [line["entity"] for line in made["lines"]["nodes"]] == ["Account", "Account", "Opportunity", "Opportunity"]
    shown = (await show(api, company, made["id"]))["preview"]
    leaver, heir = shown["holders"]
    assert leaver["before"] == {
        "value": [{"currency": "CNY", "amount": "805.0050"}],
        "accounts": 2,
        "leads": 0,
        "opportunities": 2,
        "tiers": [{"tier": "a", "accounts": 1}, {"tier": "b", "accounts": 1}],
    }
    assert heir["before"] == {"value": [], "accounts": 0, "leads": 0, "opportunities": 0, "tiers": []}
    assert (heir["after"], leaver["after"]) == (leaver["before"], heir["before"])
    assert (shown["moving"], shown["tasks"], shown["tooOften"], shown["refused"]) == (4, 2, [], [])
    assert (shown["tickets"], shown["loose"], shown["looseTo"]) == (0, 0, None)
    done = (await api.data(company.tenant, EXECUTE, Role.MANAGER, id=made["id"], version=1))["result"]
    assert done["handover"] == {"state": "EXECUTED", "moved": 4}
    assert (done["moved"], done["stale"], done["tasks"]) == (4, 0, 2)
    again = (await api.data(company.tenant, EXECUTE, Role.MANAGER, id=made["id"], version=1))["result"]
    assert again == done
    after = await show(api, company, made["id"])
    assert after["preview"] == shown
    assert {line["outcome"] for line in after["lines"]["nodes"]} == {"MOVED"}
    assert {one["task"]["assignee"]["id"] for one in after["tasks"]["nodes"]} == {company.heir}
    back = (await api.data(company.tenant, UNDO, Role.MANAGER, id=made["id"]))["result"]
    assert (back["returned"], back["kept"], back["tasks"]) == (4, 0, 2)
    assert back["handover"] == {"state": "UNDONE", "returned": 4}
    late = (await api.data(company.tenant, CANCEL, Role.MANAGER, id=made["id"]))["result"]
    assert late["code"] == "HANDOVER_ENDED"


async def test_tickets_and_the_rest_of_the_work_go_along(api: Api, company: Company) -> None:
    leaver, account = UUID(company.leaver), UUID(company.accounts[0])
    ticket = await company.tenant.create("Ticket", subject="Broken", account_id=account, assignee_id=leaver)
    await company.tenant.create("Task", subject="Expenses", assignee_id=leaver)
    made = await plan(api, company, by_hand(company.heir))
    shown = (await show(api, company, made["id"]))["preview"]
    boss = str(company.tenant.users[Role.MANAGER])
    assert (shown["tickets"], shown["loose"], shown["looseTo"]) == (1, 1, {"id": boss})
    done = (await api.data(company.tenant, EXECUTE, Role.MANAGER, id=made["id"]))["result"]
    assert done["tasks"] == 4
    found = (await show(api, company, made["id"]))["tasks"]["nodes"]
    assert [one["ticket"] for one in found if one["ticket"]] == [{"id": str(ticket)}]
    (expenses,) = [one for one in found if one["task"] and one["task"]["subject"] == "Expenses"]
    assert (expenses["task"]["assignee"], expenses["toUser"]) == ({"id": boss}, {"id": boss})


async def test_lines_are_changed_locked_and_planned_again(api: Api, company: Company) -> None:
    made = await plan(api, company, by_hand(company.heir))
    second = await plan(api, company, by_hand(company.heir))
    assert second["code"] == "HANDOVER_OPEN"
    first = company.accounts[0]
    given: dict[str, Any] = {"id": made["id"], "version": 1}
    given["changes"] = [{"where": {"recordIds": [first]}, "toUserId": company.other, "overrideReason": "asked for"}]
    changed = (await api.data(company.tenant, CHANGE, Role.MANAGER, **given))["result"]
    stale = (await api.data(company.tenant, CHANGE, Role.MANAGER, **given))["result"]
    assert stale["__typename"] == "VersionConflict"
    lines = {line["recordId"]: line for line in changed["lines"]["nodes"]}
    assert lines[first]["toUser"] == {"id": company.other}
    assert (lines[first]["method"], lines[first]["locked"]) == ("HAND", True)
    steps = [{"method": "FOLLOW_ACCOUNT"}, {"method": "BALANCE", "users": [company.heir], "where": {"tiers": ["B"]}}]
    again = (await api.data(company.tenant, CHANGE, Role.MANAGER, id=made["id"], steps=steps))["result"]
    nodes = again["lines"]["nodes"]
    assert {line["recordId"]: line for line in nodes}[first] == lines[first]
    assert sorted((line["method"], line["toUser"]["id"] == company.other) for line in nodes) == [
        ("BALANCE", False),
        ("FOLLOW_ACCOUNT", False),
        ("FOLLOW_ACCOUNT", True),
        ("HAND", True),
    ]
    bad = [{"where": {}, "toUserId": company.heir, "stays": True}]
    refused = (await api.data(company.tenant, CHANGE, Role.MANAGER, id=made["id"], changes=bad))["result"]
    assert refused["problems"] == [{"field": "changes.0", "code": "ONE_HOLDER"}]


async def test_bad_steps_are_all_told(api: Api, company: Company) -> None:
    wrong = await plan(
        api,
        company,
        by_hand(company.leaver),
        {"method": "HAND"},
        {"method": "SHARES", "users": [company.heir], "shares": [1, 2]},
        {"method": "BALANCE", "policy": "a:b"},
    )
    assert [(one["field"], one["code"]) for one in wrong["problems"]] == [
        ("steps.0.users", "HANDS_OVER"),
        ("steps.1.users", "ONE_HOLDER"),
        ("steps.2.shares", "BAD_SHARES"),
        ("steps.3.policy", "NOT_USED"),
    ]


async def test_reps_neither_plan_nor_look(api: Api, company: Company, other_tenant: SomeTenant) -> None:
    denied = await plan(api, company, by_hand(company.heir), role=Role.REP)
    assert denied["code"] == "PERMISSION_DENIED"
    made = await plan(api, company, by_hand(company.heir))
    for mutation in (EXECUTE, UNDO, CANCEL):
        for role in (Role.REP, Role.READ_ONLY):
            answer = (await api.data(company.tenant, mutation, role, id=made["id"]))["result"]
            assert answer["code"] == "PERMISSION_DENIED"
        assert (await api.data(other_tenant, mutation, id=made["id"]))["result"]["code"] == "NOT_FOUND"
    (error,) = await api.errors(company.tenant, SHOW, Role.REP, id=made["id"])
    assert error["extensions"]["code"] == "PERMISSION_DENIED"
    assert (await api.data(other_tenant, SHOW, id=made["id"]))["handover"] is None
    assert (await show(api, company, made["id"]))["state"] == "DRAFT"


async def test_who_holds_records_cannot_be_deactivated(api: Api, company: Company) -> None:
    text = """mutation ($id: ID!) { result: updateUser(id: $id, input: {isActive: false}) {
        __typename ... on Failure { code hint } } }"""
    answer = (await api.data(company.tenant, text, id=company.leaver))["result"]
    assert answer["code"] == "HOLDS_RECORDS"
    assert "planHandover" in answer["hint"]


async def test_limits_are_set_by_admins(api: Api, tenant: SomeTenant) -> None:
    text = """mutation ($days: Int) { result: setHandoverLimits(undoDays: $days) { __typename
        ... on HandoverLimits { changesPerYear undoDays } ... on Failure { code } } }"""
    assert (await api.data(tenant, text, Role.MANAGER, days=1))["result"]["code"] == "PERMISSION_DENIED"
    assert (await api.data(tenant, text, days=400))["result"]["code"] == "INVALID_INPUT"
    assert (await api.data(tenant, text, days=30))["result"] == {
        "__typename": "HandoverLimits",
        "changesPerYear": 2,
        "undoDays": 30,
    }
