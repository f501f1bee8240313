"""Key figures through the hook and over GraphQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evenhand.actions.plugins import set_plugin
from evenhand.api import Deal, closed_deals
from evenhand.plugins.host import current_host, tenant_context
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import ask
from evenhand_scoring import service
from evenhand_scoring.rules import KPIS

from .conftest import TODAY, Sales

KPIS_OF = "kpis { key title value unit }"
ACME = [
    {"key": "revenue", "title": "Revenue won", "value": "1500.2500", "unit": "USD"},
    {"key": "win_rate", "title": "Win rate", "value": "66.67", "unit": "percent"},
    {"key": "sales_cycle", "title": "Sales cycle", "value": "22.50", "unit": "days"},
]
NOTHING_WON = [{"key": "win_rate", "title": "Win rate", "value": "0.00", "unit": "percent"}]


async def test_the_host_collects_the_calculators(sales: Sales) -> None:
    with acting_as(sales.tenant.system):
        collected = await current_host().kpi_calculators(await tenant_context())
    assert [(slug, kpi) for slug, kpi in collected if slug == "scoring"] == [("scoring", kpi) for kpi in KPIS]


async def test_disabled_it_offers_and_tells_nothing(sales: Sales) -> None:
    with acting_as(sales.tenant.system):
        await set_plugin("scoring", enabled=False)
        assert await current_host().kpi_calculators(await tenant_context()) == []
    actor = sales.tenant.actor(Role.REP)
    account = await ask(actor, f'{{ account(id: "{sales.acme}") {{ name scoring {{ {KPIS_OF} }} }} }}')
    assert account.data == {"account": {"name": "Acme", "scoring": None}}
    assert (await ask(actor, "{ scoringKpis { key } }")).codes == ["PLUGIN_DISABLED"]


async def test_an_account_shows_the_last_year(sales: Sales) -> None:
    query = "query ($id: ID!) { account(id: $id) { scoring { " + KPIS_OF + " } } }"
    actor = sales.tenant.actor(Role.REP)
    assert (await ask(actor, query, id=str(sales.acme))).data == {"account": {"scoring": {"kpis": ACME}}}
    assert (await ask(actor, query, id=str(sales.huaxin))).data == {"account": {"scoring": {"kpis": NOTHING_WON}}}


async def test_a_period_and_a_language_can_be_asked_for(sales: Sales) -> None:
    query = """query ($id: ID!, $first: Date, $last: Date) {
      account(id: $id) { scoring { kpis(first: $first, last: $last) { title(locale: "zh") value unit } } }
    }"""
    first, last = (TODAY - timedelta(days=days) for days in (800, 700))
    answer = await ask(
        sales.tenant.actor(Role.REP), query, id=str(sales.huaxin), first=first.isoformat(), last=last.isoformat()
    )
    assert answer.errors == []
    assert answer.data == {
        "account": {
            "scoring": {
                "kpis": [
                    {"title": "赢单金额", "value": "70.0000", "unit": "CNY"},
                    {"title": "赢单率", "value": "100.00", "unit": "percent"},
                ]
            }
        }
    }


async def test_many_accounts_are_read_in_one_statement(sales: Sales, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    async def counted(*period: Any, **filters: Any) -> list[Deal]:
        calls.append(filters)
        return await closed_deals(*period, **filters)

    monkeypatch.setattr(service, "closed_deals", counted)
    query = "{ accounts { nodes { name scoring { " + KPIS_OF + " } } } }"
    answer = await ask(sales.tenant.actor(Role.REP), query)
    assert answer.errors == []
    assert answer.data is not None
    told = {node["name"]: node["scoring"]["kpis"] for node in answer.data["accounts"]["nodes"]}
    assert told == {"Acme": ACME, "华信科技": NOTHING_WON}
    assert [set(call["account_ids"]) for call in calls] == [{sales.acme, sales.huaxin}]


async def test_a_user_is_measured_by_what_they_own(sales: Sales) -> None:
    query = "query ($id: ID!) { user(id: $id) { scoring { " + KPIS_OF + " } } }"
    for role, expected in ((Role.REP, ACME), (Role.MANAGER, NOTHING_WON), (Role.READ_ONLY, [])):
        answer = await ask(sales.tenant.actor(Role.REP), query, id=str(sales.tenant.users[role]))
        assert answer.data == {"user": {"scoring": {"kpis": expected}}}


async def test_the_tenant_as_a_whole(sales: Sales) -> None:
    query = "query ($owner: ID, $account: ID) { scoringKpis(ownerId: $owner, accountId: $account) { key value unit } }"
    actor = sales.tenant.actor(Role.MANAGER)
    whole = await ask(actor, query)
    assert whole.data is not None
    assert whole.data["scoringKpis"][1] == {"key": "win_rate", "value": "50.00", "unit": "percent"}
    one = await ask(actor, query, owner=str(sales.tenant.users[Role.REP]), account=str(sales.acme))
    assert one.data is not None
    assert [kpi["value"] for kpi in one.data["scoringKpis"]] == ["1500.2500", "66.67", "22.50"]
    none = await ask(actor, query, owner=str(sales.tenant.users[Role.REP]), account=str(sales.huaxin))
    assert none.data == {"scoringKpis": []}


async def test_bad_questions_are_answered_clearly(sales: Sales) -> None:
    actor = sales.tenant.actor(Role.MANAGER)
    backwards = await ask(actor, '{ scoringKpis(first: "2026-05-31", last: "2026-05-01") { key } }')
    assert backwards.codes == ["INVALID_INPUT"]
    assert "last: 2026-05-01 is before first 2026-05-31." in backwards.errors[0]["message"]
    assert (await ask(actor, '{ scoringKpis(ownerId: "Anna") { key } }')).codes == ["INVALID_ID"]


async def test_the_first_days_of_the_calendar_can_be_asked_for(sales: Sales) -> None:
    answer = await ask(sales.tenant.actor(Role.REP), '{ scoringKpis(last: "0001-01-02") { key } }')
    assert answer.data == {"scoringKpis": []}


async def test_another_tenant_measures_nothing_of_ours(sales: Sales, other_tenant: SomeTenant) -> None:
    with acting_as(other_tenant.system):
        await set_plugin("scoring", enabled=True)
    actor = other_tenant.actor(Role.ADMIN)
    answer = await ask(actor, f'{{ scoringKpis(accountId: "{sales.acme}") {{ key }} }}')
    assert answer.data == {"scoringKpis": []}
