"""Changing: every entity, absent against null, versions, bad input in words, owners and conversion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from evenhand.entities.registry import ENTITIES
from evenhand.plugins.contract import Candidate, OpenRecord, Resolution, TenantContext, Verdict
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.host import PluginHost, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import Role, Scope
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

FAILURE = """__typename ... on Failure { code message hint } ... on VersionConflict { currentVersion }
    ... on InvalidInput { problems { field code message hint } }"""

MINIMAL: dict[str, dict[str, Any]] = {
    "Team": {"name": "华东"},
    "User": {"name": "李雷"},
    "Absence": {"userId": "$User", "startsOn": "2026-05-01", "endsOn": "2026-05-03"},
    "Pool": {"name": "公海"},
    "PoolMember": {"poolId": "$Pool", "region": "华东"},
    "PoolRule": {"poolId": "$Pool", "name": "普通线索", "entity": "Lead", "claimsPerDay": 20},
    "Account": {"name": "上海某某有限公司"},
    "Contact": {"name": "韩梅梅"},
    "Campaign": {"name": "展会"},
    "Lead": {"name": "张三"},
    "Pipeline": {"name": "渠道"},
    "Stage": {"name": "初谈", "pipelineId": "$Pipeline"},
    "Opportunity": {"name": "大单"},
    "Competitor": {"name": "Rival"},
    "Product": {"name": "产品", "code": "P1"},
    "Order": {"number": "SO-1", "accountId": "$Account", "total": "10"},
    "Payment": {"orderId": "$Order", "amount": "10.00"},
    "Activity": {"kind": "CALL", "subject": "电话"},
    "Task": {"subject": "回访"},
    "Ticket": {"subject": "求助"},
    "SurveyAnswer": {"kind": "NPS", "score": 9},
    "Tag": {"name": "重点"},
    "CustomField": {"entity": "Lead", "key": "budget"},
    "ApprovalPolicy": {"name": "大单", "kind": "STAGE_MOVE", "steps": [{"approver": "requesterManager"}]},
    "Deputy": {"userId": "$User", "deputyId": "$User"},
    "VisibilityRule": {"role": "REP", "entity": "Lead", "sees": "TEAM", "edits": "OWN"},
    "AutomationRule": {
        "name": "规则",
        "entity": "Lead",
        "events": ["LeadCreated"],
        "actions": [{"do": "notify", "to": ["owner"], "title": "请看"}],
    },
    "FieldRule": {"entity": "Lead", "field": "notes", "role": "READ_ONLY"},
    "ExportRight": {"role": "REP", "entity": "Lead"},
    "Holiday": {"day": "2026-10-01", "name": "国庆节"},
    "Attachment": {"fileName": "合同.pdf", "sizeBytes": 1, "sha256": "0" * 64},
}
CHANGE: dict[str, dict[str, Any]] = {
    "Absence": {"note": "又一天"},
    "Deputy": {"note": "又一天"},
    "PoolMember": {"role": "MANAGER"},
    "VisibilityRule": {"sees": "ALL"},
    "FieldRule": {"effect": "HIDE"},
    "ExportRight": {"note": "按约定"},
    "Holiday": {"name": "中秋节"},
    "Order": {"notes": "加急"},
    "Payment": {"method": "转账"},
    "SurveyAnswer": {"comment": "不错"},
    "CustomField": {"titles": {"zh": "预算"}},
    "Attachment": {"mediaType": "application/pdf"},
    "Activity": {"body": "谈了价格"},
    "Task": {"notes": "急"},
    "Ticket": {"description": "打不开"},
}


async def _run(
    api: Api, tenant: SomeTenant, field: str, kind: str, arguments: dict[str, Any], role: Role = Role.ADMIN
) -> Any:
    """One mutation of an entity; its result with id and version."""
    types = {"id": "ID!", "version": "Int", "input": f"{field[0].upper()}{field[1:]}Input!"}
    declared = ", ".join(f"${name}: {types[name]}" for name in arguments)
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    selection = f"... on {kind} {{ id version archivedAt }} {FAILURE}"
    query = f"mutation ({declared}) {{ result: {field}({passed}) {{ {selection} }} }}"
    return (await api.data(tenant, query, role, **arguments))["result"]


async def _create_minimal(api: Api, tenant: SomeTenant, kind: str) -> str:
    values = dict(MINIMAL[kind])
    for name, value in values.items():
        if isinstance(value, str) and value.startswith("$"):
            values[name] = await _create_minimal(api, tenant, value[1:])
    created = await _run(api, tenant, f"create{kind}", kind, {"input": values})
    assert created["__typename"] == kind, created
    assert created["version"] == 1
    record_id: str = created["id"]
    return record_id


def test_every_entity_is_tried() -> None:
    assert MINIMAL.keys() == ENTITIES.keys()


@pytest.mark.parametrize("kind", ENTITIES)
async def test_the_life_of_a_record(api: Api, tenant: SomeTenant, kind: str) -> None:
    record_id = await _create_minimal(api, tenant, kind)
    change = CHANGE.get(kind, {"name": "新的名字"})
    updated = await _run(api, tenant, f"update{kind}", kind, {"id": record_id, "input": change, "version": 1})
    assert (updated["id"], updated["version"]) == (record_id, 2)
    stale = await _run(api, tenant, f"update{kind}", kind, {"id": record_id, "input": change, "version": 1})
    assert (stale["__typename"], stale["code"], stale["currentVersion"]) == ("VersionConflict", "VERSION_CONFLICT", 2)
    archived = await _run(api, tenant, f"archive{kind}", kind, {"id": record_id, "version": 2})
    assert archived["archivedAt"] is not None
    refused = await _run(api, tenant, f"update{kind}", kind, {"id": record_id, "input": change})
    assert (refused["__typename"], refused["code"]) == ("RequestFailed", "RECORD_ARCHIVED")
    restored = await _run(api, tenant, f"restore{kind}", kind, {"id": record_id})
    assert (restored["archivedAt"], restored["version"]) == (None, 4)
    missing = await _run(api, tenant, f"archive{kind}", kind, {"id": "01a20000-0000-7000-8000-000000000000"})
    assert (missing["__typename"], missing["code"]) == ("NotFound", "NOT_FOUND")


async def test_what_is_left_out_stays_and_null_empties(api: Api, tenant: SomeTenant) -> None:
    values = {"name": "A", "industry": "制造", "region": "华东", "annualRevenue": "1.50", "alsoNames": ["a", "甲"]}
    created = await _run(api, tenant, "createAccount", "Account", {"input": values})
    await _run(api, tenant, "updateAccount", "Account", {"id": created["id"], "input": {"region": None}})
    query = "query ($id: ID!) { account(id: $id) { name industry region annualRevenue alsoNames } }"
    found = (await api.data(tenant, query, id=created["id"]))["account"]
    assert found == {**values, "region": None, "annualRevenue": "1.5000"}


async def test_lists_are_written_with_their_record(api: Api, tenant: SomeTenant) -> None:
    product = await _create_minimal(api, tenant, "Product")
    account = await _create_minimal(api, tenant, "Account")
    lines = [
        {"quantity": "3", "unitPrice": "9.99", "productId": product},
        {"quantity": "1", "unitPrice": "5", "discountPercent": "50"},
    ]
    created = await _run(
        api, tenant, "createOrder", "Order", {"input": {"number": "SO-9", "accountId": account, "lines": lines}}
    )
    query = """query ($id: ID!) { order(id: $id) { total currency
        lines { nodes { position amount product { name } } } } }"""
    order = (await api.data(tenant, query, id=created["id"]))["order"]
    assert order["total"] == "32.4700"
    assert order["lines"]["nodes"] == [
        {"position": 1, "amount": "29.9700", "product": {"name": "产品"}},
        {"position": 2, "amount": "2.5000", "product": None},
    ]
    await _run(api, tenant, "updateOrder", "Order", {"id": created["id"], "input": {"lines": lines[:1]}})
    order = (await api.data(tenant, query, id=created["id"]))["order"]
    assert (order["total"], len(order["lines"]["nodes"])) == ("29.9700", 1)
    await _run(api, tenant, "updateOrder", "Order", {"id": created["id"], "input": {"lines": None}})
    assert (await api.data(tenant, query, id=created["id"]))["order"]["lines"] == {"nodes": []}


@pytest.mark.parametrize(
    ("field", "given", "problems"),
    [
        ("createLead", {"name": ""}, {("name", "REQUIRED")}),
        ("createLead", {"name": "a" * 301}, {("name", "TOO_LONG")}),
        ("createLead", {"name": "a\x07"}, {("name", "CONTROL_CHARACTER")}),
        ("createLead", {"name": "a", "status": None}, {("status", "REQUIRED")}),
        (
            "createLead",
            {"name": "a", "valueEstimate": "-1", "valueCurrency": "yuan"},
            {("valueEstimate", "OUT_OF_RANGE"), ("valueCurrency", "TOO_LONG")},
        ),
        ("createLead", {"name": "a", "valueEstimate": "1.00001"}, {("valueEstimate", "TOO_PRECISE")}),
        ("createLead", {"name": "a", "campaignId": "nonsense"}, {("campaignId", "BAD_ID")}),
        (
            "createLead",
            {"name": "a", "campaignId": "01a20000-0000-7000-8000-000000000000"},
            {("campaignId", "REFERENCE_NOT_FOUND")},
        ),
        (
            "createContact",
            {"name": "a", "channels": [{"kind": "EMAIL", "value": ""}]},
            {("channels.0.value", "REQUIRED")},
        ),
        (
            "createOrder",
            {"number": "1", "accountId": "x", "lines": [{"quantity": "-1", "unitPrice": "1"}]},
            {("accountId", "BAD_ID"), ("lines.0.quantity", "OUT_OF_RANGE")},
        ),
        (
            "createAbsence",
            {"userId": "$REP", "startsOn": "2026-05-02", "endsOn": "2026-05-01"},
            {("endsOn", "ENDS_BEFORE_START")},
        ),
        ("createSurveyAnswer", {"kind": "CSAT", "score": 9}, {("score", "OUT_OF_RANGE")}),
    ],
)
async def test_bad_input_is_explained_field_by_field(
    api: Api, tenant: SomeTenant, field: str, given: dict[str, Any], problems: set[tuple[str, str]]
) -> None:
    given = {name: str(tenant.users[Role.REP]) if value == "$REP" else value for name, value in given.items()}
    kind = field.removeprefix("create")
    result = await _run(api, tenant, field, kind, {"input": given})
    assert (result["__typename"], result["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert {(problem["field"], problem["code"]) for problem in result["problems"]} == problems
    for problem in result["problems"]:
        assert problem["message"].startswith(f"{problem['field']}:")
        assert problem["hint"]


async def test_a_value_that_is_taken_is_named(api: Api, tenant: SomeTenant) -> None:
    await _create_minimal(api, tenant, "Tag")
    result = await _run(api, tenant, "createTag", "Tag", {"input": {"name": "重点"}})
    assert (result["__typename"], result["code"]) == ("RequestFailed", "DUPLICATE_VALUE")
    assert "重点" in result["message"]


@pytest.mark.parametrize("given", [{}, {"nmae": "x"}, {"name": 5}, {"name": "a", "status": "SLEEPING"}, {"name": None}])
async def test_input_that_the_schema_does_not_know_changes_nothing(
    api: Api, tenant: SomeTenant, given: dict[str, Any]
) -> None:
    query = "mutation ($input: CreateLeadInput!) { createLead(input: $input) { __typename } }"
    assert (await api.post(tenant, query, input=given)).status_code == 400
    assert await api.data(tenant, "{ leads { nodes { id } } }") == {"leads": {"nodes": []}}


async def test_changes_of_one_request_happen_one_after_the_other(api: Api, tenant: SomeTenant) -> None:
    lead = await _create_minimal(api, tenant, "Lead")
    query = """mutation ($id: ID!) {
        a: updateLead(id: $id, input: {company: "A"}) { ... on Lead { company version } }
        bad: updateLead(id: $id, input: {company: "B"}, version: 1) { ... on Failure { code } }
        c: updateLead(id: $id, input: {company: "C"}, version: 2) {
            ... on Lead { company version owner { id } pool { name } } }
    }"""
    data = await api.data(tenant, query, id=lead)
    assert data == {
        "a": {"company": "A", "version": 2},
        "bad": {"code": "VERSION_CONFLICT"},
        "c": {"company": "C", "version": 3, "owner": None, "pool": {"name": "Public pool"}},
    }


async def test_another_tenants_records_cannot_be_changed(
    api: Api, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    lead = await tenant.create("Lead", name="Ours")
    for field, arguments in (
        ("updateLead", {"id": str(lead), "input": {"name": "Theirs"}}),
        ("archiveLead", {"id": str(lead)}),
    ):
        result = await _run(api, other_tenant, field, "Lead", arguments)
        assert result["code"] == "NOT_FOUND"
    query = """mutation ($id: ID!, $owner: ID) { setOwner(entity: LEAD, ids: [$id], ownerId: $owner) { __typename }
        convertLead(id: $id) { __typename ... on Failure { code } } }"""
    owner = str(other_tenant.users[Role.REP])
    data = await api.data(other_tenant, query, id=str(lead), owner=owner)
    assert data["setOwner"]["__typename"] == "NotFound"
    assert data["convertLead"]["code"] == "NOT_FOUND"
    account = await tenant.create("Account", name="Ours")
    result = await _run(
        api, other_tenant, "createContact", "Contact", {"input": {"name": "x", "accountId": str(account)}}
    )
    assert result["problems"][0]["code"] == "REFERENCE_NOT_FOUND"
    found = await api.data(tenant, "query ($id: ID!) { lead(id: $id) { name version archivedAt } }", id=str(lead))
    assert found["lead"] == {"name": "Ours", "version": 1, "archivedAt": None}


SET_OWNER = """mutation ($ids: [ID!]!, $owner: ID, $pool: ID, $note: String) {
    setOwner(entity: ACCOUNT, ids: $ids, ownerId: $owner, poolId: $pool, note: $note) {
        __typename ... on OwnersChanged { changedIds } ... on Failure { code message }
        ... on InvalidInput { problems { field code message } } } }"""


async def test_owners_change_with_a_note_in_the_ledger(api: Api, tenant: SomeTenant) -> None:
    accounts = [str(await tenant.create("Account", name=f"A{n}")) for n in range(2)]
    rep = str(tenant.users[Role.REP])
    given: dict[str, Any] = {"ids": accounts, "owner": rep, "note": "新区域"}
    result = (await api.data(tenant, SET_OWNER, Role.MANAGER, **given))["setOwner"]
    assert sorted(result["changedIds"]) == sorted(accounts)
    assert (await api.data(tenant, SET_OWNER, Role.MANAGER, **given))["setOwner"]["changedIds"] == []
    query = """query ($id: ID!) { account(id: $id) { owner { id }
        ownershipHistory { nodes { reason note via actor { role } } } } }"""
    found = (await api.data(tenant, query, id=accounts[0]))["account"]
    assert found["owner"] == {"id": rep}
    assert found["ownershipHistory"]["nodes"][-1] == {
        "reason": "MANUAL",
        "note": "新区域",
        "via": "graphql",
        "actor": {"role": "MANAGER"},
    }


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "INVALID_INPUT"),
        ({"owner": "$REP", "pool": "$REP"}, "INVALID_INPUT"),
        ({"owner": "$READ_ONLY"}, "OWNER_NOT_ELIGIBLE"),
        ({"owner": "nonsense"}, "INVALID_ID"),
        ({"pool": "01a20000-0000-7000-8000-000000000000"}, "INVALID_INPUT"),
        ({"owner": "$REP", "ids": ["01a20000-0000-7000-8000-000000000000"]}, "NOT_FOUND"),
        ({"owner": "$REP", "ids": ["01a20000-0000-7000-8000-000000000000"] * 1001}, "INVALID_INPUT"),
    ],
)
async def test_owners_that_cannot_be_are_refused(
    api: Api, tenant: SomeTenant, given: dict[str, Any], code: str
) -> None:
    account = str(await tenant.create("Account", name="A"))
    users = {f"${role.name}": str(user) for role, user in tenant.users.items()}
    filled = {name: users.get(value, value) if isinstance(value, str) else value for name, value in given.items()}
    arguments: dict[str, Any] = {"ids": [account], **filled}
    result = (await api.data(tenant, SET_OWNER, **arguments))["setOwner"]
    assert result["code"] == code
    assert "owner_id" not in str(result)
    found = await api.data(tenant, "query ($id: ID!) { account(id: $id) { ownerId version } }", id=account)
    assert found["account"] == {"ownerId": None, "version": 1}


async def test_a_lead_becomes_a_customer(api: Api, tenant: SomeTenant) -> None:
    mine = tenant.users[Role.REP]
    values = {"name": "张三", "company": "上海某某", "value_estimate": "100.5", "email": "z@x.cn", "owner_id": mine}
    lead = await tenant.create("Lead", **values)
    query = """mutation ($id: ID!) { convertLead(id: $id, version: 1, opportunity: {name: "首单"}) {
        ... on LeadConverted { lead { status convertedAccount { name } } account { name contacts { nodes { name } } }
          contact { name channels { nodes { value } } } opportunity { name amount account { name } } }
        ... on Failure { code message } } }"""
    result = (await api.data(tenant, query, Role.REP, id=str(lead)))["convertLead"]
    assert result == {
        "lead": {"status": "CONVERTED", "convertedAccount": {"name": "上海某某"}},
        "account": {"name": "上海某某", "contacts": {"nodes": [{"name": "张三"}]}},
        "contact": {"name": "张三", "channels": {"nodes": [{"value": "z@x.cn"}]}},
        "opportunity": {"name": "首单", "amount": "100.5000", "account": {"name": "上海某某"}},
    }
    again = (await api.data(tenant, query, Role.REP, id=str(lead)))["convertLead"]
    assert again["code"] == "ALREADY_CONVERTED"


class FirstComesFirst:
    """Gives every record to the first eligible candidate."""

    @hookimpl
    async def resolve_owner(
        self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
    ) -> Sequence[Resolution]:
        reps = [candidate.user_id for candidate in candidates if candidate.role == "rep"]
        verdicts = [
            Verdict(
                one.user_id,
                one.user_id in reps,
                "CHOSEN" if one.user_id in reps else "NO_REP",
                1 if one.user_id in reps else None,
                {"open": one.open_records},
            )
            for one in candidates
        ]
        return [Resolution(record.record_id, reps[0], "first", ctx.seed, verdicts) for record in records]


@pytest.fixture
def first_plugin() -> Iterator[None]:
    host = PluginHost([])
    manifest = PluginManifest(slug="first", title={"en": "First"}, api=">=0", hooks="unused:unused")
    host.load(manifest, FirstComesFirst())
    with use_host(host):
        yield


ASSIGN = """mutation ($ids: [ID!]!) { assignLeads(ids: $ids, seed: "4611686018427387904") { ... on Failure { code }
    ... on RecordsAssigned { assignments { recordId owner { id }
      decision { policy plugin seed verdicts { candidate { name role } eligible reason rank evidence } } } } } }"""


@pytest.mark.usefixtures("first_plugin")
async def test_leads_are_assigned_and_the_decision_can_be_read(api: Api, tenant: SomeTenant) -> None:
    leads = [str(await tenant.create("Lead", name=f"L{n}")) for n in range(3)]
    await tenant.update("User", tenant.users[Role.REP], manager_id=tenant.users[Role.MANAGER])
    assert (await api.data(tenant, ASSIGN, ids=leads))["assignLeads"] == {"code": "NO_POLICY"}
    enable = """mutation { setPlugin(slug: "first", enabled: true) { ... on Plugin { slug enabled settings }
        ... on Failure { code message } } }"""
    assert (await api.data(tenant, enable))["setPlugin"] == {"slug": "first", "enabled": True, "settings": {}}
    result = (await api.data(tenant, ASSIGN, Role.MANAGER, ids=leads))["assignLeads"]["assignments"]
    assert [one["recordId"] for one in result] == leads
    assert {one["owner"]["id"] for one in result} == {str(tenant.users[Role.REP])}
    decision = result[0]["decision"]
    assert (decision["plugin"], decision["policy"], decision["seed"]) == ("first", "first", "4611686018427387904")
    assert decision["verdicts"][0] == {
        "candidate": {"name": f"rep of {tenant.slug[-6:]}", "role": "REP"},
        "eligible": True,
        "reason": "CHOSEN",
        "rank": 1,
        "evidence": {"open": 0},
    }
    assert {verdict["reason"] for verdict in decision["verdicts"][1:]} == {"NO_REP"}
    query = """query ($id: ID!) { lead(id: $id) { owner { id } decisions { nodes { decidedAt owner { id } } }
        ownershipHistory { nodes { policy decision { policy } } } } }"""
    found = (await api.data(tenant, query, id=leads[2]))["lead"]
    assert found["decisions"]["nodes"][0]["owner"] == found["owner"]
    assert found["ownershipHistory"]["nodes"][-1] == {"policy": "first:first", "decision": {"policy": "first"}}


@pytest.mark.parametrize("key", ["annual_budget", "owner_id"])
async def test_keys_of_custom_values_are_named_as_they_are(api: Api, tenant: SomeTenant, key: str) -> None:
    query = """mutation ($custom: JSON) { createLead(input: {name: "张三", custom: $custom}) {
        ... on InvalidInput { problems { field message } } } }"""
    (problem,) = (await api.data(tenant, query, custom={key: 1}))["createLead"]["problems"]
    assert problem["field"] == f"custom.{key}"
    assert problem["message"].startswith(f"custom.{key}: ")


async def test_plugins_that_are_not_there_cannot_be_set(api: Api, tenant: SomeTenant) -> None:
    query = """mutation ($settings: JSON) { setPlugin(slug: "nobody", enabled: true, settings: $settings) {
        ... on Failure { code message hint } } }"""
    assert (await api.data(tenant, query))["setPlugin"]["code"] == "PLUGIN_NOT_INSTALLED"
    assert (await api.data(tenant, query, settings=[1]))["setPlugin"]["code"] == "INVALID_INPUT"


CALLS: dict[str, tuple[str, str]] = {
    "createLead": ('createLead(input: {name: "x"})', "create"),
    "createUser": ('createUser(input: {name: "x"})', "setup"),
    "createTag": ('createTag(input: {name: "x"})', "shared"),
    "updateLead": ('updateLead(id: "$LEAD", input: {name: "x"})', "create"),
    "updateUser": ('updateUser(id: "$USER", input: {title: "x"})', "setup"),
    "updateTag": ('updateTag(id: "$TAG", input: {color: "red"})', "shared"),
    "archiveLead": ('archiveLead(id: "$LEAD")', "create"),
    "archiveUser": ('archiveUser(id: "$USER")', "setup"),
    "archiveTag": ('archiveTag(id: "$TAG")', "shared"),
    "restoreLead": ('restoreLead(id: "$LEAD")', "create"),
    "setOwner": ('setOwner(entity: LEAD, ids: ["$LEAD"], ownerId: "$USER")', "shared"),
    "assignLeads": ('assignLeads(ids: ["$LEAD"])', "shared"),
    "assignRecords": ('assignRecords(entity: LEAD, ids: ["$LEAD"])', "shared"),
    "convertLead": ('convertLead(id: "$LEAD")', "create"),
    "setPlugin": ('setPlugin(slug: "first", enabled: true)', "setup"),
}
ALLOWED = {
    Role.ADMIN: {"create", "shared", "setup"},
    Role.MANAGER: {"create", "shared"},
    Role.REP: {"create"},
    Role.READ_ONLY: set[str](),
}
EVERYTHING = """{ leads(archived: true) { nodes { id name version ownerId archivedAt status } }
    users(archived: true) { nodes { id title version archivedAt } } tags(archived: true) { nodes { id color version } }
    accounts { nodes { id } } contacts { nodes { id } } plugins { slug enabled } }"""


@pytest.mark.usefixtures("first_plugin")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", CALLS)
async def test_roles(api: Api, tenant: SomeTenant, role: Role, name: str) -> None:
    call, needs = CALLS[name]
    ids = {
        "$LEAD": await tenant.create("Lead", name="L", owner_id=tenant.users[Role.REP]),
        "$TAG": await tenant.create("Tag", name="T"),
        "$USER": tenant.users[Role.MANAGER],
    }
    for place, value in ids.items():
        call = call.replace(place, str(value))
    before = await api.data(tenant, EVERYTHING)
    result = (await api.data(tenant, f"mutation {{ result: {call} {{ __typename }} }}", role))["result"]
    after = await api.data(tenant, EVERYTHING)
    if needs in ALLOWED[role]:
        assert result["__typename"] not in ("PermissionDenied", "InvalidInput", "NotFound")
        assert (after == before) is (name in ("restoreLead", "assignLeads", "assignRecords"))
    else:
        assert result["__typename"] == "PermissionDenied"
        assert after == before


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
async def test_a_key_gives_no_more_than_its_scopes(api: Api, tenant: SomeTenant, scope: Scope) -> None:
    query = 'mutation { createTag(input: {name: "x"}) { __typename } }'
    data = await api.data(tenant, query, Role.ADMIN, scope)
    assert data["createTag"]["__typename"] == "PermissionDenied"
    assert await api.data(tenant, "{ tags { nodes { id } } }") == {"tags": {"nodes": []}}


def test_ids_of_the_tests_are_ids() -> None:
    assert UUID("01a20000-0000-7000-8000-000000000000").version == 7


async def test_records_are_tagged_and_untagged(api: Api, tenant: SomeTenant) -> None:
    tag = await _create_minimal(api, tenant, "Tag")
    account = str(await tenant.create("Account", name="甲", owner_id=tenant.users[Role.REP]))
    put = """mutation ($ids: [ID!]!, $tag: ID!) {
        result: tagRecords(entity: ACCOUNT, ids: $ids, tagId: $tag, why: "大客户") {
            ... on TagsChanged { count } ... on Failure { code } } }"""
    take = """mutation ($ids: [ID!]!, $tag: ID!) {
        result: untagRecords(entity: ACCOUNT, ids: $ids, tagId: $tag) {
            ... on TagsChanged { count } ... on Failure { code } } }"""
    query = "query ($id: ID!) { account(id: $id) { tags { nodes { why tag { name } actor { id } } } } }"
    rep = str(tenant.users[Role.REP])
    denied = await api.data(tenant, put, Role.READ_ONLY, ids=[account], tag=tag)
    assert denied["result"]["code"] == "PERMISSION_DENIED"
    assert (await api.data(tenant, put, Role.REP, ids=[account], tag=tag))["result"] == {"count": 1}
    tags = (await api.data(tenant, query, id=account))["account"]["tags"]["nodes"]
    assert tags == [{"why": "大客户", "tag": {"name": "重点"}, "actor": {"id": rep}}]
    assert (await api.data(tenant, take, Role.REP, ids=[account], tag=tag))["result"] == {"count": 1}
    assert (await api.data(tenant, query, id=account))["account"]["tags"]["nodes"] == []
