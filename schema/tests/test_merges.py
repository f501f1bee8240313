"""Merging accounts over HTTP."""

from __future__ import annotations

from typing import Any

from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

MERGE = """mutation ($into: ID!, $from: [MergeSource!]!, $version: Int) {
    result: mergeAccounts(into: $into, from: $from, version: $version, fillEmpty: true) {
        __typename ... on Failure { code message hint } ... on InvalidInput { problems { field code } }
        ... on AccountsMerged { account { id name region contacts { nodes { name } } }
          merges { id merged { name archivedAt mergedInto { id } } rows { nodes { tableName columnName } } } } } }"""
UNMERGE = """mutation ($id: ID!) { result: unmergeAccount(mergeId: $id) {
    __typename ... on Failure { code } ... on AccountUnmerged { putBack left { entity recordId field }
      account { archivedAt mergedInto { id } contacts { nodes { name } } } merge { undoneAt } } } }"""


async def test_accounts_are_merged_and_parted_again(api: Api, tenant: SomeTenant) -> None:
    winner = str(await tenant.create("Account", name="上海某某"))
    loser = await tenant.create("Account", name="上海某某有限公司", region="华东")
    await tenant.create("Contact", name="李雷", account_id=loser)
    given: dict[str, Any] = {"into": winner, "from": [{"id": str(loser), "version": 1}], "version": 1}
    denied = (await api.data(tenant, MERGE, Role.REP, **given))["result"]
    assert denied["code"] == "PERMISSION_DENIED"
    merged = (await api.data(tenant, MERGE, Role.MANAGER, **given))["result"]
    assert merged["account"] == {
        "id": winner,
        "name": "上海某某",
        "region": "华东",
        "contacts": {"nodes": [{"name": "李雷"}]},
    }
    (merge,) = merged["merges"]
    assert merge["merged"]["mergedInto"] == {"id": winner}
    assert merge["merged"]["archivedAt"] is not None
    assert merge["rows"]["nodes"] == [{"tableName": "contacts", "columnName": "account_id"}]
    query = """query ($id: ID!) { account(id: $id) { name mergedInto { id name merges { nodes { id } } }
        ownershipHistory { nodes { reason } } } }"""
    found = (await api.data(tenant, query, id=str(loser)))["account"]
    assert found["mergedInto"] == {"id": winner, "name": "上海某某", "merges": {"nodes": [{"id": merge["id"]}]}}
    assert [line["reason"] for line in found["ownershipHistory"]["nodes"]] == ["CREATED", "MERGED"]
    given.pop("version")
    again = (await api.data(tenant, MERGE, Role.MANAGER, **given))["result"]
    assert again["code"] == "ALREADY_MERGED"
    parted = (await api.data(tenant, UNMERGE, Role.MANAGER, id=merge["id"]))["result"]
    assert (parted["putBack"], parted["left"]) == (1, [])
    assert parted["account"] == {"archivedAt": None, "mergedInto": None, "contacts": {"nodes": [{"name": "李雷"}]}}
    assert parted["merge"]["undoneAt"] is not None
    itself = (await api.data(tenant, MERGE, **{**given, "from": [{"id": winner}]}))["result"]
    assert itself["problems"] == [{"field": "from", "code": "INTO_ITSELF"}]


async def test_other_tenants_merges_are_not_there(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    ids = [str(await tenant.create("Account", name=name)) for name in "ab"]
    given: dict[str, Any] = {"into": ids[0], "from": [{"id": ids[1]}]}
    assert (await api.data(other_tenant, MERGE, **given))["result"]["code"] == "NOT_FOUND"
    merge = (await api.data(tenant, MERGE, **given))["result"]["merges"][0]
    assert (await api.data(other_tenant, UNMERGE, id=merge["id"]))["result"]["code"] == "NOT_FOUND"
