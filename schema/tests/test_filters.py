"""Filters over HTTP: relations, ranges, days of the tenant's calendar, custom fields; both ways of answering alike."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.actions.journal import writing
from evenhand.actions.records import archive_record, create_records, update_record
from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.entities.registry import entity
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import Clock, SomeTenant, make_tenant
from evenhand_schema.testing import Api

ACCOUNTS = "query ($f: AccountFilter) { accounts(filter: $f, orderBy: [{field: NAME}]) { nodes { name } } }"
CONTACTS = "query ($f: ContactFilter) { contacts(filter: $f, orderBy: [{field: NAME}]) { nodes { name } } }"
LEADS = "query ($f: LeadFilter) { leads(filter: $f, orderBy: [{field: NAME}], first: 200) { nodes { name } } }"
TASKS = "query ($f: TaskFilter) { tasks(filter: $f, orderBy: [{field: SUBJECT}]) { nodes { subject } } }"
DEALS = "query ($f: OpportunityFilter) { opportunities(filter: $f, orderBy: [{field: NAME}]) { nodes { name } } }"


@pytest.fixture(params=[True, False], ids=["compiled", "graphql-core"])
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", request.param)


async def create(tenant: SomeTenant, kind: str, *drafts: dict[str, Any]) -> list[Any]:
    with acting_as(tenant.system):
        async with writing("create") as journal:
            return await create_records(entity(kind), list(drafts), journal=journal)


async def names(api: Api, tenant: SomeTenant, query: str, where: dict[str, Any]) -> list[str]:
    (found,) = (await api.data(tenant, query, f=where)).values()
    return [next(iter(node.values())) for node in found["nodes"]]


@pytest.mark.usefixtures("executor")
async def test_relations(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    a, b, _ = await create(
        tenant, "Account", {"name": "A", "tier": "A"}, {"name": "B", "tier": "B"}, {"name": "C", "tier": "A"}
    )
    people = await create(
        tenant,
        "Contact",
        {"name": "a1", "account_id": a, "title": "CEO", "channels": [{"kind": "email", "value": "x@a.example"}]},
        {"name": "a2", "account_id": a, "title": "Buyer"},
        {"name": "b1", "account_id": b, "title": "CEO"},
        {"name": "nobody"},
    )
    await create(other_tenant, "Account", {"name": "Other", "tier": "A"})
    assert await names(api, tenant, CONTACTS, {"account": {"tier": {"eq": "A"}}}) == ["a1", "a2"]
    assert await names(api, tenant, CONTACTS, {"not": {"account": {"tier": {"eq": "A"}}}}) == ["b1", "nobody"]
    chief = {"title": {"eq": "CEO"}}
    for quantifier, expected in (("some", ["A", "B"]), ("none", ["C"]), ("every", ["B", "C"])):
        assert await names(api, tenant, ACCOUNTS, {"contacts": {quantifier: chief}}) == expected
    assert await names(api, tenant, ACCOUNTS, {"contacts": {"some": {}}}) == ["A", "B"]
    assert await names(api, tenant, ACCOUNTS, {"contacts": {"none": {}}}) == ["C"]
    nested = {"contacts": {"some": {"channels": {"some": {"value": {"endsWith": "A.example"}}}}}}
    assert await names(api, tenant, ACCOUNTS, nested) == ["A"]
    back = {"account": {"contacts": {"some": {"name": {"eq": "a2"}}}}}
    assert await names(api, tenant, CONTACTS, back) == ["a1", "a2"]
    both = {"contacts": {"some": chief, "every": chief}, "tier": {"eq": "B"}}
    assert await names(api, tenant, ACCOUNTS, both) == ["B"]
    with acting_as(tenant.system):
        await archive_record("contact", people[2])
    assert await names(api, tenant, ACCOUNTS, {"contacts": {"some": chief}}) == ["A"]


@pytest.mark.usefixtures("executor")
async def test_operators(api: Api, tenant: SomeTenant) -> None:
    await create(
        tenant,
        "Account",
        {"name": "A", "employees": 1, "region": "East", "annual_revenue": "10.5"},
        {"name": "B", "employees": 5, "region": "West", "annual_revenue": "20"},
        {"name": "C", "employees": None, "region": None},
    )
    for where, expected in (
        ({"employees": {"neq": 1}}, ["B", "C"]),
        ({"employees": {"notIn": [1, 7]}}, ["B", "C"]),
        ({"employees": {"in": [1, 7]}}, ["A"]),
        ({"employees": {"range": {"from": 1, "to": 5}}}, ["A"]),
        ({"employees": {"range": {"from": 1}}}, ["A", "B"]),
        ({"employees": {"range": {"to": 5}}}, ["A"]),
        ({"employees": {"range": {}}}, ["A", "B", "C"]),
        ({"annualRevenue": {"range": {"from": "10.5", "to": "20"}}}, ["A"]),
        ({"region": {"endsWith": "ST"}}, ["A", "B"]),
        ({"region": {"startsWith": "w"}}, ["B"]),
        ({"region": {"contains": "%"}}, []),
        ({"region": {"neq": "East"}}, ["B", "C"]),
        ({"tier": {"notIn": ["A"]}}, ["A", "B", "C"]),
        ({"region": {"isNull": True}}, ["C"]),
    ):
        assert await names(api, tenant, ACCOUNTS, where) == expected, where


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"employees": {"range": {"from": None}}}, "INVALID_FILTER"),
        ({"employees": {"range": None}}, "INVALID_FILTER"),
        ({"employees": {"neq": None}}, "INVALID_FILTER"),
        ({"contacts": {"some": None}}, "INVALID_FILTER"),
        ({"owner": None}, "INVALID_FILTER"),
        ({"createdAt": {"lastDays": 0}}, "INVALID_FILTER"),
        ({"createdAt": {"nextDays": 40_000}}, "INVALID_FILTER"),
        ({"custom": [{"key": "nothing", "eq": 1}]}, "INVALID_FILTER"),
        ({"custom": [{"key": "nothing", "eq": None}]}, "INVALID_FILTER"),
        ({"custom": [{"key": "nothing", "eq": {"a": 1}}]}, "INVALID_FILTER"),
        ({"custom": [{"key": "a\x00", "eq": 1}]}, "INVALID_FILTER"),
    ],
)
@pytest.mark.usefixtures("executor")
async def test_what_cannot_be_compared_is_said_in_words(
    api: Api, tenant: SomeTenant, where: dict[str, Any], code: str
) -> None:
    # Of no accounts nothing is compared, if the database so decides.
    await create(tenant, "Account", {"name": "A"})
    errors = await api.errors(tenant, ACCOUNTS, f=where)
    assert [error["extensions"]["code"] for error in errors] == [code]
    assert errors[0]["extensions"]["hint"]


@pytest.mark.usefixtures("executor")
async def test_depth_and_number_of_relations_are_bounded(api: Api, tenant: SomeTenant) -> None:
    deep: dict[str, Any] = {"name": {"eq": "x"}}
    for _ in range(6):
        deep = {"parent": deep}
    wide = {"and": [{"parent": {"name": {"eq": "x"}}} for _ in range(31)]}
    many = {"and": [{"name": {"neq": str(number)}} for number in range(1001)]}
    for where in (deep, wide, many):
        errors = await api.errors(tenant, ACCOUNTS, f=where)
        assert [error["extensions"]["code"] for error in errors] == ["INVALID_FILTER"], errors
    assert await names(api, tenant, ACCOUNTS, deep["parent"]) == []


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "America/Los_Angeles"])
async def test_days_begin_at_the_tenants_midnight(api: Api, database: DatabaseConfig, clock: Clock, zone: str) -> None:
    tenant = await make_tenant(time_zone=zone)
    # Wednesday, a second before midnight there.
    clock.set(local("2026-07-01T23:59:59", zone))
    moments = {
        "a week before": "2026-06-24T12:00:00",
        "last month's end": "2026-06-30T23:59:59",
        "month's begin": "2026-07-01T00:00:00",
        "day's end": "2026-07-01T23:59:59",
        "tomorrow": "2026-07-02T00:00:00",
        "week's end": "2026-07-05T23:59:59",
        "next week": "2026-07-06T00:00:00",
        "next year": "2027-01-01T00:00:00",
    }
    await create(tenant, "Task", *({"subject": name, "due_at": local(text, zone)} for name, text in moments.items()))
    await create(tenant, "Task", {"subject": "never"})
    for where, expected in (
        ({"within": "TODAY"}, {"month's begin", "day's end"}),
        ({"within": "YESTERDAY"}, {"last month's end"}),
        ({"within": "TOMORROW"}, {"tomorrow"}),
        ({"within": "THIS_WEEK"}, {"last month's end", "month's begin", "day's end", "tomorrow", "week's end"}),
        ({"within": "LAST_WEEK"}, {"a week before"}),
        ({"within": "NEXT_WEEK"}, {"next week"}),
        ({"within": "LAST_MONTH"}, {"a week before", "last month's end"}),
        ({"within": "LAST_QUARTER"}, {"a week before", "last month's end"}),
        ({"within": "NEXT_MONTH"}, set()),
        ({"within": "THIS_QUARTER"}, {"month's begin", "day's end", "tomorrow", "week's end", "next week"}),
        ({"within": "NEXT_YEAR"}, {"next year"}),
        ({"within": "THIS_YEAR"}, moments.keys() - {"next year"}),
        ({"lastDays": 1}, {"month's begin", "day's end"}),
        ({"lastDays": 2}, {"last month's end", "month's begin", "day's end"}),
        ({"nextDays": 2}, {"month's begin", "day's end", "tomorrow"}),
        ({"nextDays": 6}, {"month's begin", "day's end", "tomorrow", "week's end", "next week"}),
    ):
        assert set(await names(api, tenant, TASKS, {"dueAt": where})) == expected, where


@pytest.mark.usefixtures("executor")
async def test_days_of_dates(api: Api, clock: Clock, database: DatabaseConfig) -> None:
    tenant = await make_tenant(time_zone="Asia/Shanghai")
    # Already the next day in Shanghai.
    clock.set(datetime(2026, 9, 30, 16, 0, tzinfo=UTC))
    days = {"before": date(2026, 9, 30), "today": date(2026, 10, 1), "end": date(2026, 12, 31), "new": date(2027, 1, 1)}
    await create(tenant, "Opportunity", *({"name": name, "expected_close": day} for name, day in days.items()))
    for where, expected in (
        ({"within": "TODAY"}, ["today"]),
        ({"within": "THIS_QUARTER"}, ["end", "today"]),
        ({"within": "LAST_QUARTER"}, ["before"]),
        ({"within": "NEXT_QUARTER"}, ["new"]),
        ({"lastDays": 2}, ["before", "today"]),
        ({"range": {"from": "2026-10-01", "to": "2026-12-31"}}, ["today"]),
    ):
        assert await names(api, tenant, DEALS, {"expectedClose": where}) == expected, where


FIELDS = {"region": "text", "budget": "number", "visited": "date", "decided": "boolean", "channel": "choice"}


async def define(tenant: SomeTenant) -> dict[str, Any]:
    drafts = [
        {"entity": "Lead", "key": key, "type": kind, "options": ["线上", "线下"] if kind == "choice" else []}
        for key, kind in FIELDS.items()
    ]
    return dict(zip(FIELDS, await create(tenant, "CustomField", *drafts), strict=True))


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("indexed", [True, False])
async def test_custom_fields(api: Api, tenant: SomeTenant, other_tenant: SomeTenant, indexed: bool) -> None:
    fields = await define(tenant)
    await define(other_tenant)
    with acting_as(tenant.system):
        for field in fields.values():
            await update_record("custom_field", field, {"indexed": indexed})
    one = {"region": "East", "budget": 9, "visited": "2026-05-31", "decided": True, "channel": "线上"}
    two = {"region": "West", "budget": "100.5", "visited": "2026-06-01", "decided": False, "channel": "线下"}
    await create(tenant, "Lead", {"name": "1", "custom": one}, {"name": "2", "custom": two}, {"name": "3"})
    await create(other_tenant, "Lead", {"name": "other", "custom": one})
    for where, expected in (
        ({"key": "region", "eq": "East"}, ["1"]),
        ({"key": "region", "neq": "East"}, ["2", "3"]),
        ({"key": "region", "in": ["East", "West", "?"]}, ["1", "2"]),
        ({"key": "region", "notIn": ["East"]}, ["2", "3"]),
        ({"key": "region", "isNull": True}, ["3"]),
        ({"key": "region", "isNull": False}, ["1", "2"]),
        ({"key": "region", "contains": "AS"}, ["1"]),
        ({"key": "region", "startsWith": "w"}, ["2"]),
        ({"key": "region", "endsWith": "st"}, ["1", "2"]),
        ({"key": "region", "gt": "East"}, ["2"]),
        ({"key": "budget", "eq": "9.0"}, ["1"]),
        ({"key": "budget", "gt": 9}, ["2"]),
        ({"key": "budget", "gte": "9", "lt": 100.5}, ["1"]),
        ({"key": "budget", "lte": "1e2"}, ["1"]),
        ({"key": "budget", "in": [9, "100.50"]}, ["1", "2"]),
        ({"key": "visited", "gte": "2026-06-01"}, ["2"]),
        ({"key": "visited", "lt": "2026-06-01"}, ["1"]),
        ({"key": "decided", "eq": True}, ["1"]),
        ({"key": "decided", "eq": "false"}, ["2"]),
        ({"key": "channel", "eq": "线下"}, ["2"]),
    ):
        assert await names(api, tenant, LEADS, {"custom": [where]}) == expected, where
    several = {"custom": [{"key": "region", "eq": "East"}, {"key": "budget", "gt": 1}]}
    assert await names(api, tenant, LEADS, {"not": several}) == ["2", "3"]
    for wrong, said in (
        ({"key": "colour", "eq": 1}, "budget, channel, decided, region, visited"),
        ({"key": "budget", "eq": "much"}, "number"),
        ({"key": "visited", "lt": "soon"}, "date"),
        ({"key": "decided", "eq": "yes"}, "true or false"),
        ({"key": "channel", "in": ["纸"]}, "线上, 线下"),
        ({"key": "budget", "contains": "1"}, "eq"),
        ({"key": "decided", "gt": True}, "eq"),
    ):
        errors = await api.errors(tenant, LEADS, f={"custom": [wrong]})
        assert [error["extensions"]["code"] for error in errors] == ["INVALID_FILTER"], errors
        assert said in errors[0]["message"] + errors[0]["extensions"]["hint"]


async def test_what_is_refused_does_not_spoil_other_fields(api: Api, tenant: SomeTenant) -> None:
    await create(tenant, "Account", {"name": "A"})
    query = """query { bad: leads(filter: {custom: [{key: "x", eq: 1}]}) { nodes { id } }
      accounts { nodes { name } } me { name } }"""
    body = (await api.post(tenant, query)).json()
    assert [error["extensions"]["code"] for error in body["errors"]] == ["INVALID_FILTER"]


async def test_custom_fields_through_relations(api: Api, tenant: SomeTenant) -> None:
    await create(tenant, "CustomField", {"entity": "Account", "key": "area", "type": "text", "indexed": True})
    one, two = await create(
        tenant, "Account", {"name": "A", "custom": {"area": "x"}}, {"name": "B", "custom": {"area": "y"}}
    )
    await create(tenant, "Contact", {"name": "a", "account_id": one}, {"name": "b", "account_id": two})
    where = {"account": {"custom": [{"key": "area", "eq": "y"}]}}
    assert await names(api, tenant, CONTACTS, where) == ["b"]


TEXTS = st.one_of(st.text("abAB é中\\%_'", max_size=6), st.just("x" * 120), st.just("x" * 119 + "y"))
NUMBERS = st.one_of(st.integers(-(2**60), 2**60), st.floats(-1e12, 1e12), st.sampled_from([0, 0.1, 1, 10, 1e11]))


@pytest.fixture(scope="module")
async def twins(database: DatabaseConfig) -> tuple[SomeTenant, SomeTenant]:
    """Two tenants with the same leads; only the one's fields are indexed."""
    on, off = await make_tenant(), await make_tenant()
    texts = ["", "a", "A", "ab", "aé", "中", "%", "x" * 120, "x" * 119 + "y", "é", "\\"]
    numbers = [0, 0.1, "0.10000000000000000555", 1, -1, 10, 2**60, "1152921504606846977", 1e11, -5.5, "1e-400"]
    drafts = [
        {"name": str(n), "custom": {"region": t, "budget": b}}
        for n, (t, b) in enumerate(zip(texts, numbers, strict=True))
    ]
    for tenant in (on, off):
        fields = await define(tenant)
        await create(tenant, "Lead", *drafts, {"name": "none"})
        if tenant is on:
            with acting_as(tenant.system):
                for field in fields.values():
                    await update_record("custom_field", field, {"indexed": True})
    return on, off


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operator=st.sampled_from(["eq", "neq", "lt", "lte", "gt", "gte"]), text=TEXTS, number=NUMBERS, by_text=st.booleans()
)
async def test_answers_are_the_same_with_and_without_the_index(
    api: Api, twins: tuple[SomeTenant, SomeTenant], operator: str, text: str, number: float, by_text: bool
) -> None:
    where = {"custom": [{"key": "region", operator: text} if by_text else {"key": "budget", operator: number}]}
    on, off = twins
    assert await names(api, on, LEADS, where) == await names(api, off, LEADS, where)


async def test_the_index_is_used_under_the_application_role(
    api: Api, tenant: SomeTenant, database: DatabaseConfig
) -> None:
    fields = await define(tenant)
    customs = [{"region": f"r{number:04}", "budget": number} for number in range(3000)]
    await create(tenant, "Lead", *({"name": "x", "custom": custom} for custom in customs))
    with acting_as(tenant.system):
        for field in fields.values():
            await update_record("custom_field", field, {"indexed": True})
    owner = await asyncpg.connect(**database.connect_arguments())
    user = await asyncpg.connect(**database.connect_arguments(), server_settings={"role": APP_ROLE})
    scans = (
        "SELECT indexrelname::text, idx_scan FROM pg_stat_user_indexes WHERE indexrelname ~ '^custom_values_by_' "
        "UNION ALL SELECT 'seq ' || relname, seq_scan FROM pg_stat_user_tables "
        "WHERE relname = 'custom_values'"
    )
    ask = "SELECT evenhand_custom('Lead', 'leads', $1, $2, $3)"
    try:
        await owner.execute("ANALYZE custom_values, leads")
        before = dict(await owner.fetch(scans))
        await user.execute(f"SET app.tenant = '{tenant.id}'")
        assert len(await user.fetch(ask, "region", "in", ["r0007"])) == 1
        assert len(await user.fetch(ask, "budget", "in", ["7", "8.0"])) == 2
        assert len(await user.fetch(ask, "budget", "gte", ["2990"])) == 10
        assert len(await user.fetch(ask, "region", "gt", ["r2990"])) == 9
        await user.execute("SELECT pg_stat_force_next_flush()")
        await user.execute("SELECT 1")
        after = dict(await owner.fetch(scans))
    finally:
        await owner.close()
        await user.close()
    used = {name: after[name] - before[name] for name in after}
    assert used == {"custom_values_by_text": 2, "custom_values_by_number": 2, "seq custom_values": 0}


async def test_a_relation_that_may_not_be_read_may_not_be_asked_about(
    api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evenhand.auth import permissions

    may = permissions.may
    monkeypatch.setattr(
        permissions, "may", lambda actor, operation, name: name != "Contact" and may(actor, operation, name)
    )
    where = {"contacts": {"some": {"name": {"eq": "x"}}}}
    errors = await api.errors(tenant, ACCOUNTS, Role.REP, f=where)
    assert [error["extensions"]["code"] for error in errors] == ["PERMISSION_DENIED"]
