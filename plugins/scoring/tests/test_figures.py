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
from evenhand_schema.testing import Api
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


async def codes(api: Api, tenant: SomeTenant, query: str, **variables: Any) -> list[str]:
    """The codes of the errors that the API answers with."""
    return [error["extensions"]["code"] for error in await api.errors(tenant, query, **variables)]


async def test_the_host_collects_the_calculators(sales: Sales) -> None:
    with acting_as(sales.tenant.system):
        collected = await current_host().kpi_calculators(await tenant_context())
    assert [(slug, kpi) for slug, kpi in collected if slug == "scoring"] == [("scoring", kpi) for kpi in KPIS]


async def test_disabled_it_offers_and_tells_nothing(api: Api, sales: Sales) -> None:
    with acting_as(sales.tenant.system):
        await set_plugin("scoring", enabled=False)
        assert await current_host().kpi_calculators(await tenant_context()) == []
    account = await api.data(sales.tenant, f'{{ account(id: "{sales.acme}") {{ name scoring {{ {KPIS_OF} }} }} }}')
    assert account == {"account": {"name": "Acme", "scoring": None}}
    assert await codes(api, sales.tenant, "{ scoringKpis { key } }") == ["PLUGIN_DISABLED"]


async def test_an_account_shows_the_last_year(api: Api, sales: Sales) -> None:
    query = "query ($id: ID!) { account(id: $id) { scoring { " + KPIS_OF + " } } }"
    assert await api.data(sales.tenant, query, id=str(sales.acme)) == {"account": {"scoring": {"kpis": ACME}}}
    assert await api.data(sales.tenant, query, id=str(sales.huaxin)) == {"account": {"scoring": {"kpis": NOTHING_WON}}}


async def test_a_period_and_a_language_can_be_asked_for(api: Api, sales: Sales) -> None:
    query = """query ($id: ID!, $first: Date, $last: Date) {
      account(id: $id) { scoring { kpis(first: $first, last: $last) { title(locale: "zh") value unit } } }
    }"""
    first, last = (TODAY - timedelta(days=days) for days in (800, 700))
    answer = await api.data(
        sales.tenant, query, Role.REP, id=str(sales.huaxin), first=first.isoformat(), last=last.isoformat()
    )
    assert answer == {
        "account": {
            "scoring": {
                "kpis": [
                    {"title": "赢单金额", "value": "70.0000", "unit": "CNY"},
                    {"title": "赢单率", "value": "100.00", "unit": "percent"},
                ]
            }
        }
    }


async def test_many_accounts_are_read_in_one_statement(api: Api, sales: Sales, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    async def counted(*period: Any, **filters: Any) -> list[Deal]:
        calls.append(filters)
        return await closed_deals(*period, **filters)

    monkeypatch.setattr(service, "closed_deals", counted)
    query = "{ accounts { nodes { name scoring { " + KPIS_OF + " } } } }"
    answer = await api.data(sales.tenant, query, Role.REP)
    told = {node["name"]: node["scoring"]["kpis"] for node in answer["accounts"]["nodes"]}
    assert told == {"Acme": ACME, "华信科技": NOTHING_WON}
    assert [set(call["account_ids"]) for call in calls] == [{sales.acme, sales.huaxin}]


async def test_a_user_is_measured_by_what_they_own(api: Api, sales: Sales) -> None:
    query = "query ($id: ID!) { user(id: $id) { scoring { " + KPIS_OF + " } } }"
    for role, expected in ((Role.REP, ACME), (Role.MANAGER, NOTHING_WON), (Role.READ_ONLY, [])):
        answer = await api.data(sales.tenant, query, Role.REP, id=str(sales.tenant.users[role]))
        assert answer == {"user": {"scoring": {"kpis": expected}}}


async def test_the_tenant_as_a_whole(api: Api, sales: Sales) -> None:
    query = "query ($owner: ID, $account: ID) { scoringKpis(ownerId: $owner, accountId: $account) { key value unit } }"
    whole = await api.data(sales.tenant, query)
    assert whole["scoringKpis"][1] == {"key": "win_rate", "value": "50.00", "unit": "percent"}
    one = await api.data(sales.tenant, query, owner=str(sales.tenant.users[Role.REP]), account=str(sales.acme))
    assert [kpi["value"] for kpi in one["scoringKpis"]] == ["1500.2500", "66.67", "22.50"]
    none = await api.data(sales.tenant, query, owner=str(sales.tenant.users[Role.REP]), account=str(sales.huaxin))
    assert none == {"scoringKpis": []}


async def test_an_admin_chooses_the_figures_and_the_days(api: Api, sales: Sales) -> None:
    query = "{ scoringKpis { key unit } }"
    with acting_as(sales.tenant.system):
        await set_plugin("scoring", settings={"figures": ["revenue"], "period_days": 3})
        collected = await current_host().kpi_calculators(await tenant_context())
    assert [kpi.key for _, kpi in collected] == ["revenue"]
    assert await api.data(sales.tenant, query) == {"scoringKpis": []}
    with acting_as(sales.tenant.system):
        await set_plugin("scoring", settings={"figures": ["revenue"], "period_days": 800})
    answer = await api.data(sales.tenant, query)
    assert answer == {"scoringKpis": [{"key": "revenue", "unit": unit} for unit in ("CNY", "USD")]}


async def test_bad_questions_are_answered_clearly(api: Api, sales: Sales) -> None:
    (error,) = await api.errors(sales.tenant, '{ scoringKpis(first: "2026-05-31", last: "2026-05-01") { key } }')
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert "last: 2026-05-01 is before first 2026-05-31." in error["message"]
    assert await codes(api, sales.tenant, '{ scoringKpis(ownerId: "Anna") { key } }') == ["INVALID_ID"]


async def test_the_first_days_of_the_calendar_can_be_asked_for(api: Api, sales: Sales) -> None:
    answer = await api.data(sales.tenant, '{ scoringKpis(last: "0001-01-02") { key } }', Role.REP)
    assert answer == {"scoringKpis": []}


async def test_another_tenant_measures_nothing_of_ours(api: Api, sales: Sales, other_tenant: SomeTenant) -> None:
    with acting_as(other_tenant.system):
        await set_plugin("scoring", enabled=True)
    answer = await api.data(other_tenant, f'{{ scoringKpis(accountId: "{sales.acme}") {{ key }} }}')
    assert answer == {"scoringKpis": []}
