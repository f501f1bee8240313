"""Timelines: every kind of entry with what it tells of, in one order, page by page in both directions."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, update_record
from evenhand.db.session import reading
from evenhand.entities import Opportunity, Stage
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.testing import Api

WHOLE = """
query ($id: ID!, $kinds: [TimelineKind!]) { account(id: $id) { timeline(first: 200, kinds: $kinds) {
  totalCount
  nodes { id at kind title actor { role } activity { subject } stageChange { toStage { name } fromStage { name } }
    ownershipEntry { owner { role } pool { name } } order { number } payment { amount currency }
    ticket { subject } task { subject } surveyAnswer { score } attachment { fileName } }
} } }
"""
PAGE = """
query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $kinds: [TimelineKind!]) {
  account(id: $id) { timeline(first: $first, after: $after, last: $last, before: $before, kinds: $kinds) {
    nodes { id at kind } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
}
"""


@pytest.fixture(params=[True, False], ids=["compiled", "ordinary"], autouse=True)
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Everything here holds for both executors."""
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", request.param)
    return bool(request.param)


def _moment(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 5, day, hour, tzinfo=UTC)


async def _timeline(api: Api, tenant: SomeTenant, account: UUID, **variables: Any) -> dict[str, Any]:
    data = await api.data(tenant, WHOLE, id=str(account), **variables)
    found: dict[str, Any] = data["account"]["timeline"]
    return found


async def _next_stage(tenant: SomeTenant, deal: UUID) -> None:
    with acting_as(tenant.actor(Role.REP)):
        async with reading():
            record = await Opportunity.get(id=deal)
            stages = await Stage.filter(pipeline_id=record.pipeline_id).order_by("position")
        following = stages[[stage.id for stage in stages].index(record.stage_id) + 1]
        await update_record("Opportunity", deal, {"stage_id": following.id})


async def _filled(tenant: SomeTenant) -> UUID:
    """An account with an entry of every kind."""
    rep = tenant.users[Role.REP]
    account = await tenant.create("Account", name="华东贸易")
    about = {"account_id": account}
    await tenant.create("Activity", kind="call", subject="Call", author_id=rep, occurred_at=_moment(1), **about)
    order = await tenant.create("Order", number="SO-1", total="10", currency="CNY", placed_on=date(2026, 5, 2), **about)
    await tenant.create("Payment", order_id=order, amount="10", paid_at=_moment(3))
    await tenant.create("Payment", order_id=order, amount="-4", paid_at=_moment(4))
    times = {"opened_at": _moment(5), "resolved_at": _moment(6)}
    ticket = await tenant.create("Ticket", subject="Help", status="resolved", assignee_id=rep, **times, **about)
    answered = {"answered_at": _moment(7), "comment": "谢谢"}
    await tenant.create("SurveyAnswer", kind="csat", score=5, ticket_id=ticket, **answered, **about)
    await tenant.create("Task", subject="Send", done_at=_moment(8), assignee_id=rep, **about)
    deal = await tenant.create("Opportunity", name="Deal", owner_id=rep, **about)
    await _next_stage(tenant, deal)
    with acting_as(tenant.actor(Role.MANAGER)):
        await set_owner("account", [account], owner_id=rep, note="Key customer")
    await tenant.create("Attachment", file_name="offer.pdf", size_bytes=1, sha256="0" * 64, **about)
    return account


async def test_every_kind_of_entry_tells_of_its_record(api: Api) -> None:
    tenant = await make_tenant(time_zone="Asia/Shanghai")
    found = await _timeline(api, tenant, await _filled(tenant))
    assert found["totalCount"] == len(found["nodes"]) == 14
    told = [
        (node.pop("kind"), node.pop("title"), (node.pop("actor") or {}).get("role"))
        for node in reversed(found["nodes"])
    ]
    dated = [node.pop("at") for node in reversed(found["nodes"])]
    assert len({node.pop("id") for node in found["nodes"]}) == 14
    assert told == [
        ("ACTIVITY", "Call", "REP"),
        ("ORDER", "SO-1", None),
        ("PAYMENT", "SO-1", None),
        ("REFUND", "SO-1", None),
        ("TICKET_OPENED", "Help", None),
        ("TICKET_RESOLVED", "Help", "REP"),
        ("SURVEY_ANSWERED", "谢谢", None),
        ("TASK_DONE", "Send", "REP"),
        ("OWNER_CHANGED", None, None),
        ("TASK_CREATED", "Send", None),
        ("STAGE_CHANGED", "Deal", None),
        ("STAGE_CHANGED", "Deal", "REP"),
        ("OWNER_CHANGED", "Key customer", "MANAGER"),
        ("FILE_ATTACHED", "offer.pdf", None),
    ]
    # An order counts from the first moment of its day, where the tenant is.
    expected = [_moment(1), datetime(2026, 5, 1, 16, tzinfo=UTC), *(_moment(day) for day in range(3, 9))]
    assert dated[:8] == [moment.isoformat() for moment in expected]
    assert dated == sorted(dated)
    references = [{key: value for key, value in node.items() if value is not None} for node in reversed(found["nodes"])]
    payments = [{"amount": "10.0000", "currency": "CNY"}, {"amount": "-4.0000", "currency": "CNY"}]
    assert references[:8] == [
        {"activity": {"subject": "Call"}},
        {"order": {"number": "SO-1"}},
        {"order": {"number": "SO-1"}, "payment": payments[0]},
        {"order": {"number": "SO-1"}, "payment": payments[1]},
        {"ticket": {"subject": "Help"}},
        {"ticket": {"subject": "Help"}},
        {"ticket": {"subject": "Help"}, "surveyAnswer": {"score": 5}},
        {"task": {"subject": "Send"}},
    ]
    assert references[10]["stageChange"] == {"fromStage": None, "toStage": {"name": "Prospecting"}}
    assert references[11]["stageChange"] == {"fromStage": {"name": "Prospecting"}, "toStage": {"name": "Engaging"}}
    assert references[12] == {"ownershipEntry": {"owner": {"role": "REP"}, "pool": None}}
    assert references[13] == {"attachment": {"fileName": "offer.pdf"}}


async def test_only_the_kinds_asked_for(api: Api, tenant: SomeTenant) -> None:
    account = await _filled(tenant)
    found = await _timeline(api, tenant, account, kinds=["REFUND", "TASK_DONE", "ACTIVITY"])
    assert [node["kind"] for node in found["nodes"]] == ["TASK_DONE", "REFUND", "ACTIVITY"]
    assert found["totalCount"] == 3
    assert (await _timeline(api, tenant, account, kinds=[]))["totalCount"] == 0
    assert (await _timeline(api, tenant, account, kinds=None))["totalCount"] == 14


async def test_archived_records_leave_no_entries(api: Api, tenant: SomeTenant) -> None:
    account = await _filled(tenant)
    query = """query ($id: ID!) { account(id: $id) { activities { nodes { id } } orders { nodes { id } }
        opportunities { nodes { id } } tickets { nodes { id } } tasks { nodes { id } } } }"""
    records = (await api.data(tenant, query, id=str(account)))["account"]
    for entity, key in (
        ("Activity", "activities"),
        ("Order", "orders"),
        ("Opportunity", "opportunities"),
        ("Ticket", "tickets"),
        ("Task", "tasks"),
    ):
        with acting_as(tenant.system):
            await archive_record(entity, UUID(records[key]["nodes"][0]["id"]))
    found = await _timeline(api, tenant, account)
    kinds = [node["kind"] for node in found["nodes"]]
    assert sorted(kinds) == ["FILE_ATTACHED", "OWNER_CHANGED", "OWNER_CHANGED", "SURVEY_ANSWERED"]
    assert found["totalCount"] == 4


async def test_tenants_and_accounts_are_kept_apart(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    account = await _filled(tenant)
    await _filled(other_tenant)
    neighbour = await tenant.create("Account", name="乙")
    assert await api.data(other_tenant, WHOLE, id=str(account)) == {"account": None}
    assert [node["kind"] for node in (await _timeline(api, tenant, neighbour))["nodes"]] == ["OWNER_CHANGED"]
    assert (await _timeline(api, tenant, account))["totalCount"] == 14


async def _crowded(tenant: SomeTenant, chance: random.Random) -> UUID:
    """An account with many entries at few moments, also two entries of one record at one moment."""
    account = await tenant.create("Account", name="甲")
    for n in range(8):
        at, later = _moment(chance.randrange(1, 3)), _moment(chance.randrange(1, 3))
        await tenant.create("Activity", kind="note", subject=f"{n}", account_id=account, occurred_at=at)
        times = {"opened_at": at, "resolved_at": max(at, later)}
        await tenant.create("Ticket", subject=f"{n}", status="closed", account_id=account, **times)
    return account


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kinds", [None, ["TICKET_OPENED", "TICKET_RESOLVED"]])
async def test_pages_show_each_entry_once_in_both_directions(
    api: Api, tenant: SomeTenant, seed: int, kinds: list[str] | None
) -> None:
    chance = random.Random(seed)
    account = await _crowded(tenant, chance)
    whole = (await _timeline(api, tenant, account, kinds=kinds))["nodes"]
    assert len(whole) == (25 if kinds is None else 16)
    assert len({node["id"] for node in whole}) == len(whole)
    assert [node["at"] for node in whole] == sorted((node["at"] for node in whole), reverse=True)
    expected = [(node["id"], node["kind"]) for node in whole]
    for backwards in (False, True):
        size = chance.randrange(1, 7)
        cursor: str | None = None
        found: list[tuple[str, str]] = []
        while True:
            window: dict[str, Any] = {"last": size, "before": cursor} if backwards else {"first": size, "after": cursor}
            page = (await api.data(tenant, PAGE, id=str(account), kinds=kinds, **window))["account"]["timeline"]
            nodes = [(node["id"], node["kind"]) for node in page["nodes"]]
            found = [*nodes, *found] if backwards else [*found, *nodes]
            cursor = page["pageInfo"]["startCursor" if backwards else "endCursor"]
            if not page["pageInfo"]["hasPreviousPage" if backwards else "hasNextPage"]:
                break
        assert found == expected


async def test_timelines_of_a_contact_a_lead_and_a_deal(api: Api, tenant: SomeTenant) -> None:
    contact = await tenant.create("Contact", name="李雷")
    lead = await tenant.create("Lead", name="韩梅梅")
    deal = await tenant.create("Opportunity", name="D", contact_id=contact)
    order = await tenant.create(
        "Order", number="1", total="1", opportunity_id=deal, account_id=await tenant.create("Account", name="甲")
    )
    await tenant.create("Payment", order_id=order, amount="1", paid_at=datetime.now(UTC) - timedelta(days=1))
    for key, record in (("contact_id", contact), ("lead_id", lead), ("opportunity_id", deal)):
        await tenant.create("Activity", kind="email", subject=key, **{key: record})
    query = """query ($contact: ID!, $lead: ID!, $deal: ID!) {
      contact(id: $contact) { timeline { nodes { kind title } } }
      lead(id: $lead) { timeline { nodes { kind title } } }
      opportunity(id: $deal) { timeline { totalCount nodes { kind title } } } }"""
    found = await api.data(tenant, query, contact=str(contact), lead=str(lead), deal=str(deal))
    told = {
        key: sorted((node["kind"], node["title"]) for node in value["timeline"]["nodes"])
        for key, value in found.items()
    }
    assert told["contact"] == [("ACTIVITY", "contact_id"), ("STAGE_CHANGED", "D")]
    assert told["lead"] == [("ACTIVITY", "lead_id"), ("OWNER_CHANGED", None)]
    kinds = [kind for kind, _ in told["opportunity"]]
    assert kinds == ["ACTIVITY", "ORDER", "OWNER_CHANGED", "PAYMENT", "STAGE_CHANGED"]
    assert found["opportunity"]["timeline"]["totalCount"] == 5


async def test_one_statement_reads_the_timelines_of_all_accounts(api: Api, tenant: SomeTenant, compiled: bool) -> None:
    query = "{ accounts { nodes { timeline(first: 5) { nodes { kind title } } } } }"
    await api.key(tenant)
    counts: list[int] = []
    for _ in range(2):
        await _filled(tenant) if not counts else await _crowded(tenant, random.Random(1))
        with watch_statements() as seen:
            await api.data(tenant, query)
        reads = [sql for sql in seen if "hidden_since" in sql]
        assert all("tenant_id = $1" in sql for sql in reads)
        counts.append(len(reads))
        assert not compiled or "accounts" in reads[0]
    assert counts == [1, 1]
