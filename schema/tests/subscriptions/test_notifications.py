"""Notifications are told to the one whom they are for, as they come."""

from __future__ import annotations

from evenhand.actions.journal import writing
from evenhand.actions.notifications import mark_notifications_read, notify
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

from .conftest import Running

QUERY = """subscription { notificationsChanged(filter: {kind: {eq: "task_due"}}) {
    resync changes { operation record { title readAt } } } }"""


async def _tell(tenant: SomeTenant, role: Role, title: str) -> None:
    with acting_as(tenant.system):
        async with writing("test") as journal:
            await notify(journal, [tenant.users[role]], kind="task_due", title={"en": title})


async def test_only_the_own_ones_are_told(running: Running, api: Api, tenant: SomeTenant) -> None:
    async with running.socket(await api.key(tenant, Role.REP)) as socket:
        await socket.subscribe("1", QUERY)
        assert (await socket.data())["notificationsChanged"]["resync"]
        await _tell(tenant, Role.ADMIN, "For somebody else")
        await _tell(tenant, Role.REP, "For me")
        (change,) = (await socket.data())["notificationsChanged"]["changes"]
        assert (change["operation"], change["record"]["title"]) == ("CREATED", "For me")
        with acting_as(tenant.actor(Role.REP)):
            await mark_notifications_read()
        (change,) = (await socket.data())["notificationsChanged"]["changes"]
        assert change["operation"] == "UPDATED"
        assert change["record"]["readAt"]
