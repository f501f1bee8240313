"""Somebody else's plugin, from its wheel to its removal, beside wheels of ours and for one of two tenants."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from .conftest import Installation
from .environment import Client, Environment, build_wheel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LOYALTY = Path(__file__).parent / "third_party" / "evenhand-loyalty"

CREATE = """
mutation ($account: CreateAccountInput!, $lead: CreateLeadInput!) {
  createAccount(input: $account) { ... on Account { id } }
  createLead(input: $lead) { ... on Lead { id } }
}
"""
WIN = """
mutation ($deal: CreateOpportunityInput!) { createOpportunity(input: $deal) { __typename ... on Opportunity { id } } }
"""
ASSIGN = """
mutation ($id: ID!) {
  assignLeads(ids: [$id]) {
    __typename
    ... on RecordsAssigned { assignments { decision { policy verdicts { reason } } } }
    ... on RequestFailed { code }
  }
}
"""
POINTS = "query ($id: ID!) { account(id: $id) { name loyalty { points } } loyaltyTotal }"
STAGES = "{ pipelines { nodes { stages { nodes { id kind } } } } }"
PLUGINS = "{ plugins { slug enabled state problem } }"


TENANTS = """
import asyncio, json, sys
from evenhand.actions.records import create_record
from evenhand.actions.tenants import create_tenant
from evenhand.auth.keys import create_api_key
from evenhand.cli.runtime import environment_database
from evenhand.db.session import open_database
from evenhand.tenancy.context import Scope, acting_as, system_actor
async def tenant(slug):
    with acting_as(system_actor(await create_tenant(slug, slug.title(), currency="USD"))):
        for name in ("Rosa", "Ren"):
            await create_record("User", {"name": name, "role": "rep"})
        return await create_api_key(await create_record("User", {"name": "Ada", "role": "admin"}), "test",
                                    scopes=tuple(Scope))
async def main():
    async with open_database(environment_database()):
        print(json.dumps([await tenant(slug) for slug in sys.argv[1:]]))
asyncio.run(main())
"""


def _tenants(environment: Environment, *slugs: str) -> list[str]:
    """Tenants with an admin and two reps each. Returns: the admins' keys."""
    keys: list[str] = json.loads(environment.run("python", "-c", TENANTS, *slugs).splitlines()[-1])
    return keys


def _sell(client: Client) -> tuple[str, str]:
    """A customer who bought for 1234.50, and a lead. Returns: their ids."""
    made = client.data(CREATE, account={"name": "Acme"}, lead={"name": "Li Wei"})
    account, lead = made["createAccount"]["id"], made["createLead"]["id"]
    (pipeline,) = client.data(STAGES)["pipelines"]["nodes"]
    won = next(stage["id"] for stage in pipeline["stages"]["nodes"] if stage["kind"] == "WON")
    deal = {"name": "Deal", "accountId": account, "stageId": won, "amount": "1234.50", "currency": "USD"}
    assert client.data(WIN, deal=deal)["createOpportunity"]["__typename"] == "Opportunity"
    return account, lead


def _wait_for_points(client: Client, account: str) -> int:
    """The account's points, when they have come."""
    until = time.monotonic() + 60
    points = 0
    while points == 0 and time.monotonic() < until:
        points = int(client.data(POINTS, id=account)["account"]["loyalty"]["points"])
        time.sleep(0 if points else 0.1)
    return points


def test_from_wheel_to_removal(installation: Installation, tmp_path: Path) -> None:
    environment = installation.environment
    environment.install(build_wheel(LOYALTY, tmp_path / "wheels"))
    environment.run("evenhand", "migrate")
    assert "evenhand-loyalty 1.2.0" in environment.run("evenhand", "plugin", "list")
    acme, other = _tenants(environment, "acme", "other")
    settings = '{"money_per_point": 10}'
    environment.run("evenhand", "plugin", "enable", "loyalty", "--tenant", "acme", "--settings", settings)

    with environment.serving() as address:
        users, strangers = Client(address, acme), Client(address, other)
        account, lead = _sell(users)
        assert _wait_for_points(users, account) == 123
        assert users.data(POINTS, id=account)["loyaltyTotal"] == "123"
        (given,) = users.data(ASSIGN, id=lead)["assignLeads"]["assignments"]
        assert given["decision"]["policy"] == "fewest"
        assert {one["reason"] for one in given["decision"]["verdicts"]} == {
            "FEWEST",
            "HAS_MORE",
            "NOT_AN_ACTIVE_REP",
        }

        foreign_account, foreign_lead = _sell(strangers)
        query = "query ($id: ID!) { account(id: $id) { name loyalty { points } } }"
        assert strangers.data(query, id=foreign_account) == {"account": {"name": "Acme", "loyalty": None}}
        assert strangers.data(query, id=account) == {"account": None}
        assert strangers.code("{ loyaltyTotal }") == "PLUGIN_DISABLED"
        assert strangers.data(ASSIGN, id=foreign_lead)["assignLeads"]["__typename"] == "RequestFailed"
    assert installation.sql("SELECT count(*) FROM evenhand_loyalty_points") == 1

    environment.uninstall("evenhand-loyalty")
    assert "No module" in environment.run("python", "-c", "import evenhand_loyalty", code=1)
    assert "up to date" in environment.run("evenhand", "migrate")
    with environment.serving() as address:
        users = Client(address, acme)
        assert users.data("query ($id: ID!) { account(id: $id) { name } }", id=account) == {"account": {"name": "Acme"}}
        assert "errors" in users.body(POINTS, id=account)
        _sell(users)
        (gone,) = users.data(PLUGINS)["plugins"]
        assert (gone["slug"], gone["enabled"], gone["state"]) == ("loyalty", False, "MISSING")
        assert "not installed" in gone["problem"]
    assert "not installed" in environment.run("evenhand", "plugin", "list", "--tenant", "acme")
    assert installation.sql("SELECT sum(points) FROM evenhand_loyalty_points") == 123
