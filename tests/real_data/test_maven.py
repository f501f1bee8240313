"""Maven's CRM: accounts, products, teams and 8,800 deals, against what plain Python finds in the files."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

from evenhand.actions.imports import ImportReport
from evenhand.db.session import reading
from evenhand.entities import ExternalId, OpportunityLine
from evenhand.entities.enums import OwnershipReason
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as

from .conftest import Desk, need, plain_rows

FILES = (
    ("accounts", "accounts.csv"),
    ("products", "products.csv"),
    ("users", "sales_teams.csv"),
    ("opportunities", "sales_pipeline.csv"),
)
GTX = {"product": {"GTXPro": "GTX Pro"}}


async def load_all(desk: Desk, folder: Path) -> dict[str, ImportReport]:
    return {
        kind: await desk.load(kind, folder / name, values=GTX if kind == "opportunities" else {})
        for kind, name in FILES
    }


def figures(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.bad


async def test_all_four_files_twice(desk: Desk) -> None:
    folder = need("crm/maven")
    first = await load_all(desk, folder)
    assert {kind: figures(report) for kind, report in first.items()} == {
        "accounts": (85, 0, 0, 0),
        "products": (7, 0, 0, 0),
        "users": (35, 0, 0, 0),
        "opportunities": (8800, 0, 0, 0),
    }
    assert dict(first["users"].also_created) == {"Team": 3, "User": 6}
    second = await load_all(desk, folder)
    assert {kind: figures(report) for kind, report in second.items()} == {
        "accounts": (0, 0, 85, 0),
        "products": (0, 0, 7, 0),
        "users": (0, 0, 35, 0),
        "opportunities": (0, 0, 8800, 0),
    }
    assert not second["users"].also_created
    await check_people(desk, folder)
    await check_accounts(desk, folder)
    await check_deals(desk, folder)


async def check_people(desk: Desk, folder: Path) -> None:
    rows = plain_rows(folder / "sales_teams.csv")
    users = {user.name: user for user in await desk.all("User")}
    teams = {team.id: team for team in await desk.all("Team")}
    for row in rows:
        agent, manager = users[row["sales_agent"]], users[row["manager"]]
        assert (agent.role, manager.role) == (Role.REP, Role.MANAGER)
        assert agent.manager_id == manager.id
        assert teams[agent.team_id].name == row["regional_office"]
        assert agent.regions == [row["regional_office"]]
    assert len({row["manager"] for row in rows}) == 6


async def check_accounts(desk: Desk, folder: Path) -> None:
    rows = plain_rows(folder / "accounts.csv")
    accounts = {account.name: account for account in await desk.all("Account")}
    assert len(accounts) == len(rows)
    for row in rows:
        account = accounts[row["account"]]
        parent = accounts[row["subsidiary_of"]].id if row["subsidiary_of"] else None
        assert (account.industry, account.country, account.parent_id) == (row["sector"], row["office_location"], parent)
        assert account.annual_revenue == Decimal(row["revenue"]) * 1_000_000
        assert (account.employees, account.founded_year) == (int(row["employees"]), int(row["year_established"]))


async def check_deals(desk: Desk, folder: Path) -> None:
    rows = {row["opportunity_id"]: row for row in plain_rows(folder / "sales_pipeline.csv")}
    names: dict[str, dict[object, str]] = {
        kind: {record.id: record.name for record in await desk.all(kind)}
        for kind in ("Account", "User", "Stage", "Product")
    }
    deals = {deal.id: deal for deal in await desk.all("Opportunity")}
    with acting_as(desk.tenant.system):
        async with reading():
            ids = await ExternalId.filter(entity="Opportunity", source="maven")
            lines = {line.opportunity_id: line.product_id for line in await OpportunityLine.all()}
            ledger = await OwnershipEntry.filter(entity="Opportunity")
    assert {known.external_id for known in ids} == set(rows)
    for known in ids:
        row, deal = rows[known.external_id], deals[known.record_id]
        assert names["User"][deal.owner_id] == row["sales_agent"]
        assert names["Stage"][deal.stage_id] == row["deal_stage"]
        assert names["Account"].get(deal.account_id, "") == row["account"]
        assert names["Product"][lines[deal.id]] == row["product"].replace("GTXPro", "GTX Pro")
        assert (str(deal.opened_on or ""), str(deal.closed_on or "")) == (row["engage_date"], row["close_date"])
        assert deal.amount == (Decimal(row["close_value"]) if row["close_value"] else None)
    assert sum(1 for deal in deals.values() if deal.account_id is None) == 1425
    won = sum(deal.amount for deal in deals.values() if names["Stage"][deal.stage_id] == "Won")
    assert won == sum(Decimal(row["close_value"]) for row in rows.values() if row["deal_stage"] == "Won")
    held = Counter(names["User"][entry.owner_id] for entry in ledger)
    assert held == Counter(row["sales_agent"] for row in rows.values())
    assert {entry.reason for entry in ledger} == {OwnershipReason.IMPORTED}


async def test_the_product_that_is_spelled_otherwise_is_reported_and_mended(desk: Desk) -> None:
    folder = need("crm/maven")
    for kind, name in FILES[:3]:
        await desk.load(kind, folder / name)
    report = await desk.load("opportunities", folder / "sales_pipeline.csv")
    assert figures(report) == (7320, 0, 0, 1480)
    assert list(report.problem_counts.values()) == [1480]
    problem = report.problems[0]
    assert (problem.line, problem.column, problem.value) == (3, "product", "GTXPro")
    assert problem.hint.startswith('Did you mean "GTX Pro"')
    assert report.error_file is not None
    mended = report.error_file.with_name("mended.csv")
    mended.write_text(report.error_file.read_text(encoding="utf-8-sig").replace("GTXPro", "GTX Pro"), encoding="utf-8")
    assert figures(await desk.load("opportunities", mended)) == (1480, 0, 0, 0)
    assert figures(await desk.load("opportunities", folder / "sales_pipeline.csv", values=GTX)) == (0, 0, 8800, 0)
    assert len(await desk.all("Opportunity")) == 8800
