"""Conflict cases and duplicates over HTTP."""

from __future__ import annotations

from typing import Any

from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

CASE = "id kind state title parties { nodes { user { id } account { id } } } rulings { nodes { round reason split } }"
OPEN = f"""mutation ($records: [ConflictRecordInput!]!, $users: [ID!]) {{
    result: openConflict(records: $records, kind: SAME_TAX_ID, userIds: $users) {{
        __typename ... on Failure {{ code }} ... on ConflictCase {{ {CASE} }} }} }}"""
RULE = f"""mutation ($id: ID!, $owner: ID!, $split: [ShareInput!]!) {{
    result: ruleConflict(id: $id, ownerId: $owner, split: $split, reason: "first") {{
        __typename ... on Failure {{ code }} ... on ConflictCase {{ {CASE} }} }} }}"""
STATE = """mutation ($id: ID!) { result: addConflictStatement(id: $id, text: "We met in May") {
    __typename ... on Failure { code } ... on ConflictCase { statements { nodes { text } } } } }"""
SETTINGS = """mutation { rules: setConflictRules(daysToRule: 3) { __typename ... on ConflictRules { daysToRule } }
    checks: setDuplicateChecks(name: STOP, freeDomains: ["shared.example"]) {
        __typename ... on DuplicateChecks { name freeDomains } } }"""
DUPLICATES = """query ($draft: DuplicateDraft!) { duplicatesOf(entity: ACCOUNT, draft: $draft) {
    recordId keys strictness message account { name } owner { id } } }"""
CREATE = """mutation ($input: CreateAccountInput!, $override: String) {
    result: createAccount(input: $input, override: $override) {
        __typename ... on Failure { code message } ... on Account { name } } }"""


async def test_a_case_is_opened_seen_and_ruled_on(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    rep, manager = str(tenant.users[Role.REP]), str(tenant.users[Role.MANAGER])
    account = str(await tenant.create("Account", name="Acme", owner_id=tenant.users[Role.REP]))
    given: dict[str, Any] = {"records": [{"entity": "ACCOUNT", "id": account}], "users": [manager]}
    opened = (await api.data(tenant, OPEN, Role.REP, **given))["result"]
    assert (opened["state"], opened["title"]) == ("OPEN", "Acme")
    assert [one["user"] for one in opened["parties"]["nodes"] if one["user"]] == [{"id": rep}, {"id": manager}]
    case = opened["id"]
    assert (await api.data(tenant, STATE, Role.MANAGER, id=case))["result"]["statements"]["nodes"]
    stranger = "query ($id: ID!) { conflictCase(id: $id) { id } }"
    assert (await api.data(other_tenant, stranger, id=case))["conflictCase"] is None
    given = {"id": case, "owner": rep, "split": [{"userId": rep, "share": "60"}, {"userId": manager, "share": "40"}]}
    assert (await api.data(tenant, RULE, Role.REP, **given))["result"]["code"] == "PERMISSION_DENIED"
    assert (await api.data(tenant, RULE, Role.MANAGER, **given))["result"]["code"] == "PERMISSION_DENIED"
    ruled = (await api.data(tenant, RULE, Role.ADMIN, **given))["result"]
    assert ruled["state"] == "RULED"
    assert ruled["rulings"]["nodes"][0]["split"][0] == {"user_id": rep, "share": "60.00"}


async def test_settings_and_duplicates_are_told(api: Api, tenant: SomeTenant) -> None:
    owner = str(tenant.users[Role.MANAGER])
    account = str(await tenant.create("Account", name="Acme Ltd", owner_id=tenant.users[Role.MANAGER]))
    found = await api.data(tenant, SETTINGS, Role.ADMIN)
    assert found["rules"]["daysToRule"] == 3
    assert (found["checks"]["name"], found["checks"]["freeDomains"]) == ("STOP", ["shared.example"])
    (told,) = (await api.data(tenant, DUPLICATES, Role.ADMIN, draft={"name": "ACME, Inc."}))["duplicatesOf"]
    assert (told["recordId"], told["keys"], told["strictness"]) == (account, ["NAME"], "STOP")
    assert (told["account"], told["owner"]) == ({"name": "Acme Ltd"}, {"id": owner})
    (hidden,) = (await api.data(tenant, DUPLICATES, Role.REP, draft={"name": "ACME"}))["duplicatesOf"]
    assert (hidden["account"], hidden["owner"]) == (None, None)
    assert "protected by another team" in hidden["message"]
    refused = (await api.data(tenant, CREATE, Role.REP, input={"name": "acme"}))["result"]
    assert refused["code"] == "DUPLICATE_OWNED"
    forced = (await api.data(tenant, CREATE, Role.MANAGER, input={"name": "acme"}, override="a branch"))["result"]
    assert forced["name"] == "acme"
