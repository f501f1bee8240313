from evenhand.actions.leads import convert_lead
from evenhand.actions.owners import set_owner
from evenhand.db.session import reading
from evenhand.entities import Lead
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant


async def test_smoke(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="张三", company="上海某某", email="a@b.c", value_estimate="100.50")
    with acting_as(tenant.actor(Role.MANAGER)):
        assert await set_owner("lead", [lead], owner_id=tenant.users[Role.REP]) == [lead]
        out = await convert_lead(lead)
        async with reading():
            assert (await Lead.get(id=lead)).converted_account_id == out.account_id
