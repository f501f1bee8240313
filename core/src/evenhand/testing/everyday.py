"""A day at the office: the writes and questions that plugins hear of, for any plugin's tests."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from evenhand import clock
from evenhand.actions.assignment import assign_records
from evenhand.actions.errors import NoPolicy
from evenhand.actions.leads import convert_lead
from evenhand.actions.opportunities import move_opportunity
from evenhand.actions.records import update_record
from evenhand.db.session import reading
from evenhand.entities import Stage
from evenhand.ownership.deals import closed_deals
from evenhand.plugins.contract import Period
from evenhand.plugins.host import current_host, tenant_context
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing.draining import drain
from evenhand.testing.tenants import SomeTenant


async def everyday(tenant: SomeTenant) -> None:
    """Records are created, changed, assigned, converted, won; every hook that collects is asked; events arrive."""
    rep = tenant.users[Role.REP]
    account = await tenant.create("Account", name="华信科技", owner_id=rep)
    await tenant.create("Contact", name="王芳", account_id=account)
    lead, other = await tenant.create("Lead", name="Li Wei"), await tenant.create("Lead", name="Ana", owner_id=rep)
    deal = await tenant.create("Opportunity", name="Renewal", account_id=account, owner_id=rep, amount="1200.50")
    await tenant.create("Task", subject="Call back", account_id=account, assignee_id=rep)
    await tenant.create("Ticket", subject="Printer", account_id=account)
    with acting_as(tenant.system):
        await update_record("Lead", other, {"name": "Ana Silva"})
        with suppress(NoPolicy):
            await assign_records("lead", [lead])
        await convert_lead(other)
        async with reading():
            won = await Stage.filter(kind="won").order_by("position").first()
        assert won is not None
        await move_opportunity(deal, won.id)
    await drain()
    await ask_everything(tenant)


async def ask_everything(tenant: SomeTenant) -> None:
    """Ask the plugins that are enabled every question that needs nothing but the tenant and its deals."""
    host = current_host()
    with acting_as(tenant.system):
        ctx = await tenant_context()
        today = clock.now().date()
        period = Period(today - timedelta(days=30), today + timedelta(days=1))
        async with reading():
            deals = await closed_deals(period.first, period.last)
            await host.commission_lines(ctx, deals=deals, period=period)
            for offered in (host.kpi_calculators, host.importers, host.assignment_policies, host.plugin_health):
                await offered(ctx)
