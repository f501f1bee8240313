"""What a caller does not see is not there, wherever one looks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from evenhand import clock
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record
from evenhand.db.session import transaction
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Gql


@dataclass(frozen=True)
class Book:
    """A customer of the rep and one of the manager, each with what belongs to it."""

    mine: UUID
    theirs: UUID
    orders: dict[str, UUID]


@pytest_asyncio.fixture(params=[True, False], ids=["compiled", "ordinary"], loop_scope="session")
async def book(tenant: SomeTenant, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Book:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", request.param)
    accounts, orders = {}, {}
    for name, role in (("mine", Role.REP), ("theirs", Role.MANAGER)):
        owner = tenant.users[role]
        account = accounts[name] = await tenant.create("Account", name=f"{name} Widgets", owner_id=owner, region="East")
        contact = await tenant.create("Contact", name=f"{name} Li", account_id=account)
        about = {"account_id": account, "contact_id": contact}
        deal = await tenant.create("Opportunity", name=f"{name} deal", amount="100", owner_id=owner, **about)
        await tenant.create("Activity", kind="call", subject=f"{name} call", author_id=owner, **about)
        orders[name] = await tenant.create("Order", number=name, total="10", account_id=account, opportunity_id=deal)
        await tenant.create("Payment", order_id=orders[name], amount="5")
    # A deal of the rep with the manager's customer.
    await tenant.create(
        "Opportunity", name="between", amount="7", account_id=accounts["theirs"], owner_id=tenant.users[Role.REP]
    )
    return Book(accounts["mine"], accounts["theirs"], orders)


def _names(found: dict[str, Any], key: str = "name") -> list[str]:
    return sorted(node[key] for node in found["nodes"])


async def test_lists_counts_and_groups(gql: Gql, book: Book) -> None:
    query = """{ accounts { totalCount nodes { name } } contacts { totalCount nodes { name } }
        opportunities { nodes { name account { name } } } activities { nodes { subject } } orders { nodes { number } }
        payments { totalCount } accountsAggregate(groupBy: [{field: OWNER}]) { count }
        opportunitiesAggregate { count sum { amount } } }"""
    found = await gql(query, Role.REP)
    assert found["accounts"] == {"totalCount": 1, "nodes": [{"name": "mine Widgets"}]}
    assert found["contacts"] == {"totalCount": 1, "nodes": [{"name": "mine Li"}]}
    assert {deal["name"]: deal["account"] for deal in found["opportunities"]["nodes"]} == {
        "mine deal": {"name": "mine Widgets"},
        "between": None,
    }
    assert _names(found["activities"], "subject") == ["mine call"]
    assert _names(found["orders"], "number") == ["mine"]
    assert found["payments"] == {"totalCount": 1}
    assert [group["count"] for group in found["accountsAggregate"]] == [1]
    assert found["opportunitiesAggregate"][0]["count"] == 2
    every = await gql(query, Role.READ_ONLY)
    assert every["accounts"]["totalCount"] == every["contacts"]["totalCount"] == every["payments"]["totalCount"] == 2


async def test_ids_lead_to_nothing(gql: Gql, book: Book) -> None:
    query = """query ($id: ID!, $order: ID!) { account(id: $id) { name } node(id: $id) { id } order(id: $order) { id }
        ownerAsOf(id: $id, at: "2100-01-01T00:00:00Z") { startedAt } }"""
    hidden = await gql(query, Role.REP, id=str(book.theirs), order=str(book.orders["theirs"]))
    assert hidden == {"account": None, "node": None, "order": None, "ownerAsOf": None}
    nothing = await gql(query, Role.REP, id=str(UUID(int=7 << 76)), order=str(UUID(int=7 << 76)))
    assert nothing == hidden
    shown = await gql(query, Role.REP, id=str(book.mine), order=str(book.orders["mine"]))
    assert all(shown.values())


async def test_filters_find_nothing_by_what_is_hidden(gql: Gql, book: Book) -> None:
    query = "query ($one: OpportunityFilter) { opportunities(filter: $one) { nodes { name } } }"
    by_name = {"account": {"name": {"startsWith": "theirs"}}}
    assert _names((await gql(query, Role.REP, one=by_name))["opportunities"]) == []
    assert _names((await gql(query, Role.ADMIN, one=by_name))["opportunities"]) == ["between", "theirs deal"]
    without = {"not": {"account": {"region": {"eq": "East"}}}}
    assert _names((await gql(query, Role.REP, one=without))["opportunities"]) == ["between"]


async def test_searches_timelines_and_summaries(gql: Gql, tenant: SomeTenant, book: Book) -> None:
    query = """query ($me: ID!) { search(text: "widgets") { title } accounts(search: "widgets") { nodes { name } }
        user(id: $me) { summary { accountsHeld openOpportunities openPipeline { amount } } } }"""
    found = await gql(query, Role.REP, me=str(tenant.users[Role.MANAGER]))
    titles = [hit["title"] for hit in found["search"]]
    assert "mine Widgets" in titles
    assert not [title for title in titles if "theirs" in title]
    assert _names(found["accounts"]) == ["mine Widgets"]
    assert found["user"]["summary"] == {"accountsHeld": 0, "openOpportunities": 0, "openPipeline": []}
    view = """query ($id: ID!) { account(id: $id) { opportunities { nodes { name } }
        timeline { totalCount nodes { kind } } summary { openPipeline { amount } openOpportunities } } }"""
    deal = await tenant.create(
        "Opportunity", name="hidden", amount="50", account_id=book.mine, owner_id=tenant.users[Role.MANAGER]
    )
    rep = (await gql(view, Role.REP, id=str(book.mine)))["account"]
    admin = (await gql(view, Role.ADMIN, id=str(book.mine)))["account"]
    assert deal is not None
    assert _names(rep["opportunities"]) == ["mine deal"]
    assert _names(admin["opportunities"]) == ["hidden", "mine deal"]
    assert rep["summary"] == {"openPipeline": [{"amount": "100.0000"}], "openOpportunities": 1}
    assert admin["summary"] == {"openPipeline": [{"amount": "150.0000"}], "openOpportunities": 2}
    # The deal's first stage is on the timeline of who sees the deal.
    assert admin["timeline"]["totalCount"] == rep["timeline"]["totalCount"] + 1


async def test_a_changed_rule_counts_with_the_next_request(gql: Gql, tenant: SomeTenant, book: Book) -> None:
    query = "{ accounts { totalCount } }"
    assert await gql(query, Role.REP) == {"accounts": {"totalCount": 1}}
    rule = await tenant.create("VisibilityRule", role="rep", entity="Account", sees="all", edits="own")
    assert await gql(query, Role.REP) == {"accounts": {"totalCount": 2}}
    await tenant.update("VisibilityRule", rule, sees="none", edits="none")
    assert await gql(query, Role.REP) == {"accounts": {"totalCount": 0}}
    with acting_as(tenant.system):
        await archive_record("VisibilityRule", rule)
    assert await gql(query, Role.REP) == {"accounts": {"totalCount": 1}}


async def test_a_manager_sees_the_team_as_soon_as_there_is_one(gql: Gql, tenant: SomeTenant, book: Book) -> None:
    query = "{ accounts { totalCount } }"
    await tenant.update("User", tenant.users[Role.REP], manager_id=None)
    # Without a place in the tree, and nobody below: one's own.
    assert await gql(query, Role.MANAGER) == {"accounts": {"totalCount": 1}}
    team = await tenant.create("Team", name="East")
    below = await tenant.create("Team", name="Shanghai", parent_id=team)
    await tenant.update("User", tenant.users[Role.MANAGER], team_id=team)
    await tenant.update("User", tenant.users[Role.REP], team_id=below)
    assert await gql(query, Role.MANAGER) == {"accounts": {"totalCount": 2}}
    assert await gql(query, Role.REP) == {"accounts": {"totalCount": 1}}
    await tenant.update("Team", below, parent_id=None)
    assert await gql(query, Role.MANAGER) == {"accounts": {"totalCount": 1}}


async def test_notifications_of_hidden_records(gql: Gql, tenant: SomeTenant, book: Book) -> None:
    lost = await tenant.create("Account", name="Lost", owner_id=tenant.users[Role.REP])
    with acting_as(tenant.system):
        await set_owner("Account", [lost], owner_id=tenant.users[Role.MANAGER])
        async with transaction():
            for number, record in enumerate((book.mine, book.theirs, lost, None)):
                await Notification.create(
                    user_id=tenant.users[Role.REP],
                    kind="test",
                    title=str(number),
                    entity=None if record is None else "Account",
                    record_id=record,
                    created_at=clock.now(),
                )
    found = await gql("{ notifications { nodes { title kind } } unreadNotificationCount }", Role.REP)
    titles = [one["title"] for one in found["notifications"]["nodes"] if one["kind"] == "test"]
    # The loss of a record is told to who had it.
    assert sorted(titles) == ["0", "2", "3"]
    assert found["unreadNotificationCount"] == len(found["notifications"]["nodes"])
