"""Conflict cases over HTTP: every step, whom it is refused, and who sees which case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.pools.errors import HeldByConflict
from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

TAX_ID = "91310000MA1K35XY2B"
CASE = """id kind state title reason judge { id } openedBy { id } appealReason endedReason evidence
    parties { nodes { user { id } account { id name } } }
    statements { nodes { text user { id } } }
    rulings { nodes { round reason split owner { id } judge { id } mergedInto { id } } }"""
ANSWER = f"__typename ... on Failure {{ code message hint }} ... on ConflictCase {{ {CASE} }}"
OPEN = f"""mutation ($records: [ConflictRecordInput!]!, $users: [ID!]) {{
    result: openConflict(records: $records, kind: SAME_TAX_ID, userIds: $users, reason: "both") {{ {ANSWER} }} }}"""
STATE = f'mutation ($id: ID!) {{ result: addConflictStatement(id: $id, text: "We met in May") {{ {ANSWER} }} }}'
RULE = f"""mutation ($id: ID!, $owner: ID!, $split: [ShareInput!]!, $records: [ID!], $into: ID) {{
    result: ruleConflict(id: $id, ownerId: $owner, split: $split, reason: "Li was first", recordIds: $records,
        mergeInto: $into) {{ {ANSWER} }} }}"""
APPEAL = f'mutation ($id: ID!) {{ result: appealConflict(id: $id, reason: "I was first") {{ {ANSWER} }} }}'
WITHDRAW = f'mutation ($id: ID!) {{ result: withdrawConflict(id: $id, reason: "agreed") {{ {ANSWER} }} }}'
ONE = f"query ($id: ID!) {{ result: conflictCase(id: $id) {{ {CASE} }} }}"
LIST = """query ($filter: ConflictCaseFilter) {
    result: conflictCases(filter: $filter, orderBy: [{field: OPENED_AT}]) { totalCount nodes { id } } }"""
GIVE = """mutation ($ids: [ID!]!, $owner: ID, $override: String) {
    result: setOwner(entity: ACCOUNT, ids: $ids, ownerId: $owner, override: $override) {
        __typename ... on Failure { code message } ... on OwnersChanged { changedIds } } }"""
SETTINGS = """mutation ($rule: Int, $remind: Int, $appeal: Int, $open: Boolean) {
    result: setConflictRules(daysToRule: $rule, remindDays: $remind, daysToAppeal: $appeal, openByItself: $open) {
        __typename ... on Failure { code } ... on InvalidInput { problems { field code } }
        ... on ConflictRules { daysToRule remindDays daysToAppeal openByItself } } }"""


class Person:
    """Asks the API as one user."""

    def __init__(self, api: Api, tenant: SomeTenant, user_id: UUID, role: Role) -> None:
        self.api, self.role, self.id = Api(api.http), role, str(user_id)
        self.tenant = replace(tenant, users={role: user_id})

    async def ask(self, query: str, **variables: Any) -> Any:
        """The field `result` of the answer."""
        return (await self.api.data(self.tenant, query, self.role, **variables))["result"]


class Scene:
    """Li and Wang with an account each of one customer, both under Boss, who is under Top; and strangers."""

    def __init__(self, api: Api, tenant: SomeTenant) -> None:
        self.api, self.tenant = api, tenant

    async def _person(self, name: str, role: Role, manager: Person | None = None) -> Person:
        above = None if manager is None else UUID(manager.id)
        user_id = await self.tenant.create("User", name=name, role=role, manager_id=above)
        return Person(self.api, self.tenant, user_id, role)

    async def prepare(self) -> Scene:
        self.top = await self._person("Top", Role.MANAGER)
        self.boss = await self._person("Boss", Role.MANAGER, self.top)
        self.li = await self._person("Li", Role.REP, self.boss)
        self.wang = await self._person("Wang", Role.REP, self.boss)
        self.other_boss = await self._person("Other boss", Role.MANAGER)
        self.other_rep = await self._person("Other rep", Role.REP, self.other_boss)
        self.admin = Person(self.api, self.tenant, self.tenant.users[Role.ADMIN], Role.ADMIN)
        self.reader = Person(self.api, self.tenant, self.tenant.users[Role.READ_ONLY], Role.READ_ONLY)
        create = self.tenant.create
        self.first = str(await create("Account", name="Acme", tax_id=TAX_ID, owner_id=UUID(self.li.id)))
        self.second = str(await create("Account", name="Acme Ltd", tax_id=TAX_ID, owner_id=UUID(self.wang.id)))
        return self

    async def open(self) -> Any:
        """A case that Li opens about both accounts."""
        records = [{"entity": "ACCOUNT", "id": one} for one in (self.first, self.second)]
        opened = await self.li.ask(OPEN, records=records)
        assert opened["__typename"] == "ConflictCase", opened
        return opened

    def ruling(self, case_id: str, **more: Any) -> dict[str, Any]:
        """What a judge says: 70 for Li, who gets the records, and 30 for Wang."""
        split = [{"userId": self.li.id, "share": "70.00"}, {"userId": self.wang.id, "share": "30.00"}]
        return {"id": case_id, "owner": self.li.id, "split": split, **more}


@pytest.fixture
async def scene(api: Api, tenant: SomeTenant) -> Scene:
    return await Scene(api, tenant).prepare()


async def test_a_case_is_opened_and_spoken_about(scene: Scene) -> None:
    opened = await scene.open()
    assert (opened["state"], opened["title"], opened["reason"]) == ("OPEN", "Acme / Acme Ltd", "both")
    assert (opened["judge"]["id"], opened["openedBy"]["id"]) == (scene.boss.id, scene.li.id)
    users = [one["user"]["id"] for one in opened["parties"]["nodes"] if one["user"]]
    assert users == [scene.li.id, scene.wang.id]
    assert [one["owner"] for one in opened["evidence"]["records"]] == ["Li", "Wang"]
    assert {one["kind"] for one in opened["evidence"]["keys"]} == {"name", "tax_id"}
    for person in (scene.wang, scene.boss):
        told = await person.ask(STATE, id=opened["id"])
        assert told["statements"]["nodes"][-1] == {"text": "We met in May", "user": {"id": person.id}}
    assert (await scene.other_rep.ask(STATE, id=opened["id"]))["code"] == "NOT_FOUND"
    assert (await scene.reader.ask(STATE, id=opened["id"]))["code"] == "PERMISSION_DENIED"
    again = await scene.wang.ask(OPEN, records=[{"entity": "ACCOUNT", "id": scene.second}], users=[scene.boss.id])
    assert again["code"] == "CASE_EXISTS"
    assert again["message"] == "There is a conflict case about this account already: Acme / Acme Ltd."
    stranger = await scene.other_rep.ask(OPEN, records=[{"entity": "ACCOUNT", "id": scene.second}])
    assert (stranger["code"], stranger["message"]) == (
        "CASE_EXISTS",
        "There is a conflict case about this account already.",
    )


async def test_a_ruling_splits_and_there_is_no_second_one(scene: Scene) -> None:
    case_id = (await scene.open())["id"]
    ruling = scene.ruling(case_id)
    for person, code in ((scene.li, "PERMISSION_DENIED"), (scene.other_boss, "NOT_FOUND")):
        assert (await person.ask(RULE, **ruling))["code"] == code
    short = [{"userId": scene.li.id, "share": "99.99"}]
    assert (await scene.boss.ask(RULE, **{**ruling, "split": short}))["code"] == "INVALID_INPUT"
    twice = [{"userId": scene.li.id, "share": "50"}, {"userId": scene.li.id, "share": "50"}]
    assert (await scene.boss.ask(RULE, **{**ruling, "split": twice}))["code"] == "INVALID_INPUT"
    frozen = await scene.admin.ask(GIVE, ids=[scene.first], owner=scene.wang.id, override="I want it")
    assert frozen["code"] == HeldByConflict.code
    ruled = await scene.boss.ask(RULE, **ruling)
    assert ruled["state"] == "RULED"
    (one,) = ruled["rulings"]["nodes"]
    assert (one["round"], one["owner"]["id"], one["judge"]["id"], one["mergedInto"]) == (
        1,
        scene.li.id,
        scene.boss.id,
        None,
    )
    assert one["split"] == [{"user_id": scene.li.id, "share": "70.00"}, {"user_id": scene.wang.id, "share": "30.00"}]
    team = "query ($id: ID!) { result: account(id: $id) { owner { id } team { role share user { id } } } }"
    for account in (scene.first, scene.second):
        found = await scene.boss.ask(team, id=account)
        assert found["owner"]["id"] == scene.li.id
        shares = {member["user"]["id"]: member["share"] for member in found["team"]}
        assert shares[scene.wang.id] == "30.00"
    assert (await scene.admin.ask(RULE, **ruling))["code"] == "CASE_ENDED"


async def test_a_ruling_merges(scene: Scene) -> None:
    case_id = (await scene.open())["id"]
    outside = str(await scene.tenant.create("Account", name="Outside"))
    assert (await scene.boss.ask(RULE, **scene.ruling(case_id, into=outside)))["code"] == "INVALID_INPUT"
    ruled = await scene.boss.ask(RULE, **scene.ruling(case_id, into=scene.first))
    assert ruled["rulings"]["nodes"][0]["mergedInto"]["id"] == scene.first
    merged = "query ($id: ID!) { result: account(id: $id) { mergedInto { id } archivedAt } }"
    found = await scene.admin.ask(merged, id=scene.second)
    assert found["mergedInto"]["id"] == scene.first
    assert found["archivedAt"] is not None


async def test_an_appeal_goes_to_another_judge(scene: Scene) -> None:
    case_id = (await scene.open())["id"]
    await scene.boss.ask(RULE, **scene.ruling(case_id))
    assert (await scene.boss.ask(APPEAL, id=case_id))["code"] == "PERMISSION_DENIED"
    assert (await scene.other_rep.ask(APPEAL, id=case_id))["code"] == "NOT_FOUND"
    appealed = await scene.wang.ask(APPEAL, id=case_id)
    assert (appealed["state"], appealed["judge"]["id"]) == ("APPEALED", scene.top.id)
    assert appealed["appealReason"] == "I was first"
    assert (await scene.li.ask(APPEAL, id=case_id))["code"] == "CASE_ENDED"
    split = [{"userId": scene.wang.id, "share": "100"}]
    final = scene.ruling(case_id, owner=scene.wang.id, split=split)
    assert (await scene.boss.ask(RULE, **final))["code"] == "PERMISSION_DENIED"
    closed = await scene.top.ask(RULE, **final)
    assert (closed["state"], [one["round"] for one in closed["rulings"]["nodes"]]) == ("CLOSED", [1, 2])
    assert (await scene.li.ask(APPEAL, id=case_id))["code"] == "CASE_ENDED"


async def test_a_case_is_withdrawn(scene: Scene) -> None:
    case_id = (await scene.open())["id"]
    assert (await scene.wang.ask(WITHDRAW, id=case_id))["code"] == "PERMISSION_DENIED"
    withdrawn = await scene.li.ask(WITHDRAW, id=case_id)
    assert (withdrawn["state"], withdrawn["endedReason"]) == ("WITHDRAWN", "agreed")
    assert (await scene.li.ask(WITHDRAW, id=case_id))["code"] == "CASE_ENDED"
    given = await scene.admin.ask(GIVE, ids=[scene.first], owner=scene.wang.id)
    assert given["changedIds"] == [scene.first]


async def test_cases_are_seen_by_whom_they_concern(scene: Scene, api: Api, other_tenant: SomeTenant) -> None:
    case_id = (await scene.open())["id"]
    for person in (scene.li, scene.wang, scene.boss, scene.top, scene.admin, scene.reader):
        assert (await person.ask(ONE, id=case_id))["id"] == case_id, person.role
        assert (await person.ask(LIST))["totalCount"] == 1, person.role
    for person in (scene.other_rep, scene.other_boss):
        assert await person.ask(ONE, id=case_id) is None
        assert await person.ask(LIST) == {"totalCount": 0, "nodes": []}
        by_account = {"parties": {"some": {"account": {"name": {"contains": "Acme"}}}}}
        assert (await person.ask(LIST, filter=by_account))["totalCount"] == 0
    foreign = Person(api, other_tenant, other_tenant.users[Role.ADMIN], Role.ADMIN)
    assert await foreign.ask(ONE, id=case_id) is None
    assert (await foreign.ask(STATE, id=case_id))["code"] == "NOT_FOUND"


async def test_a_party_does_not_see_the_other_partys_record(scene: Scene) -> None:
    opened = await scene.open()
    accounts = [one["account"]["id"] for one in opened["parties"]["nodes"] if one["account"]]
    assert accounts == [scene.first]
    seen = await scene.boss.ask(ONE, id=opened["id"])
    assert [one["account"]["id"] for one in seen["parties"]["nodes"] if one["account"]] == [scene.first, scene.second]


async def test_lists_are_filtered(scene: Scene) -> None:
    first = (await scene.open())["id"]
    third = str(await scene.tenant.create("Account", name="Third", owner_id=UUID(scene.li.id)))
    records = [{"entity": "ACCOUNT", "id": third}]
    second = (await scene.boss.ask(OPEN, records=records, users=[scene.wang.id]))["id"]
    await scene.boss.ask(WITHDRAW, id=first)

    async def ids(chosen: dict[str, Any]) -> list[str]:
        return [one["id"] for one in (await scene.admin.ask(LIST, filter=chosen))["nodes"]]

    assert await ids({}) == [first, second]
    assert await ids({"state": {"eq": "WITHDRAWN"}}) == [first]
    assert await ids({"state": {"in": ["OPEN", "APPEALED"]}}) == [second]
    assert await ids({"title": {"contains": "Third"}}) == [second]
    assert await ids({"judgeId": {"eq": scene.boss.id}}) == [first, second]
    assert await ids({"openedById": {"eq": scene.boss.id}}) == [second]
    assert await ids({"parties": {"some": {"accountId": {"eq": third}}}}) == [second]
    assert await ids({"parties": {"some": {"userId": {"eq": scene.other_rep.id}}}}) == []


async def test_settings_are_for_admins(scene: Scene) -> None:
    for person in (scene.boss, scene.li, scene.reader):
        assert (await person.ask(SETTINGS, rule=3))["code"] == "PERMISSION_DENIED"
    wrong = await scene.admin.ask(SETTINGS, rule=2, remind=2)
    assert [one["field"] for one in wrong["problems"]] == ["remindDays"]
    chosen = await scene.admin.ask(SETTINGS, rule=3, appeal=0)
    days = {"daysToRule": 3, "remindDays": 1, "daysToAppeal": 0}
    assert chosen == {"__typename": "ConflictRules", **days, "openByItself": False}
    case_id = (await scene.open())["id"]
    assert (await scene.boss.ask(RULE, **scene.ruling(case_id)))["state"] == "CLOSED"


async def test_a_case_opens_by_itself_when_the_tenant_wants_it(scene: Scene) -> None:
    assert (await scene.admin.ask(SETTINGS, open=True))["openByItself"] is True
    create = """mutation ($input: CreateAccountInput!) { result: createAccount(input: $input, override: "a branch") {
        __typename ... on Failure { code } ... on Account { id } } }"""
    draft = {"name": "Branch", "taxId": TAX_ID, "ownerId": scene.other_rep.id}
    made = (await scene.admin.ask(create, input=draft))["id"]
    (seen,) = (await scene.other_rep.ask(LIST))["nodes"]
    case = await scene.other_rep.ask(ONE, id=seen["id"])
    assert (case["openedBy"], case["kind"]) == (None, "SAME_TAX_ID")
    assert [one["account"]["id"] for one in case["parties"]["nodes"] if one["account"]] == [made]
    users = {one["user"]["id"] for one in case["parties"]["nodes"] if one["user"]}
    assert users == {scene.li.id, scene.wang.id, scene.other_rep.id}
