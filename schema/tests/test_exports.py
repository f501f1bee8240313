"""Records as a file: only what one sees, as one sees it, by those who may, and noted."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.audit.models import AuditEntry
from evenhand.db.session import reading
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.declare import TYPES, One
from evenhand_schema.exports.cells import BOM, cell, lines
from evenhand_schema.exports.headers import ZH
from evenhand_schema.exports.statement import EXPORTED
from evenhand_schema.testing import Api

PHONE = "+86 138-1234-5678"


async def export(api: Api, tenant: SomeTenant, name: str, role: Role = Role.ADMIN, **chosen: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {await api.key(tenant, role)}"}
    params = {key: one if isinstance(one, str) else orjson.dumps(one).decode() for key, one in chosen.items()}
    return await api.http.get(f"/export/{name}.csv", params=params, headers=headers)


def rows_of(response: httpx.Response) -> list[dict[str, str]]:
    assert response.status_code == 200, response.text
    text = response.content.decode()
    assert text.startswith(BOM)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BOM))))


async def test_what_one_sees_as_one_sees_it(api: Api, tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    await tenant.create("CustomField", entity="Lead", key="budget", titles={"zh": "预算"})
    await tenant.create("Lead", name="Mine", phone=PHONE, owner_id=rep, custom={"budget": "9"})
    await tenant.create("Lead", name="Waits", phone="13812345678", company="=HYPERLINK(1)")
    await tenant.create("Lead", name="Hidden", owner_id=tenant.users[Role.ADMIN])
    everything = rows_of(await export(api, tenant, "leads", lang="zh", orderBy=[{"field": "NAME"}]))
    assert [row["名称"] for row in everything] == ["Hidden", "Mine", "Waits"]
    assert everything[1]["电话"] == PHONE
    assert everything[1]["预算"] == "9"
    assert everything[1]["负责人"].startswith("rep of")
    assert everything[2]["公司"] == "'=HYPERLINK(1)"
    assert everything[2]["公海"] == "Public pool"
    denied = await export(api, tenant, "leads", Role.REP)
    assert (denied.status_code, denied.json()["errors"][0]["extensions"]["code"]) == (403, "EXPORT_DENIED")
    await tenant.create("ExportRight", user_id=rep, entity="Lead")
    own = rows_of(await export(api, tenant, "leads", Role.REP, orderBy=[{"field": "NAME"}]))
    assert {row["Name"]: row["Phone"] for row in own} == {"Mine": PHONE, "Waits": "138****5678"}
    assert (await export(api, tenant, "accounts", Role.REP)).status_code == 403


async def test_filters_count_and_every_export_is_noted(api: Api, tenant: SomeTenant) -> None:
    for name in ("Acme", "Zenith"):
        await tenant.create("Account", name=name, tax_id="-2+3")
    chosen = {"filter": {"name": {"eq": "Acme"}}, "archived": True}
    (row,) = rows_of(await export(api, tenant, "accounts", Role.ADMIN, **chosen))
    assert (row["Name"], row["Tax id"]) == ("Acme", "'-2+3")
    with acting_as(tenant.system):
        async with reading():
            started, ended = await AuditEntry.filter(action="export_records").order_by("id")
    assert started.user_id == ended.user_id == tenant.users[Role.ADMIN]
    assert started.after == {"entity": "Account", "chosen": chosen, "language": "en"}
    assert ended.after == {"rows": 1, "complete": True}
    assert started.record_id == ended.record_id


async def test_the_hr_like_role_sees_all_and_exports_only_when_granted(api: Api, tenant: SomeTenant) -> None:
    await tenant.create("Account", name="Acme", owner_id=tenant.users[Role.REP])
    assert (await export(api, tenant, "accounts", Role.READ_ONLY)).status_code == 403
    right = await tenant.create("ExportRight", role="read_only")
    assert len(rows_of(await export(api, tenant, "accounts", Role.READ_ONLY))) == 1
    await tenant.create("ExportRight", user_id=tenant.users[Role.READ_ONLY], allowed=False)
    assert (await export(api, tenant, "accounts", Role.READ_ONLY)).status_code == 403
    assert right


@pytest.mark.parametrize(
    ("name", "chosen", "status"),
    [
        ("nonsense", {}, 404),
        ("users", {}, 404),
        ("leads", {"filter": {"fone": {"eq": "1"}}}, 400),
        ("leads", {"filter": "{"}, 400),
        ("leads", {"first": 1}, 400),
    ],
)
async def test_what_cannot_be_is_refused(
    api: Api, tenant: SomeTenant, name: str, chosen: dict[str, Any], status: int
) -> None:
    response = await export(api, tenant, name, **chosen)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["extensions"]["hint"]


async def test_nobody_without_a_key(api: Api) -> None:
    assert (await api.http.get("/export/leads.csv")).status_code == 401


async def test_every_entity_can_be_exported_with_more_rows_than_a_batch(api: Api, tenant: SomeTenant) -> None:
    for name in EXPORTED:
        rows_of(
            await export(
                api,
                tenant,
                f"{name.lower()}s"
                if name not in ("Opportunity", "Activity")
                else {"Opportunity": "opportunities", "Activity": "activities"}[name],
            )
        )
    with acting_as(tenant.system):
        from evenhand.actions.bulk import create_many

        for start in (0, 600):
            await create_many("Lead", [{"name": f"L{number}"} for number in range(start, start + 600)])
    assert len(rows_of(await export(api, tenant, "leads"))) == 1200


def test_every_column_has_a_chinese_name() -> None:
    missing = set()
    for name in EXPORTED:
        item = TYPES[name]
        references = {one.column: key for key, one in item.members.items() if isinstance(one, One)}
        missing |= {references.get(column, column) for column in item.columns} - ZH.keys() - {"custom", "version"}
    assert missing == set()


SOME = [
    ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+cmd|'/C calc'!A0", "'+cmd|'/C calc'!A0"), (" =1", "' =1"),
    ("\t=1", "'\t=1"), ("＝1", "'＝1"), ("+86 138-1234-5678", "+86 138-1234-5678"), ("-2+3", "'-2+3"),
    (Decimal("-5.00"), "-5.00"), (None, ""), (True, "true"), (date(2026, 1, 2), "2026-01-02"),
    (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"), ("王", "王"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "shown"), SOME)
def test_cells(value: Any, shown: str) -> None:
    assert cell(value) == shown


@given(st.text())
def test_no_text_begins_a_formula_that_calls_something(text: str) -> None:
    shown = cell(text)
    if shown.lstrip()[:1] in tuple("=+-@＝＋－＠"):
        assert not any(character.isalpha() or character in "|!=@" for character in shown)


@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_files_are_read_back_as_they_were_written(values: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(lines([values]).decode(), newline="")) if any(values) or len(values) > 1 else [[""]]
    assert row == [cell(value) for value in values]
