"""Reading: the 360 view, pages, filters, tenants, and the number of statements."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.journal import writing
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, create_records, update_record
from evenhand.db.session import reading, transaction
from evenhand.entities import ExternalId, Stage, Tagging
from evenhand.entities.registry import entity
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.testing import Api

ACCOUNT_360 = """
query ($id: ID!) {
  account(id: $id) {
    id name alsoNames annualRevenue annualRevenueCurrency createdAt version
    owner { name team { name } } pool { name } parent { name } children { nodes { name } }
    ownershipHistory { nodes { owner { name } pool { name } startedAt endedAt reason note actor { name } } }
    tags { nodes { tag { name } plugin why actor { name } } }
    contacts { nodes { name channels { nodes { kind value isPrimary } } } }
    activities { nodes { kind subject occurredAt author { name } contact { name } } }
    opportunities(open: true) {
      nodes {
        name amount currency stage { name probability kind }
        stageHistory { nodes { fromStage { name } toStage { name } changedAt actor { name } } }
        lines { nodes { quantity unitPrice product { name code } } }
        competitors { nodes { threat competitor { name } } }
      }
    }
    orders { nodes { number total lines { nodes { position amount product { name } } }
      payments { nodes { amount currency paidAt } } } }
    tickets { nodes { subject status assignee { name } surveyAnswers { nodes { kind score } } } }
    tasks { nodes { subject dueAt assignee { name } } }
    attachments { nodes { fileName sizeBytes } }
    externalIds { nodes { source externalId } }
  }
}
"""


async def _fill(tenant: SomeTenant, account: UUID, copies: int, mark: str) -> None:
    """Give an account `copies` of everything that the 360 view shows."""
    owner, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    team = await tenant.create("Team", name=f"华东{mark}")
    with acting_as(tenant.system):
        await update_record("User", owner, {"team_id": team})
    for n in range(copies):
        with acting_as(tenant.actor(Role.MANAGER)):
            await set_owner("account", [account], owner_id=owner if n % 2 == 0 else manager, note=f"第{n}次")
        await tenant.create("Account", name=f"子公司 {n}", parent_id=account)
        channels = [{"kind": "wechat", "value": f"wx-{mark}-{n}"}, {"kind": "email", "value": f"{n}@{mark}.cn"}]
        contact = await tenant.create("Contact", name=f"王 {n}", account_id=account, channels=channels)
        about = {"account_id": account, "contact_id": contact}
        await tenant.create("Activity", kind="call", subject=f"Call {n}", author_id=owner, **about)
        product = await tenant.create("Product", code=f"P-{mark}-{n}", name=f"产品 {n}")
        rival = await tenant.create("Competitor", name=f"Rival {mark} {n}")
        lines = [{"product_id": product, "quantity": "2", "unit_price": "10.50"}]
        await tenant.create(
            "Opportunity",
            name=f"Deal {n}",
            amount="1000.50",
            lines=lines,
            competitors=[{"competitor_id": rival}],
            **about,
        )
        order_lines = [{"product_id": product, "quantity": "3", "unit_price": "9.99"}]
        order = await tenant.create("Order", number=f"SO-{mark}-{n}", lines=order_lines, **about)
        await tenant.create("Payment", order_id=order, amount="5")
        ticket = await tenant.create("Ticket", subject=f"Help {n}", assignee_id=manager, **about)
        await tenant.create("SurveyAnswer", kind="csat", score=5, ticket_id=ticket, account_id=account)
        await tenant.create("Task", subject=f"Task {n}", assignee_id=owner, **about)
        await tenant.create("Attachment", file_name=f"{n}.pdf", size_bytes=10, sha256="0" * 64, account_id=account)
        tag = await tenant.create("Tag", name=f"重点 {mark} {n}")
        with acting_as(tenant.system):
            async with transaction():
                await Tagging.create(tag_id=tag, account_id=account, actor_id=manager, why="大客户")
                await ExternalId.create(
                    entity="Account", record_id=account, source=f"source-{n}", external_id=f"{mark}-{n}"
                )


def _nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = connection["nodes"]
    return nodes


async def test_the_360_view_shows_everything(api: Api, tenant: SomeTenant) -> None:
    parent = await tenant.create("Account", name="集团")
    account = await tenant.create(
        "Account", name="上海某某有限公司", also_names=["Shanghai Moumou"], annual_revenue="1e6", parent_id=parent
    )
    await _fill(tenant, account, 2, "a")
    found = (await api.data(tenant, ACCOUNT_360, Role.READ_ONLY, id=str(account)))["account"]
    rep, manager = f"rep of {tenant.slug[-6:]}", f"manager of {tenant.slug[-6:]}"
    assert found["name"] == "上海某某有限公司"
    assert found["alsoNames"] == ["Shanghai Moumou"]
    assert found["annualRevenue"] == "1000000.0000"
    assert (found["owner"], found["pool"]) == ({"name": manager, "team": None}, None)
    assert found["parent"] == {"name": "集团"}
    assert [child["name"] for child in _nodes(found["children"])] == ["子公司 0", "子公司 1"]
    first, second, third = _nodes(found["ownershipHistory"])
    assert (first["reason"], first["owner"], first["endedAt"]) == ("CREATED", None, second["startedAt"])
    assert (second["owner"], second["note"]) == ({"name": rep}, "第0次")
    assert second["endedAt"] == third["startedAt"]
    assert (third["owner"], third["endedAt"], third["actor"]) == ({"name": manager}, None, {"name": manager})
    assert _nodes(found["tags"])[0] == {
        "tag": {"name": "重点 a 0"},
        "plugin": None,
        "why": "大客户",
        "actor": {"name": manager},
    }
    assert {channel["kind"] for channel in _nodes(_nodes(found["contacts"])[0]["channels"])} == {"WECHAT", "EMAIL"}
    assert _nodes(found["activities"])[0]["author"] == {"name": rep}
    deal = _nodes(found["opportunities"])[0]
    assert deal["name"] == "Deal 1"
    assert deal["stage"]["kind"] == "OPEN"
    assert _nodes(deal["stageHistory"])[0]["fromStage"] is None
    assert _nodes(deal["lines"])[0] == {
        "quantity": "2.000",
        "unitPrice": "10.5000",
        "product": {"name": "产品 1", "code": "P-a-1"},
    }
    assert _nodes(deal["competitors"])[0]["competitor"] == {"name": "Rival a 1"}
    order = _nodes(found["orders"])[0]
    assert order["total"] == "29.9700"
    assert _nodes(order["payments"])[0]["amount"] == "5.0000"
    assert _nodes(_nodes(found["tickets"])[0]["surveyAnswers"])[0] == {"kind": "CSAT", "score": 5}
    assert [task["subject"] for task in _nodes(found["tasks"])] == ["Task 0", "Task 1"]
    assert _nodes(found["externalIds"])[1] == {"source": "source-1", "externalId": "a-1"}


@pytest.mark.parametrize(("compiled", "expected"), [(True, 1), (False, 35)])
async def test_the_number_of_statements_follows_from_the_query_alone(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch, compiled: bool, expected: int
) -> None:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", compiled)
    small = await tenant.create("Account", name="Small")
    large = await tenant.create("Account", name="Large")
    await _fill(tenant, small, 3, "s")
    await _fill(tenant, large, 9, "l")
    counts = {}
    for account in (small, large):
        await api.data(tenant, ACCOUNT_360, id=str(account))
        with watch_statements() as seen:
            await api.data(tenant, ACCOUNT_360, id=str(account))
        reads = [sql for sql in seen if compiled or ("evenhand_tenant_id" not in sql and "api_keys" not in sql)]
        assert all("tenant_id = $1" in statement for statement in reads), reads
        counts[account] = len(reads)
    assert counts[small] == counts[large]
    # One by one: the account itself, and each relation that the query names and the account has.
    assert counts[large] == expected


LIST_QUERY = """
query ($filter: OpportunityFilter, $orderBy: [OpportunityOrderBy!], $first: Int!, $after: String) {
  opportunities(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    nodes { id name amount closedOn }
    edges { cursor node { id } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def _all_pages(api: Api, tenant: SomeTenant, size: int, **variables: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await api.data(tenant, LIST_QUERY, first=size, after=after, **variables))["opportunities"]
        found += page["nodes"]
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        assert len(page["nodes"]) == size
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("seed", range(4))
async def test_pages_show_each_record_once_and_in_order(api: Api, tenant: SomeTenant, seed: int) -> None:
    chance = random.Random(seed)
    with acting_as(tenant.system):
        async with reading():
            won = await Stage.get(kind="won")
    for n in range(23):
        values: dict[str, Any] = {
            "name": f"机会 {chance.randrange(4)}",
            "amount": chance.choice([None, "1", "2", "2.5"]),
            "closed_on": chance.choice([None, date(2026, 1, 1) + timedelta(days=chance.randrange(3))]),
        }
        stage = None if values["closed_on"] is None else won.id
        await tenant.create("Opportunity", **values, stage_id=stage, next_step=str(n))
    fields = chance.sample(["NAME", "AMOUNT", "CLOSED_ON"], k=chance.randrange(1, 4))
    order = [{"field": field, "direction": chance.choice(["ASC", "DESC"])} for field in fields]
    whole = (await api.data(tenant, LIST_QUERY, first=200, orderBy=order))["opportunities"]["nodes"]
    assert len(whole) == 23
    for step in reversed(order):
        key = {"NAME": "name", "AMOUNT": "amount", "CLOSED_ON": "closedOn"}[step["field"]]
        descending = step["direction"] == "DESC"
        ranked = sorted((node for node in whole if node[key] is not None), key=lambda n: n[key], reverse=descending)
        assert step is not order[0] or [node[key] for node in whole] == [
            *(node[key] for node in ranked),
            *(None for node in whole if node[key] is None),
        ]
    assert await _all_pages(api, tenant, chance.randrange(1, 7), orderBy=order) == whole


async def test_pages_are_stable_while_records_come_in(api: Api, tenant: SomeTenant) -> None:
    names = ["b", "d", "f", "h"]
    for name in names:
        await tenant.create("Opportunity", name=name)
    order = [{"field": "NAME"}]
    first = (await api.data(tenant, LIST_QUERY, first=2, orderBy=order))["opportunities"]
    await tenant.create("Opportunity", name="a")
    await tenant.create("Opportunity", name="e")
    after = first["pageInfo"]["endCursor"]
    second = (await api.data(tenant, LIST_QUERY, first=9, orderBy=order, after=after))["opportunities"]
    assert [node["name"] for node in first["nodes"] + second["nodes"]] == ["b", "d", "e", "f", "h"]


async def test_nested_pages_go_on_where_they_ended(api: Api, tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="A")
    for n in range(5):
        await tenant.create("Contact", name=f"{n}", account_id=account)
    query = """query ($id: ID!, $after: String) { account(id: $id) {
        contacts(first: 2, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } } } }"""
    names: list[str] = []
    after = None
    for more in (True, True, False):
        page = (await api.data(tenant, query, id=str(account), after=after))["account"]["contacts"]
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is more
    assert names == ["0", "1", "2", "3", "4"]


async def test_an_empty_page_has_no_cursor(api: Api, tenant: SomeTenant) -> None:
    page = (await api.data(tenant, LIST_QUERY, first=2))["opportunities"]
    assert page == {"nodes": [], "edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"first": 0}, "INVALID_PAGE_SIZE"),
        ({"first": 201}, "INVALID_PAGE_SIZE"),
        ({"first": -1}, "INVALID_PAGE_SIZE"),
        ({"first": 5, "after": "bm9uc2Vuc2U"}, "INVALID_CURSOR"),
        ({"first": 5, "after": "汉字"}, "INVALID_CURSOR"),
        ({"first": 5, "filter": {"ownerId": {"eq": "nobody"}}}, "INVALID_ID"),
        ({"first": 5, "filter": {"name": {"contains": "\x00"}}}, "INVALID_FILTER"),
    ],
)
async def test_bad_arguments_are_refused_in_words(
    api: Api, tenant: SomeTenant, variables: dict[str, Any], code: str
) -> None:
    (error,) = await api.errors(tenant, LIST_QUERY, **variables)
    assert error["extensions"]["code"] == code
    assert error["extensions"]["hint"]
    assert error["path"] == ["opportunities"]


async def test_a_cursor_of_another_ordering_is_refused(api: Api, tenant: SomeTenant) -> None:
    await tenant.create("Opportunity", name="a")
    page = (await api.data(tenant, LIST_QUERY, first=1, orderBy=[{"field": "NAME"}]))["opportunities"]
    (error,) = await api.errors(
        tenant, LIST_QUERY, first=1, orderBy=[{"field": "AMOUNT"}], after=page["edges"][0]["cursor"]
    )
    assert error["extensions"]["code"] == "INVALID_CURSOR"


ACCOUNTS = "query ($filter: AccountFilter) { accounts(filter: $filter, orderBy: [{field: NAME}]) { nodes { name } } }"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": {"eq": "Acme"}}, ["Acme"]),
        ({"name": {"in": ["Acme", "华东贸易"]}}, ["Acme", "华东贸易"]),
        ({"name": {"in": []}}, []),
        ({"name": {"contains": "东贸"}}, ["华东贸易"]),
        ({"name": {"contains": "ACM"}}, ["Acme"]),
        ({"name": {"startsWith": "100%"}}, ["100%_real"]),
        ({"name": {"contains": "_"}}, ["100%_real"]),
        ({"employees": {"gt": 10}}, ["Acme"]),
        ({"employees": {"gte": 10, "lt": 50}}, ["100%_real"]),
        ({"employees": {"lte": 10}}, ["100%_real"]),
        ({"employees": {"isNull": True}}, ["华东贸易"]),
        ({"annualRevenue": {"eq": "12.50"}}, ["Acme"]),
        ({"tier": {"eq": "A"}}, ["Acme"]),
        ({"tier": {"in": ["B", "C"]}}, ["华东贸易"]),
        ({"tier": {"isNull": True}}, ["100%_real"]),
        ({"ownerId": {"isNull": False}}, ["Acme"]),
        ({"ownerId": {"eq": "$REP"}}, ["Acme"]),
        ({"poolId": {"isNull": False}}, ["100%_real", "华东贸易"]),
        ({"createdAt": {"gt": "2000-01-01T00:00:00+08:00"}}, ["100%_real", "Acme", "华东贸易"]),
        ({"createdAt": {"lt": "2000-01-01T00:00:00Z"}}, []),
        ({"not": {"employees": {"gt": 10}}}, ["100%_real", "华东贸易"]),
        ({"or": [{"tier": {"eq": "A"}}, {"employees": {"isNull": True}}]}, ["Acme", "华东贸易"]),
        ({"or": []}, []),
        ({"and": []}, ["100%_real", "Acme", "华东贸易"]),
        ({"and": [{"name": {"contains": "c"}}, {"not": {"tier": {"eq": "A"}}}]}, []),
        ({}, ["100%_real", "Acme", "华东贸易"]),
    ],
)
async def test_filters(api: Api, tenant: SomeTenant, given: dict[str, Any], expected: list[str]) -> None:
    rep = tenant.users[Role.REP]
    await tenant.create("Account", name="Acme", employees=100, annual_revenue="12.5", tier="a", owner_id=rep)
    await tenant.create("Account", name="华东贸易", tier="b")
    await tenant.create("Account", name="100%_real", employees=10)
    if given.get("ownerId") == {"eq": "$REP"}:
        given = {"ownerId": {"eq": str(rep)}}
    found = (await api.data(tenant, ACCOUNTS, filter=given))["accounts"]["nodes"]
    assert sorted(node["name"] for node in found) == sorted(expected)


@pytest.mark.parametrize(
    "given",
    [{"name": {"in": [None]}}, {"nobody": {}}, {"name": {"eq": 5}}, {"tier": {"eq": "Z"}}, {"addresses": {}}, "x", 7],
)
async def test_a_filter_that_the_schema_does_not_know_is_refused(api: Api, tenant: SomeTenant, given: Any) -> None:
    response = await api.post(tenant, ACCOUNTS, filter=given)
    assert response.status_code == 400
    assert "data" not in response.json()


async def test_archived_records_show_only_when_asked_for(api: Api, tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="A")
    kept = await tenant.create("Contact", name="Kept", account_id=account)
    gone = await tenant.create("Contact", name="Gone", account_id=account)
    with acting_as(tenant.system):
        await archive_record("Contact", gone)
    query = """query ($id: ID!, $gone: ID!) { contacts { nodes { id } }
        all: contacts(archived: true) { nodes { id } }
        account(id: $id) { contacts { nodes { id } } } contact(id: $gone) { archivedAt } }"""
    data = await api.data(tenant, query, id=str(account), gone=str(gone))
    assert [node["id"] for node in data["contacts"]["nodes"]] == [str(kept)]
    assert {node["id"] for node in data["all"]["nodes"]} == {str(kept), str(gone)}
    assert [node["id"] for node in data["account"]["contacts"]["nodes"]] == [str(kept)]
    assert datetime.fromisoformat(data["contact"]["archivedAt"]) <= datetime.now(UTC)


async def test_two_tenants_see_nothing_of_each_other(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Secret")
    await _fill(tenant, account, 1, "t")
    data = await api.data(other_tenant, ACCOUNT_360, id=str(account))
    assert data == {"account": None}
    lists = await api.data(
        other_tenant,
        """{ accounts(archived: true) { nodes { id } } contacts { nodes { id } } opportunities { nodes { id } }
        orders { nodes { id } } tickets { nodes { id } } activities { nodes { id } } tasks { nodes { id } }
        tags { nodes { id } } payments { nodes { id } } users { nodes { id } } }""",
    )
    users = {node["id"] for node in lists.pop("users")["nodes"]}
    assert users == {str(user) for user in other_tenant.users.values()}
    assert all(connection == {"nodes": []} for connection in lists.values())


async def test_a_key_without_reading_reads_nothing(api: Api, tenant: SomeTenant) -> None:
    await tenant.create("Account", name="A")
    body = (await api.post(tenant, "{ accounts { nodes { name } } }", Role.ADMIN, Scope.WRITE)).json()
    assert body["data"] is None
    assert body["errors"][0]["extensions"]["code"] == "PERMISSION_DENIED"


async def test_who_asks(api: Api, tenant: SomeTenant) -> None:
    data = await api.data(tenant, "{ me { role reports { nodes { id } } manager { id } } }", Role.READ_ONLY)
    assert data["me"] == {"role": "READ_ONLY", "reports": {"nodes": []}, "manager": None}


async def test_a_query_that_may_read_too_much_is_refused(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", False)
    campaigns = [await tenant.create("Campaign", name=f"C{n}") for n in range(2)]
    with acting_as(tenant.system):
        async with writing("test") as journal:
            drafts = [{"name": f"L{n}", "campaign_id": campaigns[n % 2]} for n in range(300)]
            await create_records(entity("Lead"), drafts, journal=journal)
    query = """query ($first: Int!) { campaigns(first: 2) { nodes { leads(first: 200) { nodes {
        activities(first: $first) { nodes { id } } } } } } }"""
    await api.data(tenant, query, first=150)
    errors = await api.errors(tenant, query, first=200)
    assert {error["extensions"]["code"] for error in errors} == {"QUERY_TOO_LARGE"}


async def test_no_answer_grows_without_limit(api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", False)
    account = await tenant.create("Account", name="甲")
    for n in range(10):
        await tenant.create("Contact", name=f"C{n}", account_id=account)
    query = (
        "{ contacts { nodes { account { contacts { nodes { account { contacts(first: 20) { nodes { id } } } } } } } } }"
    )
    data = await api.data(tenant, query)
    assert len(data["contacts"]["nodes"][0]["account"]["contacts"]["nodes"][0]["account"]["contacts"]["nodes"]) == 10
    monkeypatch.setattr("evenhand_schema.reads.budget.LARGEST_ANSWER", 1_000)
    body = (await api.post(tenant, query)).json()
    assert {error["extensions"]["code"] for error in body["errors"]} == {"QUERY_TOO_LARGE"}
    assert len(body["errors"]) <= 100
    assert len((await api.data(tenant, "{ contacts { nodes { id } } }"))["contacts"]["nodes"]) == 10


async def test_lists_of_many_names_share_one_limit(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.create("Account", name="甲")
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", False)
    monkeypatch.setattr("evenhand_schema.reads.budget.LARGEST_ANSWER", 50)
    many = " ".join(f"a{n}: accounts {{ nodes {{ id }} }}" for n in range(30))
    (error, *_) = await api.errors(tenant, f"{{ {many} }}")
    assert error["extensions"]["code"] == "QUERY_TOO_LARGE"


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ({"name": None}, "name:"),
        ({"ownerId": {"eq": None}}, "ownerId.eq:"),
        ({"name": {"in": None}}, "name.in:"),
        ({"createdAt": {"isNull": None}}, "createdAt.isNull:"),
        ({"or": None}, "or:"),
        ({"and": [{"not": None}]}, "not:"),
    ],
)
async def test_null_in_a_filter_is_refused_in_words(
    api: Api, tenant: SomeTenant, where: dict[str, Any], place: str
) -> None:
    query = "query ($f: AccountFilter) { accounts(filter: $f) { nodes { id } } }"
    (error,) = await api.errors(tenant, query, f=where)
    assert error["extensions"]["code"] == "INVALID_FILTER"
    assert error["message"].startswith(place)
    assert "isNull: true" in error["extensions"]["hint"]


async def test_a_filter_of_too_many_comparisons_is_refused(api: Api, tenant: SomeTenant) -> None:
    await tenant.create("Account", name="甲")
    query = "query ($f: AccountFilter) { accounts(filter: $f) { nodes { name } } }"
    (error,) = await api.errors(tenant, query, f={"or": [{"name": {"eq": "x"}}] * 33_000})
    assert error["extensions"]["code"] == "INVALID_FILTER"
    data = await api.data(tenant, query, f={"or": [{"name": {"eq": "甲"}}] * 900})
    assert data["accounts"]["nodes"] == [{"name": "甲"}]
    data = await api.data(tenant, query, f={"name": {"in": ["甲"] * 33_000}})
    assert data["accounts"]["nodes"] == [{"name": "甲"}]
