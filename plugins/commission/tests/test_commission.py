"""Commission through the hook and over GraphQL."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from evenhand.actions.owners import set_owner
from evenhand.actions.plugins import set_plugin
from evenhand.actions.record_members import add_record_member
from evenhand.api import Deal, InvalidInput, Period, closed_deals, reading
from evenhand.entities import Stage
from evenhand.entities.enums import MemberRole
from evenhand.ownership.models import Pool
from evenhand.plugins.host import current_host, tenant_context
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements
from evenhand_commission import service
from evenhand_schema.testing import Api

MAY = Period(date(2026, 5, 1), date(2026, 5, 31))
STATEMENT = """
query ($user: ID!, $first: Date!, $last: Date!) {
  commissionStatement(userId: $user, first: $first, last: $last) {
    lines {
      user { id } opportunity { id name } plan basis amount currency earnedOn
      explanation inChinese: explanation(locale: "zh")
    }
    totals { currency amount }
  }
}
"""
MANY = "{ opportunities { nodes { name commission { lines { amount user { id } } } } } }"


async def codes(api: Api, tenant: SomeTenant, query: str, **variables: Any) -> list[str]:
    """The codes of the errors that the API answers with."""
    return [error["extensions"]["code"] for error in await api.errors(tenant, query, **variables)]


@pytest_asyncio.fixture(loop_scope="session")
async def seller(tenant: SomeTenant) -> SomeTenant:
    """A tenant that pays 10 percent."""
    with acting_as(tenant.system):
        await set_plugin("commission", enabled=True, settings={"plan": "十分之一", "percent": "10"})
    return tenant


async def close(tenant: SomeTenant, name: str, kind: str = "won", **values: Any) -> UUID:
    with acting_as(tenant.system):
        async with reading():
            stage = await Stage.filter(kind=kind).order_by("position").first()
    assert stage is not None
    given = {"closed_on": "2026-05-20", "currency": "CNY", "owner_id": tenant.users[Role.REP], **values}
    return await tenant.create("Opportunity", name=name, stage_id=stage.id, **given)


async def test_the_host_collects_lines_under_the_tenants_plan(seller: SomeTenant) -> None:
    won = await close(seller, "won", amount="99.95")
    await close(seller, "lost", "lost", amount="10")
    with acting_as(seller.system):
        deals = await closed_deals()
        collected = await current_host().commission_lines(await tenant_context(), deals=deals, period=MAY)
        await set_plugin("commission", enabled=False)
        assert await current_host().commission_lines(await tenant_context(), deals=deals, period=MAY) == []
    ((slug, line),) = collected
    assert (slug, line.opportunity_id, line.plan) == ("commission", won, "十分之一")
    assert line.amount == Decimal("10.00")


async def test_a_statement_lists_lines_and_totals(api: Api, seller: SomeTenant) -> None:
    first = await close(seller, "华信续约", amount="100.05", closed_on="2026-05-02")
    second = await close(seller, "Acme", amount="200", currency="USD")
    await close(seller, "in June", amount="5000", closed_on="2026-06-01")
    await close(seller, "of the manager", amount="5000", owner_id=seller.users[Role.MANAGER])
    rep = str(seller.users[Role.REP])
    answer = await api.data(seller, STATEMENT, Role.MANAGER, user=rep, first="2026-05-01", last="2026-05-31")
    told = answer["commissionStatement"]
    assert told["totals"] == [{"currency": "CNY", "amount": "10.01"}, {"currency": "USD", "amount": "20.00"}]
    assert [line["opportunity"]["id"] for line in told["lines"]] == [str(first), str(second)]
    assert told["lines"][0] == {
        "user": {"id": rep},
        "opportunity": {"id": str(first), "name": "华信续约"},
        "plan": "十分之一",
        "basis": "100.0500",
        "amount": "10.01",
        "currency": "CNY",
        "earnedOn": "2026-05-02",
        "explanation": "十分之一: 10% of 100.05 CNY for “华信续约”, won on 2026-05-02, = 10.01 CNY "
        "(rounded half up to hundredths).",
        "inChinese": "十分之一：“华信续约”于 2026-05-02 赢单，100.05 CNY × 10% = 10.01 CNY（四舍五入到分）。",
    }


async def test_opportunities_show_their_lines_and_are_read_in_one_statement(
    api: Api, seller: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    won = await close(seller, "won", amount="1000")
    await close(seller, "lost", "lost", amount="1000")
    await seller.create("Opportunity", name="open", amount="1000")
    nobodys = await close(seller, "nobody's", amount="1000")
    with acting_as(seller.system):
        async with reading():
            pool = await Pool.get(is_default=True)
        await set_owner("opportunity", [nobodys], pool_id=pool.id)
        await set_owner("opportunity", [won], owner_id=seller.users[Role.MANAGER])
    calls: list[dict[str, Any]] = []

    async def counted(*period: Any, **filters: Any) -> list[Deal]:
        calls.append(filters)
        return await closed_deals(*period, **filters)

    monkeypatch.setattr(service, "closed_deals", counted)
    answer = await api.data(seller, MANY, Role.MANAGER)
    told = {node["name"]: node["commission"]["lines"] for node in answer["opportunities"]["nodes"]}
    manager = {"id": str(seller.users[Role.MANAGER])}
    assert told == {"won": [{"amount": "100.00", "user": manager}], "lost": [], "open": [], "nobody's": []}
    assert len(calls) == 1


async def test_a_team_shares_the_commission(api: Api, seller: SomeTenant) -> None:
    won = await close(seller, "won", amount="1000.01")
    rep, manager = seller.users[Role.REP], seller.users[Role.MANAGER]
    with acting_as(seller.system):
        await add_record_member("Opportunity", won, manager, MemberRole.COLLABORATOR, Decimal("33.33"))
    period = {"first": "2026-05-01", "last": "2026-05-31"}
    told = {}
    for user in (rep, manager):
        answer = await api.data(seller, STATEMENT, Role.ADMIN, user=str(user), **period)
        (line,) = answer["commissionStatement"]["lines"]
        assert line["opportunity"]["id"] == str(won)
        told[user] = line
    assert [told[user]["amount"] for user in (rep, manager)] == ["66.67", "33.33"]
    assert sum(Decimal(line["basis"]) for line in told.values()) == Decimal("1000.01")
    assert told[manager]["explanation"].endswith(" Share of 33.33%: 33.33 CNY.")
    nodes = (await api.data(seller, MANY, Role.ADMIN))["opportunities"]["nodes"]
    assert [line["user"]["id"] for line in nodes[0]["commission"]["lines"]] == [str(rep), str(manager)]


async def test_disabled_it_tells_nothing(api: Api, seller: SomeTenant) -> None:
    await close(seller, "won", amount="1000")
    with acting_as(seller.system):
        await set_plugin("commission", enabled=False)
    assert await api.data(seller, MANY) == {"opportunities": {"nodes": [{"name": "won", "commission": None}]}}
    user = str(seller.users[Role.REP])
    assert await codes(api, seller, STATEMENT, user=user, first="2026-05-01", last="2026-05-31") == ["PLUGIN_DISABLED"]


async def test_bad_questions_are_answered_clearly(api: Api, seller: SomeTenant) -> None:
    user = str(seller.users[Role.REP])
    assert await codes(api, seller, STATEMENT, user=user, first="2026-05-31", last="2026-05-01") == ["INVALID_INPUT"]
    assert await codes(api, seller, STATEMENT, user="Anna", first="2026-05-01", last="2026-05-31") == ["INVALID_ID"]


async def test_another_tenant_earns_nothing_from_our_deals(
    api: Api, seller: SomeTenant, other_tenant: SomeTenant
) -> None:
    await close(seller, "won", amount="1000")
    with acting_as(other_tenant.system):
        await set_plugin("commission", enabled=True)
    user = str(seller.users[Role.REP])
    answer = await api.data(other_tenant, STATEMENT, Role.ADMIN, user=user, first="2026-05-01", last="2026-05-31")
    assert answer == {"commissionStatement": {"lines": [], "totals": []}}


async def test_bad_settings_are_refused_and_named(seller: SomeTenant) -> None:
    with acting_as(seller.system), pytest.raises(InvalidInput) as refused:
        await set_plugin("commission", settings={"percent": "101"})
    (problem,) = refused.value.problems
    assert problem.field == "settings.percent"


async def test_a_deal_without_an_amount_is_not_won_when_the_tenant_wants_it_so(api: Api, seller: SomeTenant) -> None:
    deal = await seller.create("Opportunity", name="无金额", currency="CNY")
    earlier = await close(seller, "earlier")
    with acting_as(seller.system):
        async with reading():
            won = await Stage.filter(kind="won").first()
        await set_plugin("commission", settings={"percent": "10", "require_amount_when_won": True})
    assert won is not None
    move = """mutation ($id: ID!, $stage: ID!) { result: moveOpportunity(id: $id, stageId: $stage) {
        __typename ... on InvalidInput { problems { field code message hint } } } }"""
    with watch_statements() as seen:
        refused = (await api.data(seller, move, id=str(deal), stage=str(won.id)))["result"]
    assert any("FROM stages" in statement for statement in seen)
    (problem,) = refused["problems"]
    assert (problem["field"], problem["code"]) == ("amount", "AMOUNT_REQUIRED")
    assert "commission" in problem["message"]
    change = """mutation ($id: ID!, $input: UpdateOpportunityInput!) { result:
        updateOpportunity(id: $id, input: $input) {
        __typename ... on Opportunity { closedOn } } }"""
    with_amount = {"amount": "5", "stageId": str(won.id)}
    assert (await api.data(seller, change, id=str(deal), input=with_amount))["result"]["closedOn"] is not None
    emptied = (await api.data(seller, change, id=str(deal), input={"amount": None}))["result"]
    assert emptied["__typename"] == "InvalidInput"
    # What was won before anybody asked for an amount can go on being changed.
    named = (await api.data(seller, change, id=str(earlier), input={"name": "早先"}))["result"]
    assert named["__typename"] == "Opportunity"
    lost = await close(seller, "lost", "lost")
    assert lost
