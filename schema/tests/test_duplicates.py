"""Duplicates over HTTP: asked while somebody types, stopped on creating, as far as the caller may know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

TAX_ID = "91310000MA1K35XY2B"
ASK = """query ($draft: DuplicateDraft!, $entity: OwnableEntity = ACCOUNT) {
    result: duplicatesOf(entity: $entity, draft: $draft) {
        recordId keys strictness message hint since account { id name } lead { id } owner { id name } } }"""
CREATE = """mutation ($input: CreateAccountInput!, $override: String) {
    result: createAccount(input: $input, override: $override) {
        __typename ... on Failure { code message hint } ... on Account { id name } } }"""
CHECKS = """mutation ($taxId: Strictness, $name: Strictness, $free: [String!]) {
    result: setDuplicateChecks(taxId: $taxId, name: $name, freeDomains: $free) {
        __typename ... on Failure { code } ... on InvalidInput { problems { field code } }
        ... on DuplicateChecks { taxId domain email phone name freeDomains } } }"""


class Scene:
    """Li Wei of a team in which reps see each other's accounts holds Acme; Wang is of the team, Zhao of another."""

    def __init__(self, api: Api, tenant: SomeTenant) -> None:
        self.api, self.tenant = api, tenant

    async def prepare(self) -> Scene:
        create = self.tenant.create
        await create("VisibilityRule", role="rep", entity="Account", sees="team", edits="own")
        east, west = await create("Team", name="East"), await create("Team", name="West")
        self.li = await create("User", name="Li Wei", role="rep", team_id=east)
        self.wang = await create("User", name="Wang", role="rep", team_id=east)
        self.zhao = await create("User", name="Zhao", role="rep", team_id=west)
        self.held = str(
            await create("Account", name="Acme", tax_id=TAX_ID, website="https://www.acme.com", owner_id=self.li)
        )
        return self

    async def ask(self, user_id: UUID, query: str, role: Role = Role.REP, **variables: Any) -> Any:
        """The field `result` of the answer to one user."""
        tenant = replace(self.tenant, users={role: user_id})
        return (await Api(self.api.http).data(tenant, query, role, **variables))["result"]

    async def ask_admin(self, query: str, **variables: Any) -> Any:
        return await self.ask(self.tenant.users[Role.ADMIN], query, Role.ADMIN, **variables)


@pytest.fixture
async def scene(api: Api, tenant: SomeTenant) -> Scene:
    return await Scene(api, tenant).prepare()


async def test_who_has_it_is_told_while_somebody_types(scene: Scene) -> None:
    draft = {"name": "ACME Ltd", "taxId": "9131 0000 MA1K35XY2B", "website": "acme.com"}
    (seen,) = await scene.ask(scene.wang, ASK, draft=draft)
    assert seen["recordId"] == seen["account"]["id"] == scene.held
    assert (seen["owner"]["name"], seen["strictness"], seen["lead"]) == ("Li Wei", "STOP", None)
    assert set(seen["keys"]) == {"TAX_ID", "DOMAIN", "NAME"}
    assert f"Acme is held by Li Wei since {seen['since']}" in seen["message"]
    (hidden,) = await scene.ask(scene.zhao, ASK, draft=draft)
    assert (hidden["recordId"], hidden["account"], hidden["owner"], hidden["since"]) == (scene.held, None, None, None)
    assert "protected by another team" in hidden["message"]
    assert "Li Wei" not in str(hidden)
    assert await scene.ask(scene.wang, ASK, draft={**draft, "id": scene.held}) == []
    assert await scene.ask(scene.wang, ASK, draft={"name": "Nobody"}) == []
    (customer,) = await scene.ask(scene.wang, ASK, draft={"email": "x@acme.com"}, entity="LEAD")
    assert (customer["keys"], customer["strictness"]) == (["DOMAIN"], "WARN")


async def test_other_tenants_customers_are_not_told(scene: Scene, api: Api, other_tenant: SomeTenant) -> None:
    found = await api.data(other_tenant, ASK, Role.ADMIN, draft={"taxId": TAX_ID})
    assert found["result"] == []


async def test_creating_is_stopped_and_names_who_the_caller_may_know(scene: Scene) -> None:
    draft = {"name": "Other", "taxId": TAX_ID}
    same = await scene.ask(scene.wang, CREATE, input=draft)
    assert same["code"] == "DUPLICATE_OWNED"
    assert same["message"].startswith("Acme is held by Li Wei since 20")
    assert scene.held in same["hint"]
    other = await scene.ask(scene.zhao, CREATE, input=draft)
    assert other["code"] == "DUPLICATE_OWNED"
    assert other["message"] == "An account with the same tax id is protected by another team."
    assert "Li Wei" not in str(other)
    own = await scene.ask(scene.li, CREATE, input=draft)
    assert own["message"].startswith("You hold Acme since 20")
    assert (await scene.ask_admin("{ result: accounts { totalCount } }"))["totalCount"] == 1


async def test_an_override_is_kept(scene: Scene) -> None:
    draft = {"name": "Acme branch", "taxId": TAX_ID}
    assert (await scene.ask(scene.wang, CREATE, input=draft, override="a branch"))["code"] == "PERMISSION_DENIED"
    assert (await scene.ask_admin(CREATE, input=draft, override=" "))["code"] == "INVALID_INPUT"
    made = await scene.ask_admin(CREATE, input=draft, override="a branch of it")
    assert made["name"] == "Acme branch"
    history = "query ($id: ID!) { result: account(id: $id) { ownershipHistory { nodes { reason override } } } }"
    (line,) = (await scene.ask_admin(history, id=made["id"]))["ownershipHistory"]["nodes"]
    assert line == {"reason": "CREATED", "override": "a branch of it"}


async def test_checks_are_chosen_by_admins(scene: Scene) -> None:
    assert (await scene.ask(scene.li, CHECKS, taxId="OFF"))["code"] == "PERMISSION_DENIED"
    wrong = await scene.ask_admin(CHECKS, free=["no domain"])
    assert [one["field"] for one in wrong["problems"]] == ["freeDomains"]
    chosen = await scene.ask_admin(CHECKS, taxId="WARN", name="OFF", free=["Acme.com"])
    assert chosen == {
        "__typename": "DuplicateChecks",
        "taxId": "WARN",
        "domain": "STOP",
        "email": "WARN",
        "phone": "WARN",
        "name": "OFF",
        "freeDomains": ["acme.com"],
    }
    made = await scene.ask(scene.wang, CREATE, input={"name": "Other", "taxId": TAX_ID, "website": "acme.com"})
    assert made["__typename"] == "Account"


async def test_conversions_and_many_take_an_override(scene: Scene) -> None:
    await scene.ask_admin("mutation { result: setDuplicateChecks(phone: STOP) { __typename } }")
    await scene.tenant.update("Account", UUID(scene.held), phone="13812345678")
    lead = await scene.tenant.create("Lead", name="Zhao", company="Other", phone="13812345678", owner_id=scene.wang)
    convert = """mutation ($id: ID!, $override: String) { result: convertLead(id: $id, override: $override) {
        __typename ... on Failure { code } ... on LeadConverted { account { name } } } }"""
    assert (await scene.ask_admin(convert, id=str(lead)))["code"] == "DUPLICATE_OWNED"
    converted = await scene.ask_admin(convert, id=str(lead), override="another department")
    assert converted["account"]["name"] == "Other"
    many = """mutation ($inputs: [CreateAccountInput!]!, $override: String) {
        result: createAccounts(inputs: $inputs, override: $override) {
            __typename ... on Failure { code } ... on AccountsWritten { written failed } } }"""
    drafts = [{"name": "East", "taxId": TAX_ID}, {"name": "West", "taxId": TAX_ID}]
    assert (await scene.ask_admin(many, inputs=drafts)) == {"__typename": "AccountsWritten", "written": 0, "failed": 2}
    assert (await scene.ask(scene.wang, many, inputs=drafts, override="x"))["code"] == "PERMISSION_DENIED"
    assert (await scene.ask_admin(many, inputs=drafts, override="branches"))["written"] == 2
