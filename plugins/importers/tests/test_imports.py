"""From files to records: mapping, references, upsert, owners, bad rows."""

from __future__ import annotations

import asyncio
import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evenhand.actions.errors import DuplicateValue
from evenhand.actions.imports import BadMapping, ImportReport, MissingColumns, NoImporter
from evenhand.actions.plugins import set_plugin
from evenhand.actions.records import archive_record, update_record
from evenhand.api import UnreadableFile
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import ContactChannel, ExternalId, OpportunityLine, StageChange
from evenhand.entities.enums import ChannelKind, OwnershipReason
from evenhand.errors import InvalidInput
from evenhand.events.models import OutboxEvent
from evenhand.jobs.models import Job, JobState
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

from .conftest import Company, Write


def figures(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.bad


def problems(report: ImportReport) -> list[tuple[int, str, str, str]]:
    return [(problem.line, problem.column, problem.value, problem.code) for problem in report.problems]


async def rows_of(company: Company, model: Any, **filters: Any) -> list[Any]:
    with acting_as(company.tenant.system):
        async with reading():
            return list(await model.filter(**filters).order_by("id"))


ACCOUNTS = """客户编号,客户名称,行业,负责人,年营业额（万元）,所在城市
K1,上海测试有限公司,制造业,王小明,"1,200.5",上海
K2,北京示例贸易公司,贸易,Anna Snelling,¥3.5,北京
K3,Acme (China),,,,
"""


async def people(company: Company) -> dict[str, Any]:
    names = ("王小明", "Anna Snelling")
    return {name: await company.tenant.create("User", name=name, role=Role.REP) for name in names}


async def test_chinese_accounts_with_owners(company: Company, write: Write) -> None:
    users = await people(company)
    report = await company.load("accounts", write("客户.csv", ACCOUNTS, "gb18030"))
    assert figures(report) == (3, 0, 0, 0), report.problems
    first, second, third = await company.all("Account")
    assert (first.name, first.industry, first.owner_id) == ("上海测试有限公司", "制造业", users["王小明"])
    assert (first.annual_revenue, first.annual_revenue_currency) == (Decimal("12005000"), "USD")
    assert first.addresses == [{"city": "上海"}]
    assert (second.annual_revenue, second.annual_revenue_currency) == (Decimal("35000"), "CNY")
    assert third.owner_id is None
    assert third.pool_id is not None


async def test_an_import_leaves_what_a_single_write_leaves(company: Company, write: Write) -> None:
    users = await people(company)
    await company.load("accounts", write("客户.csv", ACCOUNTS), source="erp")
    (account, *_) = await company.all("Account")
    (line,) = await rows_of(company, OwnershipEntry, record_id=account.id)
    assert (line.owner_id, line.reason, line.note) == (users["王小明"], OwnershipReason.IMPORTED, "erp: 客户.csv")
    (entry,) = await rows_of(company, AuditEntry, record_id=account.id)
    assert (entry.action, entry.before) == ("import_rows", None)
    assert entry.after["name"] == "上海测试有限公司"
    (event,) = await rows_of(company, OutboxEvent, record_id=account.id)
    assert event.type == "AccountCreated"
    (known,) = await rows_of(company, ExternalId, record_id=account.id)
    assert (known.source, known.external_id) == ("erp", "K1")


async def test_the_second_time_only_differences_are_written(company: Company, write: Write) -> None:
    await people(company)
    path = write("客户.csv", ACCOUNTS)
    await company.load("accounts", path)
    assert figures(await company.load("accounts", path)) == (0, 0, 3, 0)
    changed = write("客户.csv", ACCOUNTS.replace("制造业", "汽车").replace("Acme (China)", ""))
    report = await company.load("accounts", changed)
    assert figures(report) == (0, 1, 1, 1)
    assert problems(report) == [(4, "客户名称", "", "REQUIRED")]
    first, _, third = await company.all("Account")
    assert (first.industry, first.version) == ("汽车", 2)
    assert (third.name, third.version) == ("Acme (China)", 1)


async def test_blank_cells_change_nothing(company: Company, write: Write) -> None:
    await company.load("accounts", write("a.csv", "id,name,industry\n1,Acme,Retail\n"))
    assert figures(await company.load("accounts", write("a.csv", "id,name,industry\n1,Acme,\n"))) == (0, 0, 1, 0)
    assert (await company.one("Account")).industry == "Retail"


async def test_ids_of_two_sources_differ(company: Company, write: Write) -> None:
    path = write("a.csv", "id,name\n1,Acme\n")
    await company.load("accounts", path, source="north")
    assert figures(await company.load("accounts", path, source="south")) == (1, 0, 0, 0)


async def test_known_records_keep_their_owner_unless_asked(company: Company, write: Write) -> None:
    users = await people(company)
    await company.load("leads", write("l.csv", "id,name,owner\n1,Li,王小明\n"))
    path = write("l.csv", "id,name,owner\n1,Li,Anna Snelling\n")
    report = await company.load("leads", path)
    assert (figures(report), report.owners_kept) == ((0, 0, 1, 0), 1)
    assert (await company.one("Lead")).owner_id == users["王小明"]
    report = await company.load("leads", path, update_owners=True)
    assert (figures(report), report.owners_kept) == ((0, 1, 0, 0), 0)
    lead = await company.one("Lead")
    assert lead.owner_id == users["Anna Snelling"]
    reasons = [entry.reason for entry in await rows_of(company, OwnershipEntry, record_id=lead.id)]
    assert reasons == [OwnershipReason.IMPORTED, OwnershipReason.IMPORTED]


async def test_unknown_names_are_reported_with_what_is_near_and_can_be_mapped(company: Company, write: Write) -> None:
    await company.load("products", write("p.csv", "product,price\nGTX Pro,4821\nGTX Basic,550\n"))
    deals = write("d.csv", "deal id,product,amount\n1,GTXPro,10\n2,gtx　basic,20\n3,Nothing like it,30\n")
    report = await company.load("opportunities", deals)
    assert figures(report) == (1, 0, 0, 2)
    assert problems(report) == [
        (2, "product", "GTXPro", "REFERENCE_NOT_FOUND"),
        (4, "product", "Nothing like it", "REFERENCE_NOT_FOUND"),
    ]
    assert report.problems[0].hint.startswith('Did you mean "GTX Pro"?')
    assert "--map-value product:GTXPro='GTX Pro'" in report.problems[0].hint
    again = await company.load("opportunities", deals, values={"product": {"GTXPro": "GTX Pro"}})
    assert figures(again) == (1, 0, 1, 1)
    names = {deal.name for deal in await company.all("Opportunity")}
    assert names == {"GTX Pro", "gtx　basic"}
    products = {product.name: product.id for product in await company.all("Product")}
    lines = await rows_of(company, OpportunityLine)
    assert {line.product_id for line in lines} == set(products.values())


async def test_two_records_of_one_name_must_be_told_apart(company: Company, write: Write) -> None:
    await company.load("accounts", write("a.csv", "id,name\nA1,Acme\nA2,ACME\n"))
    report = await company.load("contacts", write("c.csv", "id,name,account\n1,Li,acme\n2,Wu,A2\n"))
    assert problems(report) == [(2, "account", "acme", "AMBIGUOUS_REFERENCE")]
    accounts = await company.all("Account")
    assert (await company.one("Contact")).account_id == accounts[1].id


async def test_stages_are_found_by_name_kind_and_other_language(chinese_company: Company, write: Write) -> None:
    text = (
        "商机编号,商机名称,阶段,金额,创建日期,成交日期\n"
        "1,甲,Won,100,2024-01-01,2024-02-01\n"
        "2,乙,Closed Lost,200,2024/1/1,2024年2月1日\n"
        "3,丙,需求确认,300,2024-01-01,2030-01-01\n"
        "4,丁,Prospecting,400,,\n"
        "5,戊,Nowhere,400,,\n"
    )
    report = await chinese_company.load("opportunities", write("d.csv", text))
    assert problems(report) == [(6, "阶段", "Nowhere", "REFERENCE_NOT_FOUND")]
    stages = {stage.id: stage.name for stage in await chinese_company.all("Stage")}
    deals = await chinese_company.all("Opportunity")
    assert [stages[deal.stage_id] for deal in deals] == ["赢单", "输单", "需求确认", "初步接触"]
    assert [deal.closed_on for deal in deals] == [date(2024, 2, 1), date(2024, 2, 1), None, None]
    assert deals[2].expected_close == date(2030, 1, 1)
    assert {deal.currency for deal in deals} == {"CNY"}
    history = await rows_of(chinese_company, StageChange)
    assert [change.to_stage_id for change in history] == [deal.stage_id for deal in deals]


async def test_parents_may_come_after_their_children(company: Company, write: Write) -> None:
    path = write("a.csv", "name,parent company\nChild,Mother\nMother,\nOrphan,Nobody Knows\n")
    report = await company.load("accounts", path)
    assert figures(report) == (2, 0, 0, 1)
    accounts = {account.name: account for account in await company.all("Account")}
    assert accounts["Child"].parent_id == accounts["Mother"].id
    assert figures(await company.load("accounts", path)) == (0, 0, 2, 1)


async def test_a_parent_whose_own_row_is_bad_is_reported_for_the_child(company: Company, write: Write) -> None:
    path = write("a.csv", "name,parent,employees\nChild,Mother,5\nMother,,many\n")
    report = await company.load("accounts", path)
    assert figures(report) == (1, 0, 0, 1)
    assert problems(report) == [
        (2, "parent", "Mother", "REFERENCE_NOT_FOUND"),
        (3, "employees", "many", "NOT_A_NUMBER"),
    ]
    assert report.error_file is not None
    mended = report.error_file.read_text(encoding="utf-8-sig").replace("many", "50")
    again = await company.load("accounts", write("mended.csv", mended))
    assert figures(again) == (1, 1, 0, 0)
    accounts = {account.name: account for account in await company.all("Account")}
    assert accounts["Child"].parent_id == accounts["Mother"].id


async def test_teams_and_managers_that_are_missing_are_created_once(company: Company, write: Write) -> None:
    text = "sales_agent,manager,regional_office\nAnna,Dustin,Central\nBo,Dustin,Central\nDustin,,East\n"
    path = write("teams.csv", text + "Cy,Mara,East\n")
    report = await company.load("users", path)
    assert figures(report) == (4, 0, 0, 0)
    assert dict(report.also_created) == {"User": 1, "Team": 2}
    users = {user.name: user for user in await company.all("User")}
    teams = {team.name: team for team in await company.all("Team")}
    assert users["Mara"].role is Role.MANAGER
    assert users["Anna"].manager_id == users["Dustin"].id
    assert (users["Anna"].team_id, users["Anna"].regions) == (teams["Central"].id, ["Central"])
    assert teams["Central"].region == "Central"
    report = await company.load("users", path)
    assert (figures(report), dict(report.also_created)) == ((0, 0, 4, 0), {})


async def test_a_manager_need_not_be_able_to_own_records(company: Company, write: Write) -> None:
    boss = await company.tenant.create("User", name="Boss", role=Role.READ_ONLY)
    report = await company.load("users", write("u.csv", "name,manager\nLi,Boss\n"))
    assert figures(report) == (1, 0, 0, 0)
    assert (await company.one("User", name="Li")).manager_id == boss


async def test_contacts_bring_their_channels(company: Company, write: Write) -> None:
    text = "姓,名,邮箱,手机,微信,电话\n王,小明,xm@example.com,13800000000,wxm,\nSmith,Jo,jo@example.com,,,+44 1\n"
    await company.load("contacts", write("c.csv", text))
    first, second = await company.all("Contact")
    assert (first.name, second.name) == ("王小明", "Jo Smith")
    channels = await rows_of(company, ContactChannel, contact_id=first.id)
    assert {(channel.kind, channel.value, channel.label) for channel in channels} == {
        (ChannelKind.EMAIL, "xm@example.com", None),
        (ChannelKind.PHONE, "13800000000", "mobile"),
        (ChannelKind.WECHAT, "wxm", None),
    }
    report = await company.load("contacts", write("c.csv", "邮箱,姓名,手机\nxm@example.com,王小明,13900000000\n"))
    assert figures(report) == (0, 1, 0, 0)
    phones = await rows_of(company, ContactChannel, contact_id=first.id, kind=ChannelKind.PHONE)
    assert [(phone.value, phone.is_primary) for phone in phones] == [("13800000000", True), ("13900000000", False)]


async def test_what_was_here_before_is_taken_over_by_its_natural_key(company: Company, write: Write) -> None:
    product = await company.tenant.create("Product", code="P-1", name="Pump")
    user = await company.tenant.create("User", name="Li", email="li@example.com", role=Role.REP)
    account = await company.tenant.create("Account", name="Acme")
    await company.load("products", write("p.csv", "code,name,price\nP-1,Pump,5\n"))
    await company.load("users", write("u.csv", "id,name,email\n7,Li Lei,LI@example.com\n"))
    await company.load("accounts", write("a.csv", "name,industry\nACME,Retail\n"))
    assert (await company.one("Product")).id == product
    assert (await company.one("Product")).list_price == 5
    assert (await company.one("User", id=user)).name == "Li Lei"
    assert (await company.one("Account")).id == account


async def test_custom_fields_are_defined_and_filled(company: Company, write: Write) -> None:
    path = write("a.csv", "name,Budget 2026,Note\nAcme,large,x\n")
    report = await company.load("accounts", path, columns={"budget 2026": "custom.budget"})
    assert report.mapping == {"name": "name", "Budget 2026": "custom.budget"}
    assert [column.header for column in report.unmapped] == ["Note"]
    (definition,) = await company.all("CustomField")
    assert (definition.key, definition.entity, definition.titles) == ("budget", "Account", {"en": "Budget 2026"})
    account = await company.one("Account")
    assert account.custom == {"budget": "large"}
    with acting_as(company.tenant.system):
        await update_record("Account", account.id, {"custom": {"budget": "large"}})
    await company.load("accounts", path, columns={"Note": "custom.note"})
    assert (await company.one("Account")).custom == {"budget": "large", "note": "x"}


async def test_repeated_rows(company: Company, write: Write) -> None:
    report = await company.load("accounts", write("a.csv", "id,name\n1,Acme\n1,Acme\n1,Other\n"))
    assert (figures(report), report.repeated) == ((1, 0, 0, 1), 1)
    assert problems(report) == [(4, "id", "1", "DUPLICATE_KEY")]
    assert "line 2" in report.problems[0].message


BAD_DEALS = """deal id,name,owner,amount,currency,created,close date,stage,extra
1,good,Rep,100,,2024-01-01,2024-01-02,Won,
2,bad day,Rep,100,,2024-02-30,,,
3,negative,Rep,-5,,,,,
4,nobody,Somebody Else,5,,,,,
5,backwards,Rep,5,,2024-02-01,2024-01-01,Won,
6,clash,Rep,€5,USD,,,,
7,"multi
line",Rep,abc,,never,,,
8,many,Rep,1,,,,,,,9
9,read only,Watcher,1,,,,,
10,good too,,1,,,,,
"""


async def test_every_kind_of_bad_row_is_reported_and_the_good_ones_are_taken(company: Company, write: Write) -> None:
    await company.tenant.create("User", name="Rep", role=Role.REP)
    await company.tenant.create("User", name="Watcher", role=Role.READ_ONLY)
    path = write("deals.csv", BAD_DEALS)
    report = await company.load("opportunities", path)
    assert figures(report) == (2, 0, 0, 8)
    assert problems(report) == [
        (3, "created", "2024-02-30", "BAD_DATE"),
        (4, "amount", "-5", "OUT_OF_RANGE"),
        (5, "owner", "Somebody Else", "REFERENCE_NOT_FOUND"),
        (6, "close date", "2024-01-01", "ENDS_BEFORE_START"),
        (7, "amount", "€5", "CURRENCY_CONFLICT"),
        (8, "amount", "abc", "NOT_A_NUMBER"),
        (8, "created", "never", "BAD_DATE"),
        (10, "", "", "TOO_MANY_CELLS"),
        (11, "owner", "Watcher", "NOT_USABLE"),
    ]
    assert all(problem.hint for problem in report.problems)
    assert report.error_file == path.with_name("deals.csv.errors.csv")
    with report.error_file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["_line", "_column", "_problem", "_hint", *BAD_DEALS.splitlines()[0].split(",")]
    assert [row[0] for row in rows[1:]] == ["3", "4", "5", "6", "7", "8", "10", "11"]
    assert rows[6][4:6] == ["7", "multi\nline"]


async def test_the_error_file_can_be_mended_and_imported_again(company: Company, write: Write) -> None:
    path = write("a.csv", "id,name,employees\n1,Acme,10\n2,Bolt,many\n3,,5\n")
    first = await company.load("accounts", path)
    assert first.error_file is not None
    mended = first.error_file.read_text(encoding="utf-8-sig").replace("many", "20")
    first.error_file.write_text(mended, encoding="utf-8-sig")
    second = await company.load("accounts", first.error_file)
    assert figures(second) == (1, 0, 0, 1)
    assert second.mapping == {"id": "external_id", "name": "name", "employees": "employees"}
    assert sorted(account.name for account in await company.all("Account")) == ["Acme", "Bolt"]


async def test_a_mended_error_file_is_not_overwritten(company: Company, write: Write) -> None:
    path = write("a.csv", "name,employees\nAcme,many\n")
    first = await company.load("accounts", path)
    assert first.error_file is not None
    first.error_file.write_text("mended", encoding="utf-8")
    await company.load("accounts", path)
    assert path.with_name("a.csv.errors.previous.csv").read_text(encoding="utf-8") == "mended"


async def test_a_row_that_the_database_refuses_stands_alone(company: Company, write: Write) -> None:
    await company.tenant.create("Competitor", name="Rival")
    text = "id,name\n" + "".join(f"{number},Comp {number}\n" for number in range(40)) + "99,Rival\n"
    report = await company.load("competitors", write("c.csv", text), batch=64)
    assert figures(report) == (40, 0, 0, 1)
    assert problems(report) == [(42, "", "", DuplicateValue.code)]
    assert len(await company.all("Competitor")) == 41


async def test_archived_records_are_not_changed(company: Company, write: Write) -> None:
    await company.load("accounts", write("a.csv", "id,name\n1,Acme\n"))
    account = await company.one("Account")
    with acting_as(company.tenant.system):
        await archive_record("Account", account.id)
    report = await company.load("accounts", write("a.csv", "id,name\n1,Bolt\n"))
    assert problems(report) == [(2, "", "", "RECORD_ARCHIVED")]
    assert (await company.one("Account")).name == "Acme"


async def test_a_dry_run_reports_the_same_and_keeps_nothing(company: Company, write: Write) -> None:
    path = write("t.csv", "sales_agent,manager,regional_office\nAnna,Dustin,Central\nBo,Anna,East\n,,\nCy,,West\n")
    before = await company.all("User")
    dry = await company.load("users", path, dry_run=True, batch=1)
    assert await company.all("User") == before
    assert await company.all("Team") == []
    real = await company.load("users", path, batch=1)
    assert figures(dry) == figures(real) == (3, 0, 0, 0)
    assert dry.also_created == real.also_created


async def test_two_imports_at_once_create_nothing_twice(company: Company, write: Write) -> None:
    lines = [f"{number},Lead {number},l{number}@example.com" for number in range(300)]
    forwards = write("a.csv", "\n".join(["id,name,email", *lines]) + "\n")
    backwards = write("b.csv", "\n".join(["id,name,email", *reversed(lines)]) + "\n")
    reports = await asyncio.gather(
        *(company.load("leads", path, batch=40) for path in (forwards, backwards, forwards, backwards))
    )
    assert sum(report.created for report in reports) == 300
    assert sum(report.unchanged for report in reports) == 900
    assert len(await company.all("Lead")) == 300


async def test_another_tenants_records_are_not_found(company: Company, other_tenant: SomeTenant, write: Write) -> None:
    await other_tenant.create("User", name="Their Rep", role=Role.REP)
    report = await company.load("leads", write("l.csv", "id,name,owner\n1,Li,Their Rep\n"))
    assert problems(report) == [(2, "owner", "Their Rep", "REFERENCE_NOT_FOUND")]
    assert "Did you mean" not in report.problems[0].hint


@pytest.mark.parametrize(
    ("content", "columns", "error", "says"),
    [
        ("id,industry\n1,x\n", {}, MissingColumns, "Account needs name"),
        ("name\nx\n", {"Nam": "name"}, BadMapping, "no column 'Nam'"),
        ("name,x\nx,y\n", {"x": "industri"}, BadMapping, "no field 'industri'"),
        ("name,x\nx,y\n", {"x": "custom.Bad Key"}, BadMapping, "cannot be the key"),
        ("name,x\nx,y\n", {"x": "industry*5"}, BadMapping, "cannot be multiplied"),
        ("name,x,y\nx,y,z\n", {"x": "industry", "y": "industry"}, BadMapping, "both fill industry"),
    ],
)
async def test_a_mapping_that_cannot_be(
    company: Company, write: Write, content: str, columns: dict[str, str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        await company.load("accounts", write("a.csv", content), columns=columns)
    assert await company.all("Account") == []


async def test_files_that_cannot_be_read_are_errors(company: Company, write: Write, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path, write("e.csv", ""), write("x.csv", b"PK\x03\x04" + bytes(64))):
        with pytest.raises(UnreadableFile):
            await company.load("accounts", path)


async def test_a_wrong_delimiter_is_named_as_the_likely_cause(company: Company, write: Write) -> None:
    with pytest.raises(MissingColumns) as caught:
        await company.load("accounts", write("a.csv", "name~industry\nAcme~x\n"))
    assert "--delimiter" in caught.value.hint
    report = await company.load("accounts", write("a.csv", "name~industry\nAcme~x\n"), delimiter="~")
    assert figures(report) == (1, 0, 0, 0)


async def test_without_the_plugin_nothing_is_read(company: Company, write: Write) -> None:
    with acting_as(company.tenant.system):
        await set_plugin("importers", enabled=False)
    with pytest.raises(NoImporter, match="evenhand plugin enable importers"):
        await company.load("accounts", write("a.csv", "name\nAcme\n"))


async def test_who_may_not_write_may_not_import(company: Company, write: Write) -> None:
    from evenhand.actions.imports import import_file

    with acting_as(company.tenant.actor(Role.READ_ONLY)), pytest.raises(PermissionDenied):
        await import_file("accounts", write("a.csv", "name\nAcme\n"))
    assert await company.all("Account") == []


@pytest.mark.parametrize(
    ("kind", "header", "bad", "good"),
    [
        ("accounts", "id,name", f"{'9' * 301},Acme", "2,Other"),
        ("leads", "id,first_name,last_name", f"1,{'a' * 200},{'b' * 200}", "2,Li,Na"),
        ("accounts", "id,name,street", "1,Acme,x\x01y", "2,Other,Main Street"),
        ("products", "id,name", f"1,{'长' * 301}", "2,Press"),
        ("opportunities", "id,name", f"1,{'长' * 301}", "2,Deal"),
    ],
)
async def test_cells_that_no_column_can_hold_spoil_their_row_only(
    company: Company, write: Write, kind: str, header: str, bad: str, good: str
) -> None:
    filler = "".join(f"{n},Name {n},\n" if header.count(",") == 2 else f"{n},Name {n}\n" for n in range(100, 140))
    report = await company.load(kind, write("odd.csv", f"{header}\n{bad}\n{good}\n{filler}"))
    assert (report.created, report.bad) == (41, 1)
    assert [problem.line for problem in report.problems] == [2]


async def test_a_source_whose_name_is_too_long_is_refused(company: Company, write: Write) -> None:
    with pytest.raises(InvalidInput):
        await company.load("accounts", write("a.csv", "id,name\n1,Acme\n"), source="x" * 101)


@pytest.mark.parametrize("dry_run", [False, True])
async def test_an_import_is_a_job_that_others_can_watch(company: Company, write: Write, dry_run: bool) -> None:
    rows = "".join(f"L{number},Person {number}\n" for number in range(25))
    await company.load("leads", write("leads.csv", f"Lead ID,Name\n{rows}"), dry_run=dry_run, batch=10)
    (job,) = await rows_of(company, Job)
    assert (job.kind, job.title, job.state, job.done, job.total) == ("import", "leads.csv", JobState.DONE, 25, 25)
    assert job.message == ("25 created (dry run: nothing was kept)" if dry_run else "25 created")
