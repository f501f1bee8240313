"""X Education's 9,240 leads: imported twice, then given to Maven's sales agents in turns."""

from __future__ import annotations

from collections import Counter

from evenhand.actions.assignment import assign_records
from evenhand.tenancy.context import Role, acting_as

from .conftest import Desk, need, plain_rows


def said(text: str) -> str | None:
    return None if text in ("", "Select") else text


async def test_leads_are_imported_and_shared_out(desk: Desk) -> None:
    path = need("crm/xeducation") / "Leads.csv"
    rows = plain_rows(path)
    await desk.load("users", need("crm/maven") / "sales_teams.csv")
    report = await desk.load("leads", path)
    assert (report.created, report.bad, report.source) == (9240, 0, "xeducation")
    again = await desk.load("leads", path)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 9240)

    leads = await desk.all("Lead")
    assert [lead.name for lead in leads] == [f"Lead {row['Lead Number']}" for row in rows]
    for column, field in {"Lead Source": "source", "City": "city", "Country": "country"}.items():
        assert [getattr(lead, field) for lead in leads] == [said(row[column]) for row in rows]
    assert not any(lead.owner_id for lead in leads)

    with acting_as(desk.tenant.system):
        assigned = await assign_records("Lead", [lead.id for lead in leads], seed=1)
    counts = Counter(item.owner_id for item in assigned)
    agents = {user.id for user in await desk.all("User", role=Role.REP)}
    assert set(counts) == agents
    assert max(counts.values()) - min(counts.values()) <= 1
    assert Counter(lead.owner_id for lead in await desk.all("Lead")) == counts
