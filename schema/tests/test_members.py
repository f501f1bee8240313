"""Teams on records over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

TEAM = "team { role share user { id } }"
SET = f"""mutation ($entity: OwnableEntity!, $id: ID!, $members: [RecordMemberInput!]!) {{
    result: setRecordMembers(entity: $entity, id: $id, members: $members) {{
        __typename ... on Failure {{ code }} ... on InvalidInput {{ problems {{ field code }} }}
        ... on TeamWritten {{ changed account {{ {TEAM} }} lead {{ {TEAM} }} opportunity {{ {TEAM} }} }} }} }}"""
ADD = """mutation ($id: ID!, $member: RecordMemberInput!) {
    result: addRecordMember(entity: ACCOUNT, id: $id, member: $member) {
        __typename ... on Failure { code } ... on TeamWritten { changed } } }"""
REMOVE = f"""mutation ($id: ID!, $user: ID!) {{
    result: removeRecordMember(entity: ACCOUNT, id: $id, userId: $user) {{
        __typename ... on Failure {{ code }} ... on TeamWritten {{ changed account {{ {TEAM} }} }} }} }}"""


@pytest.mark.parametrize("entity", ["Account", "Lead", "Opportunity"])
async def test_a_team_is_set_and_read(api: Api, tenant: SomeTenant, entity: str) -> None:
    owner, helper, watcher = (str(tenant.users[role]) for role in (Role.REP, Role.MANAGER, Role.READ_ONLY))
    record = str(await tenant.create(entity, name="Acme", owner_id=tenant.users[Role.REP]))
    members: list[dict[str, Any]] = [
        {"userId": watcher, "role": "WATCHER"},
        {"userId": helper, "role": "COLLABORATOR", "share": "12.50"},
    ]
    given = {"entity": entity.upper(), "id": record, "members": members}
    written = (await api.data(tenant, SET, Role.REP, **given))["result"]
    assert written["changed"] is True
    expected = [
        {"role": "OWNER", "share": "87.50", "user": {"id": owner}},
        {"role": "COLLABORATOR", "share": "12.50", "user": {"id": helper}},
        {"role": "WATCHER", "share": None, "user": {"id": watcher}},
    ]
    assert written[entity.lower()]["team"] == expected
    plural = {"Account": "accounts", "Lead": "leads", "Opportunity": "opportunities"}[entity]
    query = f"query ($id: ID!) {{ one: {entity.lower()}(id: $id) {{ {TEAM} }} all: {plural} {{ nodes {{ {TEAM} }} }} }}"
    found = await api.data(tenant, query, id=record)
    assert found["one"]["team"] == expected
    assert found["all"]["nodes"] == [{"team": expected}]
    members[1]["share"] = "100.01"
    refused = (await api.data(tenant, SET, Role.REP, **given))["result"]
    assert refused["problems"] == [{"field": "members.1.share", "code": "BAD_SHARE"}]
    denied = (await api.data(tenant, SET, Role.READ_ONLY, **given))["result"]
    assert denied["code"] == "PERMISSION_DENIED"


async def test_members_come_and_go_one_by_one(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    record = str(await tenant.create("Account", name="Acme", owner_id=tenant.users[Role.REP]))
    helper = str(tenant.users[Role.MANAGER])
    await tenant.update("User", tenant.users[Role.REP], manager_id=tenant.users[Role.MANAGER])
    member = {"userId": helper, "role": "COLLABORATOR", "share": "30"}
    assert (await api.data(tenant, ADD, Role.REP, id=record, member=member))["result"]["changed"] is True
    assert (await api.data(tenant, ADD, Role.REP, id=record, member=member))["result"]["changed"] is False
    hidden = (await api.data(other_tenant, ADD, id=record, member=member))["result"]
    assert hidden["code"] == "NOT_FOUND"
    gone = (await api.data(tenant, REMOVE, Role.MANAGER, id=record, user=helper))["result"]
    assert gone["changed"] is True
    assert [one["role"] for one in gone["account"]["team"]] == ["OWNER"]
