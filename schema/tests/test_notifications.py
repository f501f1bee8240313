"""Notifications over HTTP: lists, counts and marks are the caller's own, on every way to them."""

from __future__ import annotations

from typing import Any

from evenhand.actions.journal import writing
from evenhand.actions.notifications import notify
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

LIST = """query ($unread: Boolean) { unreadNotificationCount
    notifications(unread: $unread, first: 10) { totalCount nodes { id title readAt user { id } } } }"""
MARK = """mutation ($ids: [ID!], $all: Boolean! = false) { markNotificationsRead(ids: $ids, all: $all) {
    ... on NotificationsRead { count } ... on Failure { code message } } }"""


async def _tell(tenant: SomeTenant, *roles: Role, title: str = "Call Li Wei") -> None:
    with acting_as(tenant.system):
        async with writing("test") as journal:
            await notify(journal, [tenant.users[role] for role in roles], kind="task_due", title={"en": title})


async def _read(api: Api, tenant: SomeTenant, role: Role, **variables: Any) -> tuple[int, int, list[dict[str, Any]]]:
    data = await api.data(tenant, LIST, role, **variables)
    page = data["notifications"]
    return data["unreadNotificationCount"], page["totalCount"], page["nodes"]


async def test_everybody_reads_the_own_ones(api: Api, tenant: SomeTenant) -> None:
    await _tell(tenant, Role.REP, title="One")
    await _tell(tenant, Role.REP, Role.MANAGER, title="Two")
    unread, total, nodes = await _read(api, tenant, Role.REP)
    assert (unread, total, [node["title"] for node in nodes]) == (2, 2, ["Two", "One"])
    assert {node["user"]["id"] for node in nodes} == {str(tenant.users[Role.REP])}
    assert (await _read(api, tenant, Role.ADMIN))[:2] == (0, 0)
    marked = await api.data(tenant, MARK, Role.REP, ids=[nodes[0]["id"]])
    assert marked["markNotificationsRead"] == {"count": 1}
    assert [node["title"] for node in (await _read(api, tenant, Role.REP, unread=True))[2]] == ["One"]
    assert [node["title"] for node in (await _read(api, tenant, Role.REP, unread=False))[2]] == ["Two"]
    assert (await api.data(tenant, MARK, Role.REP, all=True))["markNotificationsRead"] == {"count": 1}
    assert (await _read(api, tenant, Role.REP))[0] == 0
    assert (await _read(api, tenant, Role.MANAGER))[0] == 1


async def test_no_way_leads_to_those_of_others(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await _tell(tenant, Role.REP)
    ((_, _, (node,)),) = [await _read(api, tenant, Role.REP)]
    # Compiled, and by the ordinary executor, which a plugin list beside it asks for.
    for beside in ("", "plugins { slug }"):
        query = f"query ($id: ID!) {{ {beside} notification(id: $id) {{ title }} node(id: $id) {{ id }} }}"
        own = await api.data(tenant, query, Role.REP, id=node["id"])
        assert (own["notification"]["title"], own["node"]["id"]) == ("Call Li Wei", node["id"])
        for other, role in ((tenant, Role.ADMIN), (tenant, Role.MANAGER), (other_tenant, Role.REP)):
            found = await api.data(other, query, role, id=node["id"])
            assert (found["notification"], found["node"]) == (None, None)
    listed = await api.data(
        tenant,
        "query ($user: ID!) { notifications(filter: {userId: {eq: $user}}) { totalCount } }",
        Role.ADMIN,
        user=str(tenant.users[Role.REP]),
    )
    assert listed["notifications"]["totalCount"] == 0
    assert (await api.data(tenant, MARK, Role.ADMIN, ids=[node["id"]]))["markNotificationsRead"] == {"count": 0}


async def test_one_says_which_are_read(api: Api, tenant: SomeTenant) -> None:
    for variables in ({}, {"ids": [], "all": True}):
        answer = (await api.data(tenant, MARK, Role.REP, **variables))["markNotificationsRead"]
        assert answer["code"] == "INVALID_INPUT"


async def test_kinds_are_muted(api: Api, tenant: SomeTenant) -> None:
    query = """mutation ($kinds: [String!]!) { muteNotifications(kinds: $kinds) {
        ... on User { id mutedNotifications } ... on Failure { code } } }"""
    answer = (await api.data(tenant, query, Role.READ_ONLY, kinds=["task_due"]))["muteNotifications"]
    assert answer == {"id": str(tenant.users[Role.READ_ONLY]), "mutedNotifications": ["task_due"]}
    assert (await api.data(tenant, query, Role.READ_ONLY, kinds=["Task due"]))["muteNotifications"] == {
        "code": "INVALID_INPUT"
    }
    await _tell(tenant, Role.READ_ONLY)
    assert (await _read(api, tenant, Role.READ_ONLY))[0] == 0
