"""Summaries: exact figures, what does not count, and days as the tenant's calendar has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from evenhand.actions.records import archive_record
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.testing import Api

ACCOUNT = """
query ($id: ID!) { account(id: $id) { summary {
  lifetimeRevenue { currency amount } openPipeline { currency amount } weightedPipeline { currency amount }
  lastTouchAt daysSilent openTickets openOpportunities wonOpportunities
  nextStep { id subject dueAt assignee { name } task { priority } opportunity { name } }
} } }
"""
EMPTY: dict[str, Any] = {
    "lifetimeRevenue": [],
    "openPipeline": [],
    "weightedPipeline": [],
    "lastTouchAt": None,
    "daysSilent": None,
    "openTickets": 0,
    "openOpportunities": 0,
    "wonOpportunities": 0,
    "nextStep": None,
}


@pytest.fixture(params=[True, False], ids=["compiled", "ordinary"], autouse=True)
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Everything here holds for both executors."""
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", request.param)
    return bool(request.param)


async def _stages(tenant: SomeTenant) -> dict[str, UUID]:
    """Two open stages by their probability, and the won one."""
    pipeline = await tenant.create("Pipeline", name="Large deals")
    values = {"pipeline_id": pipeline}
    early = await tenant.create("Stage", name="Early", probability=10, position=1, **values)
    late = await tenant.create("Stage", name="Late", probability=75, position=2, **values)
    won = await tenant.create("Stage", name="Won", probability=100, position=3, kind="won", **values)
    return {"early": early, "late": late, "won": won}


async def _archive(tenant: SomeTenant, entity: str, record: UUID) -> None:
    with acting_as(tenant.system):
        await archive_record(entity, record)


async def _busy_account(tenant: SomeTenant) -> UUID:
    """An account with some of everything, and of everything something archived."""
    account = await tenant.create("Account", name="华东贸易")
    stages = await _stages(tenant)
    for amount, currency, stage in (
        ("1000.50", "CNY", "early"),
        ("200", "CNY", "late"),
        ("99.99", "USD", "early"),
        (None, "USD", "late"),
        ("5000", "EUR", "won"),
    ):
        await tenant.create(
            "Opportunity",
            name=f"{stage} {currency}",
            amount=amount,
            currency=currency,
            account_id=account,
            stage_id=stages[stage],
        )
    gone = await tenant.create(
        "Opportunity", name="Gone", amount="7", currency="CNY", account_id=account, stage_id=stages["early"]
    )
    await _archive(tenant, "Opportunity", gone)
    for number, currency, payments in (("1", "CNY", ("100", "50.25", "-30.05")), ("2", "USD", ("10", "-10"))):
        order = await tenant.create("Order", number=number, account_id=account, total="500", currency=currency)
        for amount in payments:
            await tenant.create("Payment", order_id=order, amount=amount)
        await _archive(tenant, "Payment", await tenant.create("Payment", order_id=order, amount="1"))
    hidden = await tenant.create("Order", number="3", account_id=account, total="5", currency="CNY")
    await tenant.create("Payment", order_id=hidden, amount="1000")
    await _archive(tenant, "Order", hidden)
    for status in ("new", "open", "pending", "resolved", "closed"):
        await tenant.create("Ticket", subject=status, status=status, account_id=account)
    await _archive(tenant, "Ticket", await tenant.create("Ticket", subject="Gone", account_id=account))
    return account


async def _summary(api: Api, tenant: SomeTenant, account: UUID) -> Any:
    return (await api.data(tenant, ACCOUNT, id=str(account)))["account"]["summary"]


async def test_an_account_of_which_nothing_is_known(api: Api, tenant: SomeTenant) -> None:
    assert await _summary(api, tenant, await tenant.create("Account", name="甲")) == EMPTY


async def test_the_figures_of_an_account(api: Api, tenant: SomeTenant) -> None:
    account = await _busy_account(tenant)
    assert await _summary(api, tenant, await tenant.create("Account", name="Other")) == EMPTY
    found = await _summary(api, tenant, account)
    assert found["lifetimeRevenue"] == [
        {"currency": "CNY", "amount": "120.2000"},
        {"currency": "USD", "amount": "0.0000"},
    ]
    assert found["openPipeline"] == [
        {"currency": "CNY", "amount": "1200.5000"},
        {"currency": "USD", "amount": "99.9900"},
    ]
    assert found["weightedPipeline"] == [
        {"currency": "CNY", "amount": "250.0500"},
        {"currency": "USD", "amount": "9.9990"},
    ]
    assert (found["openTickets"], found["openOpportunities"], found["wonOpportunities"]) == (3, 4, 1)


async def test_another_tenant_sees_no_summary(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    account = await _busy_account(tenant)
    await _busy_account(other_tenant)
    before = await _summary(api, tenant, account)
    assert await api.data(other_tenant, ACCOUNT, id=str(account)) == {"account": None}
    await other_tenant.create("Ticket", subject="Theirs")
    assert await _summary(api, tenant, account) == before


async def test_the_next_step_is_the_most_urgent_open_one(api: Api, tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="甲")
    rep = tenant.users[Role.REP]
    await tenant.create("Task", subject="Some day", account_id=account)
    found = (await _summary(api, tenant, account))["nextStep"]
    assert (found["subject"], found["dueAt"], found["assignee"]) == ("Some day", None, None)
    for subject, due, options in (
        ("Later", datetime(2030, 5, 2, tzinfo=UTC), {}),
        ("Call", datetime(2030, 5, 1, 9, tzinfo=UTC), {"assignee_id": rep, "priority": "high"}),
        ("Done", datetime(2029, 1, 1, tzinfo=UTC), {"done_at": datetime(2029, 1, 1, tzinfo=UTC)}),
    ):
        await tenant.create("Task", subject=subject, due_at=due, account_id=account, **options)
    gone = await tenant.create("Task", subject="Gone", due_at=datetime(2028, 1, 1, tzinfo=UTC), account_id=account)
    await _archive(tenant, "Task", gone)
    found = (await _summary(api, tenant, account))["nextStep"]
    assert (found["subject"], found["dueAt"]) == ("Call", "2030-05-01T09:00:00+00:00")
    assert found["assignee"]["name"].startswith("rep")
    assert (found["task"], found["opportunity"]) == ({"priority": "HIGH"}, None)


async def test_the_next_step_of_a_deal_counts_while_it_is_open(api: Api) -> None:
    tenant = await make_tenant(time_zone="Asia/Shanghai")
    account = await tenant.create("Account", name="甲")
    stages = await _stages(tenant)
    day = {"next_step_on": date(2030, 5, 1), "account_id": account}
    deal = await tenant.create(
        "Opportunity",
        name="Deal",
        next_step="Send offer",
        stage_id=stages["late"],
        owner_id=tenant.users[Role.REP],
        **day,
    )
    await tenant.create("Opportunity", name="Won", next_step="Celebrate", stage_id=stages["won"], **day)
    found = (await _summary(api, tenant, account))["nextStep"]
    assert (found["id"], found["subject"], found["dueAt"]) == (str(deal), "Send offer", "2030-04-30T16:00:00+00:00")
    assert found["assignee"]["name"].startswith("rep")
    assert (found["task"], found["opportunity"]) == (None, {"name": "Deal"})


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Shanghai", "UTC"])
async def test_days_of_silence_are_the_tenants_calendar_days(api: Api, zone: str) -> None:
    tenant = await make_tenant(time_zone=zone)
    account = await tenant.create("Account", name="甲")
    now = datetime.now(UTC).replace(microsecond=0)
    for hours in (20, 1000):
        await tenant.create(
            "Activity", kind="call", subject="x", account_id=account, occurred_at=now - timedelta(hours=hours)
        )
    gone = await tenant.create("Activity", kind="call", subject="Gone", account_id=account, occurred_at=now)
    await _archive(tenant, "Activity", gone)
    touch = now - timedelta(hours=20)

    def days() -> int:
        return (datetime.now(ZoneInfo(zone)).date() - touch.astimezone(ZoneInfo(zone)).date()).days

    before = days()
    found = await _summary(api, tenant, account)
    assert found["lastTouchAt"] == touch.isoformat()
    assert before <= found["daysSilent"] <= days()


async def test_summaries_of_a_contact_a_lead_a_deal_and_a_user(api: Api, tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    stages = await _stages(tenant)
    account = await tenant.create("Account", name="甲", owner_id=rep)
    contact = await tenant.create("Contact", name="李雷", account_id=account)
    lead = await tenant.create("Lead", name="韩梅梅", owner_id=rep)
    await tenant.create("Lead", name="No", status="unqualified", owner_id=rep)
    deal = await tenant.create(
        "Opportunity",
        name="D",
        amount="33.33",
        currency="CNY",
        stage_id=stages["late"],
        owner_id=rep,
        contact_id=contact,
    )
    await tenant.create("Ticket", subject="T", contact_id=contact)
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for key, record in (("contact_id", contact), ("lead_id", lead), ("opportunity_id", deal)):
        await tenant.create("Activity", kind="visit", subject="x", occurred_at=moment, **{key: record})
        await tenant.create("Task", subject=f"of {key}", assignee_id=rep, **{key: record})
    query = """query ($contact: ID!, $lead: ID!, $deal: ID!, $user: ID!) {
      contact(id: $contact) { summary { lastTouchAt daysSilent openTickets nextStep { subject } } }
      lead(id: $lead) { summary { lastTouchAt daysHeld nextStep { subject } } }
      opportunity(id: $deal) { summary { lastTouchAt daysInStage weightedAmount nextStep { subject } } }
      user(id: $user) { summary { accountsHeld openLeads openOpportunities openTasks
        openPipeline { currency amount } weightedPipeline { currency amount } } } }"""
    found = await api.data(tenant, query, contact=str(contact), lead=str(lead), deal=str(deal), user=str(rep))
    silent = found["contact"]["summary"].pop("daysSilent")
    assert silent == (datetime.now(UTC).date() - moment.date()).days
    touch = moment.isoformat()
    assert found["contact"]["summary"] == {
        "lastTouchAt": touch,
        "openTickets": 1,
        "nextStep": {"subject": "of contact_id"},
    }
    assert found["lead"]["summary"] == {"lastTouchAt": touch, "daysHeld": 0, "nextStep": {"subject": "of lead_id"}}
    assert found["opportunity"]["summary"] == {
        "lastTouchAt": touch,
        "daysInStage": 0,
        "weightedAmount": "24.9975",
        "nextStep": {"subject": "of opportunity_id"},
    }
    assert found["user"]["summary"] == {
        "accountsHeld": 1,
        "openLeads": 1,
        "openOpportunities": 1,
        "openTasks": 3,
        "openPipeline": [{"currency": "CNY", "amount": "33.3300"}],
        "weightedPipeline": [{"currency": "CNY", "amount": "24.9975"}],
    }


async def test_the_number_of_statements_does_not_grow_with_the_accounts(api: Api, tenant: SomeTenant) -> None:
    query = "{ accounts { nodes { " + ACCOUNT.split("{ account(id: $id) {")[1].rsplit("}", 2)[0] + "} } }"
    await tenant.create("Task", subject="T", account_id=await tenant.create("Account", name="0"))
    await api.data(tenant, query)
    with watch_statements() as one:
        await api.data(tenant, query)
    for n in range(1, 6):
        account = await tenant.create("Account", name=f"{n}")
        await tenant.create("Task", subject="T", account_id=account)
        order = await tenant.create("Order", number=f"{n}", account_id=account, total="2")
        await tenant.create("Payment", order_id=order, amount="1")
    with watch_statements() as many:
        await api.data(tenant, query)
    assert len(one) == len(many)
    assert all("tenant_id = $1" in sql for sql in many if "evenhand_tenant_id" not in sql)
