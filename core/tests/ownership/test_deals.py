"""Which opportunities count as closed deals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from evenhand.actions.records import archive_record
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities import Stage
from evenhand.ownership.deals import closed_deals
from evenhand.plugins.contract import Deal, Outcome
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, make_tenant


async def close(tenant: SomeTenant, kind: str = "won", **values: Any) -> UUID:
    with acting_as(tenant.system):
        async with reading():
            stage = await Stage.filter(kind=kind).order_by("position").first()
    assert stage is not None
    return await tenant.create("Opportunity", **{"name": "年度续约", "stage_id": stage.id, **values})


async def deals(tenant: SomeTenant, *period: date, **filters: Any) -> list[Deal]:
    with acting_as(tenant.system):
        return await closed_deals(*period, **filters)


async def test_a_deal_is_told_whole(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="上海测试有限公司")
    owner = tenant.users[Role.REP]
    won = await close(
        tenant,
        name="Renewal",
        account_id=account,
        owner_id=owner,
        amount="1234.5",
        currency="CNY",
        opened_on="2026-01-02",
        closed_on="2026-03-04",
    )
    assert await deals(tenant) == [
        Deal(
            opportunity_id=won,
            name="Renewal",
            account_id=account,
            owner_id=owner,
            outcome=Outcome.WON,
            amount=Decimal("1234.5"),
            currency="CNY",
            opened_on=date(2026, 1, 2),
            closed_on=date(2026, 3, 4),
        )
    ]


async def test_only_closed_and_kept_opportunities_count(tenant: SomeTenant) -> None:
    won = await close(tenant, closed_on="2026-03-04")
    lost = await close(tenant, "lost", closed_on="2026-03-05")
    archived = await close(tenant, closed_on="2026-03-06")
    await tenant.create("Opportunity", name="still open")
    with acting_as(tenant.system):
        await archive_record("Opportunity", archived)
    found = await deals(tenant)
    assert [(deal.opportunity_id, deal.outcome) for deal in found] == [(won, Outcome.WON), (lost, Outcome.LOST)]
    assert found[0].amount == 0


async def test_both_days_of_a_period_are_included(tenant: SomeTenant) -> None:
    days = [date(2026, 3, day) for day in (1, 2, 3, 4)]
    ids = [await close(tenant, closed_on=day) for day in days]
    assert [deal.opportunity_id for deal in await deals(tenant, days[1], days[2])] == ids[1:3]
    assert [deal.opportunity_id for deal in await deals(tenant, days[2])] == ids[2:]
    assert await deals(tenant, date(2027, 1, 1)) == []


async def test_filters_by_owner_account_and_opportunity(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Acme")
    one = await close(tenant, owner_id=tenant.users[Role.REP], account_id=account)
    two = await close(tenant, owner_id=tenant.users[Role.MANAGER])
    assert [deal.opportunity_id for deal in await deals(tenant, owner_ids=[tenant.users[Role.REP]])] == [one]
    assert [deal.opportunity_id for deal in await deals(tenant, account_ids={account})] == [one]
    assert [deal.opportunity_id for deal in await deals(tenant, opportunity_ids=[two])] == [two]
    assert await deals(tenant, owner_ids=[]) == []


async def test_the_first_day_falls_back_to_the_day_of_entry_at_the_tenant(database: object) -> None:
    tenant = await make_tenant(time_zone="Asia/Shanghai")
    entered = await close(tenant, closed_on="2026-03-10")
    imported = await close(tenant, closed_on="2026-03-09")
    late = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)
    with acting_as(tenant.system):
        async with transaction() as client:
            await raw_connection(client).execute(
                "UPDATE opportunities SET created_at = $1 WHERE tenant_id = $2", late, tenant.id
            )
    first_days = {deal.opportunity_id: deal.opened_on for deal in await deals(tenant)}
    assert first_days == {entered: late.date() + timedelta(days=1), imported: None}


async def test_another_tenants_deals_are_never_seen(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    won = await close(tenant)
    assert await deals(other_tenant) == []
    assert await deals(other_tenant, opportunity_ids=[won]) == []
    assert len(await deals(tenant)) == 1
