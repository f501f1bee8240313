"""Claims, returns, offers and views over HTTP; rules and members by admins only."""

from __future__ import annotations

from typing import Any

from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

CLAIM = """mutation ($ids: [ID!]!, $pool: ID) { result: claimRecords(entity: LEAD, ids: $ids, poolId: $pool) {
    __typename ... on Failure { code } ... on RecordsClaimed { claimed refused results {
        recordId status ownerId owner { name } since until failure { __typename code message hint } } } } }"""
RETURN = """mutation ($ids: [ID!]!) { result: returnRecords(entity: LEAD, ids: $ids, reason: "no budget") {
    __typename ... on RecordsClaimed { claimed results { status poolId failure { code } } } } }"""
RULE = """mutation ($input: CreatePoolRuleInput!) { result: createPoolRule(input: $input) {
    __typename ... on PoolRule { id claimsPerDay } ... on Failure { code }
    ... on InvalidInput { problems { field code } } } }"""


async def pool(tenant: SomeTenant, leads: int) -> tuple[str, list[str]]:
    made = await tenant.create("Pool", name="华东公海")
    return str(made), [str(await tenant.create("Lead", name=f"Li {n}", pool_id=made)) for n in range(leads)]


async def test_claims_and_returns(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    pool_id, ids = await pool(tenant, 2)
    foreign = str(await other_tenant.create("Lead", name="Foreign"))
    rule: dict[str, Any] = {"poolId": pool_id, "name": "普通线索", "entity": "Lead", "claimsPerDay": 1}
    assert (await api.data(tenant, RULE, Role.ADMIN, input=rule))["result"]["claimsPerDay"] == 1
    assert (await api.data(tenant, RULE, Role.MANAGER, input=rule))["result"]["code"] == "PERMISSION_DENIED"
    found = (await api.data(tenant, CLAIM, Role.REP, ids=[*ids, foreign]))["result"]
    assert (found["claimed"], found["refused"]) == (1, 2)
    assert [one["status"] for one in found["results"]] == ["CLAIMED", "REFUSED", "REFUSED"]
    assert found["results"][0]["ownerId"] == str(tenant.users[Role.REP])
    assert found["results"][1]["failure"]["code"] == "CLAIM_LIMIT_REACHED"
    assert found["results"][1]["until"] is not None
    assert found["results"][2]["failure"]["code"] == "NOT_FOUND"
    lost = (await api.data(tenant, CLAIM, Role.MANAGER, ids=[ids[0]]))["result"]["results"][0]
    assert lost["failure"]["code"] == "ALREADY_CLAIMED"
    assert lost["since"] == found["results"][0]["since"]
    back = (await api.data(tenant, RETURN, Role.REP, ids=[ids[0]]))["result"]
    assert (back["claimed"], back["results"][0]["poolId"]) == (1, pool_id)
    again = (await api.data(tenant, CLAIM, Role.REP, ids=[ids[0]]))["result"]["results"][0]
    assert again["failure"]["code"] == "CLAIM_LIMIT_REACHED"
    for role in (Role.READ_ONLY,):
        assert (await api.data(tenant, CLAIM, role, ids=[ids[1]]))["result"]["code"] == "PERMISSION_DENIED"


async def test_rules_are_checked(api: Api, tenant: SomeTenant) -> None:
    pool_id, _ = await pool(tenant, 0)
    base = {"poolId": pool_id, "name": "x", "entity": "Lead"}
    for more, field in (
        ({"entity": "Contact"}, "entity"),
        ({"tiers": ["a"]}, "tiers"),
        ({"entity": "Account", "tiers": ["z"]}, "tiers"),
        ({"refresh": {"fax": 3}}, "refresh"),
        ({"refresh": {"call": -3}}, "refresh"),
        ({"warnDays": [-1]}, "warnDays"),
        ({"claimsPerDay": -1}, "claimsPerDay"),
        ({"freezeDays": 0}, "freezeDays"),
        ({"validFrom": "2026-05-02", "validUntil": "2026-05-01"}, "validUntil"),
    ):
        found = (await api.data(tenant, RULE, Role.ADMIN, input={**base, **more}))["result"]
        assert found["__typename"] == "InvalidInput", more
        assert [problem["field"] for problem in found["problems"]] == [field], more


async def test_members_name_one_thing(api: Api, tenant: SomeTenant) -> None:
    pool_id, _ = await pool(tenant, 0)
    query = """mutation ($input: CreatePoolMemberInput!) { result: createPoolMember(input: $input) {
        __typename ... on InvalidInput { problems { code } } } }"""
    for more, kind in (({}, "InvalidInput"), ({"region": "华东"}, "PoolMember")):
        found = (await api.data(tenant, query, Role.ADMIN, input={"poolId": pool_id, **more}))["result"]
        assert found["__typename"] == kind
    both = {"poolId": pool_id, "region": "华东", "productLine": "云"}
    found = (await api.data(tenant, query, Role.ADMIN, input=both))["result"]
    assert found["problems"][0]["code"] == "ONE_MEMBER"


async def test_offers_and_overrides(api: Api, tenant: SomeTenant) -> None:
    pool_id, (lead, other) = await pool(tenant, 2)
    offer = """mutation ($ids: [ID!]!, $users: [ID!]) { result: offerRecords(entity: LEAD, ids: $ids, userIds: $users) {
        __typename ... on RecordsOffered { offerIds } ... on Failure { code } } }"""
    accept = """mutation ($id: ID!) { result: acceptOffer(id: $id) {
        __typename ... on ClaimOutcome { status ownerId } ... on Failure { code } } }"""
    users = [str(tenant.users[Role.REP]), str(tenant.users[Role.MANAGER])]
    assert "code" in (await api.data(tenant, offer, Role.REP, ids=[lead], users=users))["result"]
    (made,) = (await api.data(tenant, offer, Role.MANAGER, ids=[lead], users=users))["result"]["offerIds"]
    listed = await api.data(tenant, "{ poolOffers { nodes { id state seats { nodes { user { id } } } } } }", Role.REP)
    assert [one["state"] for one in listed["poolOffers"]["nodes"]] == ["OPEN"]
    got = (await api.data(tenant, accept, Role.REP, id=made))["result"]
    assert (got["status"], got["ownerId"]) == ("CLAIMED", users[0])
    late = (await api.data(tenant, accept, Role.MANAGER, id=made))["result"]
    assert late["code"] == "OFFER_ENDED"
    view = """mutation ($id: ID!) { result: viewPoolRecord(entity: LEAD, id: $id) {
        __typename ... on PoolRecordViewed { remaining } } }"""
    await tenant.create("PoolRule", pool_id=pool_id, name="all", entity="Lead", views_per_day=2, cool_down_days=5)
    assert (await api.data(tenant, view, Role.REP, id=other))["result"]["remaining"] == 1
    await api.data(tenant, RETURN, Role.REP, ids=[lead])
    give = """mutation ($ids: [ID!]!, $owner: ID, $override: String) {
        result: setOwner(entity: LEAD, ids: $ids, ownerId: $owner, override: $override) {
            __typename ... on Failure { code } ... on OwnersChanged { changedIds } } }"""
    refused = (await api.data(tenant, give, Role.MANAGER, ids=[lead], owner=users[0]))["result"]
    assert refused["code"] == "COOLING_DOWN"
    given = (await api.data(tenant, give, Role.MANAGER, ids=[lead], owner=users[0], override="asked for"))["result"]
    assert given["changedIds"] == [lead]
