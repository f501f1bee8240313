"""Aggregates: exact figures, currencies and tenants kept apart, spans in the tenant's time zone."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from evenhand.actions.records import archive_record
from evenhand.db.bulk import chunks
from evenhand.db.session import reading
from evenhand.entities import Stage
from evenhand.entities.registry import ENTITIES
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.names import plural
from evenhand_schema.testing import Api


@pytest.fixture(params=[True, False], ids=["compiled", "ordinary"], autouse=True)
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Everything here holds for both executors."""
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", request.param)
    return bool(request.param)


async def _groups(api: Api, tenant: SomeTenant, field: str, selection: str, **variables: Any) -> list[dict[str, Any]]:
    """What `field` answers; its arguments are the variables, whose types are told by their names."""
    entity = {"opportunitiesAggregate": "Opportunity", "accountsAggregate": "Account", "ticketsAggregate": "Ticket"}[
        field
    ]
    types = {
        "groupBy": f"[{entity}GroupBy!]",
        "orderBy": f"[{entity}AggregateOrderBy!]",
        "filter": f"{entity}Filter",
        "limit": "Int!",
        "archived": "Boolean!",
        "search": "String",
    }
    declared = ", ".join(f"${name}: {types[name]}" for name in variables)
    given = ", ".join(f"{name}: ${name}" for name in variables)
    head, call = (f"query ({declared})", f"{field}({given})") if variables else ("query", field)
    found: list[dict[str, Any]] = (await api.data(tenant, f"{head} {{ {call} {{ {selection} }} }}", **variables))[field]
    return found


async def _deals(tenant: SomeTenant) -> None:
    """Five deals of two owners in two currencies, and one that was put away."""
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    for amount, currency, owner, close in (
        ("100.50", "CNY", rep, date(2026, 1, 31)),
        ("200", "CNY", rep, date(2026, 2, 1)),
        ("50", "USD", rep, date(2026, 2, 28)),
        ("7", "USD", manager, date(2026, 4, 1)),
        (None, "CNY", manager, None),
    ):
        values = {"amount": amount, "currency": currency, "owner_id": owner, "expected_close": close}
        await tenant.create("Opportunity", name=f"Deal {amount}", **values)
    gone = await tenant.create("Opportunity", name="Gone", amount="1000", currency="CNY", owner_id=rep)
    with acting_as(tenant.system):
        await archive_record("Opportunity", gone)


OPPORTUNITIES = "opportunitiesAggregate"


async def test_all_records_are_one_group(api: Api, tenant: SomeTenant) -> None:
    assert await _groups(api, tenant, OPPORTUNITIES, "count groupCount") == [{"count": 0, "groupCount": 1}]
    await _deals(tenant)
    selection = "count groupCount stageId stage { name } max { expectedClose } min { expectedClose }"
    assert await _groups(api, tenant, OPPORTUNITIES, selection) == [
        {
            "count": 5,
            "groupCount": 1,
            "stageId": None,
            "stage": None,
            "max": {"expectedClose": "2026-04-01"},
            "min": {"expectedClose": "2026-01-31"},
        }
    ]
    assert await _groups(api, tenant, OPPORTUNITIES, "count", archived=True) == [{"count": 6}]


async def test_money_is_never_added_across_currencies(api: Api, tenant: SomeTenant) -> None:
    await _deals(tenant)
    selection = "currency count sum { amount } avg { amount } min { amount } max { amount }"
    assert await _groups(api, tenant, OPPORTUNITIES, selection) == [
        {
            "currency": "CNY",
            "count": 3,
            "sum": {"amount": "300.5000"},
            "avg": {"amount": "150.2500"},
            "min": {"amount": "100.5000"},
            "max": {"amount": "200.0000"},
        },
        {
            "currency": "USD",
            "count": 2,
            "sum": {"amount": "57.0000"},
            "avg": {"amount": "28.5000"},
            "min": {"amount": "7.0000"},
            "max": {"amount": "50.0000"},
        },
    ]
    fragment = "count ... on OpportunityAggregate { figures: sum { amount @include(if: false) __typename } }"
    assert await _groups(api, tenant, OPPORTUNITIES, fragment) == [
        {"count": 5, "figures": {"__typename": "OpportunitySums"}}
    ]


async def test_groups_by_owner_and_month(api: Api, tenant: SomeTenant) -> None:
    await _deals(tenant)
    keys = [{"field": "OWNER"}, {"date": "EXPECTED_CLOSE", "by": "MONTH"}]
    selection = "owner { role } expectedClose currency count sum { amount }"
    found = await _groups(api, tenant, OPPORTUNITIES, selection, groupBy=keys)
    seen = [
        (one["owner"]["role"], one["expectedClose"], one["currency"], one["count"], one["sum"]["amount"])
        for one in found
    ]
    assert sorted(seen, key=str) == sorted(
        [
            ("REP", "2026-01-01", "CNY", 1, "100.5000"),
            ("REP", "2026-02-01", "CNY", 1, "200.0000"),
            ("REP", "2026-02-01", "USD", 1, "50.0000"),
            ("MANAGER", "2026-04-01", "USD", 1, "7.0000"),
            ("MANAGER", None, "CNY", 1, None),
        ],
        key=str,
    )


async def test_the_best_groups_come_first_when_asked_for(api: Api, tenant: SomeTenant) -> None:
    await _deals(tenant)
    order = [{"measure": "SUM", "field": "AMOUNT", "direction": "DESC"}]
    arguments = {"groupBy": [{"field": "OWNER"}], "orderBy": order, "limit": 2}
    found = await _groups(api, tenant, OPPORTUNITIES, "owner { role } currency groupCount count", **arguments)
    assert found == [
        {"owner": {"role": "REP"}, "currency": "CNY", "groupCount": 4, "count": 2},
        {"owner": {"role": "REP"}, "currency": "USD", "groupCount": 4, "count": 1},
    ]
    by_count = [{"measure": "COUNT", "direction": "DESC"}]
    found = await _groups(api, tenant, OPPORTUNITIES, "count", groupBy=[{"field": "OWNER"}], orderBy=by_count)
    assert found == [{"count": 3}, {"count": 2}]


async def test_the_filter_and_the_search_of_lists(api: Api, tenant: SomeTenant) -> None:
    await _deals(tenant)
    where = {"amount": {"gte": "50"}, "currency": {"eq": "CNY"}}
    assert await _groups(api, tenant, OPPORTUNITIES, "count sum { amount }", filter=where) == [
        {"count": 2, "sum": {"amount": "300.5000"}}
    ]
    for name in ("上海贸易", "上海电子", "Acme"):
        await tenant.create("Account", name=name, industry="Trade")
    assert await _groups(api, tenant, "accountsAggregate", "count", search="上海") == [{"count": 2}]
    found = await _groups(
        api, tenant, "accountsAggregate", "industry count", search="上海", groupBy=[{"field": "INDUSTRY"}]
    )
    assert found == [{"industry": "Trade", "count": 2}]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", {"2026-03-01": 2, "2026-04-01": 1}),
        ("Asia/Shanghai", {"2026-03-01": 1, "2026-04-01": 2}),
        ("America/New_York", {"2026-02-01": 1, "2026-03-01": 2}),
    ],
)
async def test_months_begin_at_the_tenants_midnight(api: Api, zone: str, expected: dict[str, int]) -> None:
    tenant = await make_tenant(time_zone=zone)
    for moment in (
        datetime(2026, 3, 1, 1, tzinfo=UTC),
        datetime(2026, 3, 31, 17, tzinfo=UTC),
        datetime(2026, 4, 1, 3, tzinfo=UTC),
    ):
        await tenant.create("Ticket", subject="T", opened_at=moment)
    keys = [{"date": "OPENED_AT", "by": "MONTH"}]
    found = await _groups(api, tenant, "ticketsAggregate", "openedAt count", groupBy=keys)
    assert {one["openedAt"]: one["count"] for one in found} == expected
    assert [one["openedAt"] for one in found] == sorted(expected)


def _start(day: date, by: str) -> date:
    match by:
        case "WEEK":
            return day - timedelta(days=day.weekday())
        case "MONTH":
            return day.replace(day=1)
        case "QUARTER":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case "YEAR":
            return date(day.year, 1, 1)
    return day


@pytest.mark.parametrize(("seed", "by"), list(enumerate(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])))
async def test_groups_are_those_of_the_listed_records(api: Api, tenant: SomeTenant, seed: int, by: str) -> None:
    chance = random.Random(seed)
    with acting_as(tenant.system):
        async with reading():
            stages = await Stage.filter(kind="open")
    for n in range(30):
        await tenant.create(
            "Opportunity",
            name=f"{n}",
            amount=chance.choice([None, f"{chance.randrange(10**6)}.{chance.randrange(100):02}"]),
            currency=chance.choice(["CNY", "USD", "EUR"]),
            stage_id=chance.choice(stages).id,
            expected_close=chance.choice([None, date(2026, 1, 1) + timedelta(days=chance.randrange(500))]),
        )
    where = {"expectedClose": {"gte": "2026-02-01"}}
    query = """query ($filter: OpportunityFilter) { opportunities(filter: $filter, first: 200) {
        nodes { amount currency stageId expectedClose } } }"""
    listed = (await api.data(tenant, query, filter=where))["opportunities"]["nodes"]
    expected: dict[Any, list[Any]] = defaultdict(list)
    for record in listed:
        start = _start(date.fromisoformat(record["expectedClose"]), by)
        expected[record["stageId"], start.isoformat(), record["currency"]].append(record["amount"])
    keys = [{"field": "STAGE"}, {"date": "EXPECTED_CLOSE", "by": by}]
    selection = "stageId expectedClose currency count sum { amount } avg { amount } min { amount } max { amount }"
    found = await _groups(api, tenant, OPPORTUNITIES, selection, filter=where, groupBy=keys)
    assert len(found) == len(expected)
    for group in found:
        amounts = expected[group["stageId"], group["expectedClose"], group["currency"]]
        known = [Decimal(amount) for amount in amounts if amount is not None]
        assert group["count"] == len(amounts)
        figures = (sum(known), min(known), max(known)) if known else (None, None, None)
        shown = tuple(group[measure]["amount"] for measure in ("sum", "min", "max"))
        assert tuple(None if one is None else Decimal(one) for one in shown) == figures
        average = group["avg"]["amount"]
        assert (average is None) is (not known)
        assert not known or abs(Decimal(average) - sum(known, Decimal()) / len(known)) <= Decimal("0.00005")


async def test_custom_fields_are_keys_too(api: Api, tenant: SomeTenant) -> None:
    for key, kind in (("grade", "text"), ("vip", "boolean")):
        await tenant.create("CustomField", entity="Account", key=key, type=kind, titles={"en": key})
    for custom in ({"grade": "x", "vip": True}, {"grade": "x", "vip": True}, {"grade": "y"}, {}):
        await tenant.create("Account", name="甲", custom=custom)
    keys = [{"custom": "grade"}, {"custom": "vip"}]
    order = [{"measure": "COUNT", "direction": "DESC"}]
    found = await _groups(api, tenant, "accountsAggregate", "custom count", groupBy=keys, orderBy=order)
    assert found[0] == {"custom": {"grade": "x", "vip": True}, "count": 2}
    assert found[1:] == [
        {"custom": {"grade": "y", "vip": None}, "count": 1},
        {"custom": {"grade": None, "vip": None}, "count": 1},
    ]


async def test_tenants_are_kept_apart(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await _deals(tenant)
    assert await _groups(api, other_tenant, OPPORTUNITIES, "count") == [{"count": 0}]
    assert await _groups(api, other_tenant, OPPORTUNITIES, "currency sum { amount }") == []


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({"groupBy": [{}]}, "INVALID_GROUPING", "none of them"),
        ({"groupBy": [{"field": "OWNER", "custom": "x"}]}, "INVALID_GROUPING", "custom and field"),
        ({"groupBy": [{"date": "CREATED_AT"}]}, "INVALID_GROUPING", "date needs it"),
        ({"groupBy": [{"field": "OWNER", "by": "DAY"}]}, "INVALID_GROUPING", "by belongs to date"),
        ({"groupBy": [{"field": "OWNER"}, {"field": "OWNER"}]}, "INVALID_GROUPING", "ownerId is named twice"),
        ({"groupBy": [{"custom": "x'; --"}]}, "INVALID_GROUPING", "no key of a custom field"),
        ({"groupBy": [{"custom": f"c{n}"} for n in range(9)]}, "INVALID_GROUPING", "more than 8 keys"),
        ({"orderBy": [{"measure": "COUNT", "field": "AMOUNT"}]}, "INVALID_GROUPING", "COUNT takes none"),
        ({"orderBy": [{"measure": "SUM"}]}, "INVALID_GROUPING", "need a field"),
        ({"orderBy": [{"measure": "AVG", "field": "CLOSED_ON"}]}, "INVALID_GROUPING", "closedOn has no avg"),
        ({"limit": 0}, "INVALID_PAGE_SIZE", "limit: 0"),
        ({"limit": 1001}, "INVALID_PAGE_SIZE", "limit: 1001"),
        ({"filter": {"name": None}}, "INVALID_FILTER", "name:"),
    ],
)
async def test_bad_arguments_are_refused_in_words(
    api: Api, tenant: SomeTenant, variables: dict[str, Any], code: str, words: str
) -> None:
    query = """query ($groupBy: [OpportunityGroupBy!], $orderBy: [OpportunityAggregateOrderBy!], $limit: Int!,
        $filter: OpportunityFilter) {
        opportunitiesAggregate(groupBy: $groupBy, orderBy: $orderBy, limit: $limit, filter: $filter) { count } }"""
    if "filter" not in variables:
        query = query.replace(", filter: $filter", "").replace(",\n        $filter: OpportunityFilter", "")
    (error,) = await api.errors(tenant, query, **{"limit": 10, **variables})
    assert error["extensions"]["code"] == code
    assert words in error["message"]


async def test_who_may_not_read_gets_no_figures(api: Api, tenant: SomeTenant) -> None:
    (error,) = await api.errors(tenant, "{ accountsAggregate { count } }", Role.ADMIN, Scope.WRITE)
    assert error["extensions"]["code"] == "PERMISSION_DENIED"


async def test_every_entity_can_be_counted_by_what_it_has(api: Api, tenant: SomeTenant) -> None:
    names = {name: f"{plural(name[0].lower() + name[1:])}Aggregate" for name in ENTITIES}
    by_day = "groupBy: [{date: CREATED_AT, by: DAY}]"
    found: dict[str, Any] = {}
    for some in chunks(names.items(), 20):
        fields = " ".join(
            f"{name}: {field} {{ count }} {name}ByDay: {field}({by_day}) {{ createdAt count max {{ createdAt }} }}"
            for name, field in some
        )
        found |= await api.data(tenant, f"{{ {fields} }}")
    assert found["User"] == [{"count": len(Role)}]
    assert sum(group["count"] for group in found["StageByDay"]) == found["Stage"][0]["count"] > 0
    assert found["Account"] == [{"count": 0}]
    assert found["AccountByDay"] == []


async def test_one_statement_whatever_the_number_of_groups(api: Api, tenant: SomeTenant) -> None:
    query = "{ accountsAggregate(groupBy: [{field: INDUSTRY}, {field: OWNER}]) { industry owner { name } count } }"
    counts = []
    for industries in (["a"], ["b", "c", "d"]):
        for industry in industries:
            await tenant.create("Account", name=industry, industry=industry, owner_id=tenant.users[Role.REP])
        await api.data(tenant, query)
        with watch_statements() as seen:
            found = (await api.data(tenant, query))["accountsAggregate"]
        counts.append(len(seen))
        assert sum("group_count" in sql for sql in seen) == 1
    assert len(found) == 4
    assert counts[0] == counts[1]
