from __future__ import annotations

import pytest

from evenhand.actions.errors import AlreadyConverted
from evenhand.actions.leads import convert_lead
from evenhand.actions.records import update_record
from evenhand.db.session import reading
from evenhand.entities import Account, Lead
from evenhand.entities.enums import LeadStatus
from evenhand.errors import InvalidInput
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


async def test_only_a_conversion_makes_a_lead_converted(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="李")
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput) as invalid:
            await update_record("Lead", lead, {"status": "converted"})
        assert invalid.value.problems[0].code == "NOT_CONVERTED"
        await convert_lead(lead)


async def test_a_converted_lead_stays_so(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="李")
    with acting_as(tenant.system):
        await convert_lead(lead)
        with pytest.raises(InvalidInput) as invalid:
            await update_record("Lead", lead, {"status": "working"})
        assert invalid.value.problems[0].code == "CONVERTED"
        assert await update_record("Lead", lead, {"status": "converted", "notes": "还可以改"})
        async with reading():
            assert await Account.all().count() == 1
            assert (await Lead.get(id=lead)).status is LeadStatus.CONVERTED


async def test_a_lead_that_came_in_as_converted_says_so_until_its_status_is_mended(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="李", status="converted")
    with acting_as(tenant.system):
        with pytest.raises(AlreadyConverted, match="came in as converted"):
            await convert_lead(lead)
        await update_record("Lead", lead, {"status": "working"})
        await convert_lead(lead)
