"""What single entities add to a plain create or update."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from evenhand.actions.leads import convert_lead
from evenhand.actions.records import create_record, update_record
from evenhand.db.session import reading
from evenhand.entities import Opportunity, Payment, Stage, StageChange
from evenhand.errors import InvalidInput
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant, make_tenant


async def test_a_payment_is_in_the_currency_of_its_order(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Acme")
    order = await tenant.create("Order", number="SO-1", account_id=account, total="10", currency="EUR")
    plain = await tenant.create("Payment", order_id=order, amount="10")
    with pytest.raises(InvalidInput) as invalid:
        await tenant.create("Payment", order_id=order, amount="-3", currency="GBP")
    assert [(item.field, item.code) for item in invalid.value.problems] == [("currency", "OTHER_CURRENCY")]
    with acting_as(tenant.system):
        async with reading():
            assert (await Payment.get(id=plain)).currency == "EUR"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
async def test_days_are_those_of_the_tenants_calendar(database: object, zone: str) -> None:
    """Of 14 hours before and 12 hours after UTC one always has another day."""
    tenant = await make_tenant(time_zone=zone)
    lead = await tenant.create("Lead", name="Li")
    with acting_as(tenant.system):
        async with reading():
            won = await Stage.get(kind="won")
        born_won = await create_record("Opportunity", {"name": "Deal", "stage_id": won.id})
        converted = await convert_lead(lead)
        assert converted.opportunity_id is not None
        await update_record("Opportunity", converted.opportunity_id, {"stage_id": won.id})
        async with reading():
            for deal in await Opportunity.filter(id__in=[born_won, converted.opportunity_id]):
                assert deal.stage_entered_at is not None
                local = deal.stage_entered_at.astimezone(ZoneInfo(zone)).date()
                assert deal.closed_on == local
                assert deal.opened_on in (None, local, local - timedelta(days=1))


async def test_a_deal_changes_its_pipeline_with_its_stage_only(tenant: SomeTenant) -> None:
    pipeline = await tenant.create("Pipeline", name="Renewals")
    stage = await tenant.create("Stage", name="First", pipeline_id=pipeline)
    deal = await tenant.create("Opportunity", name="Deal")
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput) as invalid:
            await update_record("Opportunity", deal, {"pipeline_id": pipeline})
        assert invalid.value.problems[0].field == "stage_id"
        assert await update_record("Opportunity", deal, {"pipeline_id": pipeline, "stage_id": stage})


async def test_closed_deals_have_a_closing_day_and_open_ones_have_none(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with reading():
            won = await Stage.get(kind="won")
            first = await Stage.filter(kind="open").order_by("position").first()
        assert first is not None
        with pytest.raises(InvalidInput):
            await create_record("Opportunity", {"name": "Deal", "closed_on": "2026-01-02"})
        deal = await create_record("Opportunity", {"name": "Deal"})
        with pytest.raises(InvalidInput):
            await update_record("Opportunity", deal, {"closed_on": "2026-01-02"})
        await update_record("Opportunity", deal, {"stage_id": won.id, "closed_on": "2026-01-02"})
        with pytest.raises(InvalidInput):
            await update_record("Opportunity", deal, {"closed_on": None})
        with pytest.raises(InvalidInput):
            await update_record("Opportunity", deal, {"stage_id": first.id, "closed_on": "2026-01-02"})
        await update_record("Opportunity", deal, {"closed_on": "2026-01-03"})
        async with reading():
            assert (await Opportunity.get(id=deal)).closed_on == date(2026, 1, 3)
            assert await StageChange.filter(opportunity_id=deal).count() == 2
        await update_record("Opportunity", deal, {"stage_id": first.id})
        async with reading():
            assert (await Opportunity.get(id=deal)).closed_on is None
