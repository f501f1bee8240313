"""Conflict cases over HTTP."""

from __future__ import annotations

from typing import Any

from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

CASE = "id kind state title parties { nodes { user { id } account { id } } } rulings { nodes { round reason split } }"
OPEN = f"""mutation ($records: [ConflictRecordInput!]!, $users: [ID!]) {{
    result: openConflict(records: $records, kind: SAME_TAX_ID, userIds: $users) {{
        __typename ... on Failure {{ code }} ... on ConflictCase {{ {CASE} }} }} }}"""
STATE = """mutation ($id: ID!) { result: addConflictStatement(id: $id, text: "We met in May") {
    __typename ... on Failure { code } ... on ConflictCase { statements { nodes { text } } } } }"""


async def test_a_case_is_opened_and_spoken_about(api: Api, tenant: SomeTenant) -> None:
    rep, manager = str(tenant.users[Role.REP]), str(tenant.users[Role.MANAGER])
    account = str(await tenant.create("Account", name="Acme", owner_id=tenant.users[Role.REP]))
    given: dict[str, Any] = {"records": [{"entity": "ACCOUNT", "id": account}], "users": [manager]}
    opened = (await api.data(tenant, OPEN, Role.REP, **given))["result"]
    assert (opened["state"], opened["title"]) == ("OPEN", "Acme")
    assert [one["user"] for one in opened["parties"]["nodes"] if one["user"]] == [{"id": rep}, {"id": manager}]
    case = opened["id"]
    assert (await api.data(tenant, STATE, Role.MANAGER, id=case))["result"]["statements"]["nodes"]
