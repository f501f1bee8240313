"""Fields that a caller sees in part or not at all, in every way in which they could be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from evenhand.actions.merges.merge import Source, merge_accounts
from evenhand.actions.records import archive_record, create_record
from evenhand.auth.fields.models import FieldRule
from evenhand.db.session import reading
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Gql

PHONE, OTHER, EMAIL = "13812345678", "13987654321", "li@example.com"


@pytest.fixture(autouse=True, params=[True, False], ids=["compiled", "graphql-core"])
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", request.param)


@pytest_asyncio.fixture(loop_scope="session")
async def waiting(tenant: SomeTenant) -> AsyncIterator[dict[str, UUID]]:
    """Records that wait in the pool, and one lead that the rep holds."""
    account = await tenant.create("Account", name="Acme", phone=PHONE, tax_id="T-1")
    yield {
        "account": account,
        "contact": await tenant.create(
            "Contact",
            name="Li Lei",
            account_id=account,
            channels=[{"kind": "phone", "value": PHONE}, {"kind": "email", "value": EMAIL}],
        ),
        "lead": await tenant.create("Lead", name="Han", company="Zenith", phone=PHONE, email=EMAIL, wechat="hanmeimei"),
        "held": await tenant.create("Lead", name="Wang", phone=OTHER, owner_id=tenant.users[Role.REP]),
    }


async def test_reps_see_contact_data_in_part_until_they_hold_the_record(gql: Gql, waiting: dict[str, UUID]) -> None:
    query = """query ($account: ID!, $lead: ID!, $held: ID!) {
        account(id: $account) { phone contacts { nodes { channels { nodes { kind value } } } } }
        lead(id: $lead) { phone email wechat }
        held: lead(id: $held) { phone }
        node(id: $lead) { ... on Lead { phone } }
    }"""
    variables = {name: str(waiting[name]) for name in ("account", "lead", "held")}
    for role in Role:
        found = await gql(query, role, **variables)
        masked = role is Role.REP
        assert found["account"]["phone"] == ("138****5678" if masked else PHONE)
        channels = found["account"]["contacts"]["nodes"][0]["channels"]["nodes"]
        assert {one["kind"]: one["value"] for one in channels} == (
            {"PHONE": "138****5678", "EMAIL": "l***@example.com"} if masked else {"PHONE": PHONE, "EMAIL": EMAIL}
        )
        assert found["lead"] == (
            {"phone": "138****5678", "email": "l***@example.com", "wechat": "h***i"}
            if masked
            else {"phone": PHONE, "email": EMAIL, "wechat": "hanmeimei"}
        )
        assert found["node"]["phone"] == found["lead"]["phone"]
        if role is not Role.MANAGER:
            assert found["held"] == {"phone": OTHER}


LEAKS: dict[str, tuple[str, dict[str, Any]]] = {
    "filter": ("query ($v: String!) { leads(filter: { phone: { eq: $v } }) { totalCount } }", {"v": PHONE}),
    "part": ("query ($v: String!) { leads(filter: { phone: { contains: $v } }) { totalCount } }", {"v": "1234"}),
    "not": (
        'query ($v: String!) { leads(filter: { not: { phone: { neq: $v } }, name: { eq: "Han" } }) { totalCount } }',
        {"v": PHONE},
    ),
    "list search": ("query ($v: String!) { leads(search: $v) { totalCount } }", {"v": PHONE}),
    "e-mail search": ("query ($v: String!) { leads(search: $v) { totalCount } }", {"v": "li@example"}),
    "contact search": ("query ($v: String!) { contacts(search: $v) { totalCount } }", {"v": PHONE}),
    "relation": (
        "query ($v: String!) { accounts(filter: { contacts: { some: { channels: { some: { value: { eq: $v } } } } } }) "
        "{ totalCount } }",
        {"v": PHONE},
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
async def test_what_is_hidden_finds_nothing(gql: Gql, waiting: dict[str, UUID], leak: str) -> None:
    query, variables = LEAKS[leak]

    async def found(role: Role) -> int:
        (one,) = (await gql(query, role, **variables)).values()
        return int(one["totalCount"])

    assert await found(Role.ADMIN) == 1
    assert await found(Role.REP) == 0


async def test_what_is_shown_finds_and_orders_by_the_mask(gql: Gql, waiting: dict[str, UUID]) -> None:
    query = """query ($v: String!) {
        leads(filter: { phone: { eq: $v } }, orderBy: [{ field: PHONE }], first: 1) { nodes { name } edges { cursor } }
        named: leads(search: "han") { nodes { name } }
        company: leads(search: "Zenith") { nodes { name } }
        everything: search(text: "Zenith") { title }
        leak: search(text: "13812345678") { title }
        leadsAggregate(groupBy: [{ field: PHONE }]) { phone count }
    }"""
    found = await gql(query, Role.REP, v="138****5678")
    assert found["leads"]["nodes"] == [{"name": "Han"}]
    assert found["named"]["nodes"] == found["company"]["nodes"] == [{"name": "Han"}]
    assert found["everything"] == [{"title": "Han"}]
    assert found["leak"] == []
    assert {group["phone"] for group in found["leadsAggregate"]} == {"138****5678", OTHER}
    assert PHONE not in str(found)
    cursor = found["leads"]["edges"][0]["cursor"]
    more = await gql(
        "query ($c: String!) { leads(orderBy: [{ field: PHONE }], after: $c) { nodes { name } } }", Role.REP, c=cursor
    )
    assert more["leads"]["nodes"] == [{"name": "Wang"}]


async def test_a_changed_rule_counts_with_the_next_request(
    gql: Gql, tenant: SomeTenant, waiting: dict[str, UUID]
) -> None:
    query = "query ($id: ID!) { lead(id: $id) { phone notes } }"
    one = str(waiting["lead"])
    assert (await gql(query, Role.REP, id=one))["lead"]["phone"] == "138****5678"
    with acting_as(tenant.system):
        async with reading():
            rule = await FieldRule.get(entity="Lead", field="phone")
        await archive_record("FieldRule", rule.id)
    assert (await gql(query, Role.REP, id=one))["lead"]["phone"] == PHONE
    with acting_as(tenant.system):
        await create_record(
            "FieldRule",
            {"entity": "Lead", "field": "phone", "role": "read_only", "effect": "hide", "only_in_pool": False},
        )
    assert (await gql(query, Role.READ_ONLY, id=one))["lead"]["phone"] is None
    assert (await gql(query, Role.ADMIN, id=one))["lead"]["phone"] == PHONE
    nothing = await gql("{ leads(filter: { phone: { isNull: false } }) { totalCount } }", Role.READ_ONLY)
    assert nothing["leads"]["totalCount"] == 0


async def test_values_kept_of_a_merge_are_masked(gql: Gql, tenant: SomeTenant, waiting: dict[str, UUID]) -> None:
    empty = await tenant.create("Account", name="Acme Ltd")
    with acting_as(tenant.system):
        await merge_accounts(empty, [Source(waiting["account"])], fill_empty=True)
    query = "query ($id: ID!) { account(id: $id) { phone merges { nodes { before after } } } }"
    for role, shown in ((Role.ADMIN, PHONE), (Role.REP, "138****5678")):
        found = (await gql(query, role, id=str(empty)))["account"]
        assert found["phone"] == found["merges"]["nodes"][0]["after"]["phone"] == shown
        assert found["merges"]["nodes"][0]["after"]["tax_id"] == "T-1"


@pytest.mark.parametrize("by", ["user", "team", "region", "product_line"])
async def test_managers_of_the_pool_see_all(gql: Gql, tenant: SomeTenant, waiting: dict[str, UUID], by: str) -> None:
    query = 'query ($id: ID!) { lead(id: $id) { phone poolId } leads(search: "13812345678") { totalCount } }'
    found = await gql(query, Role.REP, id=str(waiting["lead"]))
    assert (found["lead"]["phone"], found["leads"]["totalCount"]) == ("138****5678", 0)
    above = await tenant.create("Team", name="华东")
    below = await tenant.create("Team", name="上海", parent_id=above)
    mine = tenant.users[Role.REP]
    await tenant.update("User", mine, team_id=below, regions=["华东"], product_lines=["泵"])
    who: dict[str, dict[str, Any]] = {
        "user": {"user_id": mine},
        "team": {"team_id": above},
        "region": {"region": "华东"},
    }
    named: dict[str, Any] = who.get(by, {"product_line": "泵"})
    for role in ("member", "manager"):
        await tenant.create("PoolMember", pool_id=UUID(found["lead"]["poolId"]), role=role, **named)
        seen = await gql(query, Role.REP, id=str(waiting["lead"]))
        managed = role == "manager"
        assert seen["lead"]["phone"] == (PHONE if managed else "138****5678")
        assert seen["leads"]["totalCount"] == managed
