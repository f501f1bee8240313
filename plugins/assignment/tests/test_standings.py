"""The plugin's own tables in the API: part of the one statement, gone while the plugin is disabled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

from evenhand.actions.assignment import assign_records
from evenhand.actions.plugins import disable_plugin, enable_plugin, update_plugin_settings
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements
from evenhand_assignment.service import turns_of
from evenhand_assignment.settings import WEIGHT_UNIT
from evenhand_schema.documents import Documents
from evenhand_schema.execution import Caller, Executed, execute
from evenhand_schema.limits import Limits
from evenhand_schema.testing import Api

from .conftest import Office

STANDING = "entity received weight due inTurn user { name } "
USERS = "{ users(orderBy: [{field: NAME}]) { nodes { name assignment { standings { " + STANDING + " } } } } }"
LIST = (
    """query ($least: BigInt!) { assignmentStandings(
    filter: {received: {gte: $least}, user: {name: {startsWith: "王"}}}
    orderBy: [{field: RECEIVED, direction: DESC}], first: 2
) { totalCount nodes { id """
    + STANDING
    + """ } pageInfo { hasNextPage } } }"""
)


async def run(api: Api, app: Starlette, tenant: SomeTenant, query: str, **variables: Any) -> Executed:
    schema = app.state.schema
    document = Documents(schema.graphql_schema, Limits()).get(query)
    assert not document.errors
    caller = Caller(await api.key(tenant), tenant.actor(Role.ADMIN))
    return await execute(schema, caller, document, document.operation(None), variables)


async def dealt(office: Office) -> None:
    with acting_as(office.tenant.system):
        await update_plugin_settings("assignment", {"weights": {str(office.reps[0]): "2.5"}})
        await assign_records("lead", await office.leads(7))


@pytest.mark.parametrize(("query", "variables"), [(USERS, {}), (LIST, {"least": "1"})])
async def test_both_executors_answer_the_same_and_one_needs_a_single_statement(
    api: Api, app: Starlette, office: Office, monkeypatch: pytest.MonkeyPatch, query: str, variables: dict[str, Any]
) -> None:
    await dealt(office)
    await run(api, app, office.tenant, query, **variables)
    with watch_statements() as seen:
        compiled = await run(api, app, office.tenant, query, **variables)
    assert compiled.executor == "compiled"
    assert len(seen) == 1
    assert "evenhand_assignment_turns" in seen[0]
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", False)
    assert orjson.loads((await run(api, app, office.tenant, query, **variables)).body) == orjson.loads(compiled.body)


async def test_the_standings_are_those_of_the_rules(api: Api, office: Office) -> None:
    await dealt(office)
    with acting_as(office.tenant.system):
        turns = await turns_of("Lead")
    nodes = (await api.data(office.tenant, "{ assignmentStandings { nodes { user { id } weight received due } } }"))[
        "assignmentStandings"
    ]["nodes"]
    assert {node["user"]["id"] for node in nodes} == {str(user) for user in turns}
    for user, turn in turns.items():
        node = next(node for node in nodes if node["user"]["id"] == str(user))
        assert Decimal(node["weight"]) == Decimal(turn.weight) / WEIGHT_UNIT
        assert int(node["received"]) == turn.received
        assert abs(Decimal(node["due"]) - Decimal(str(turn.due))) <= Decimal("0.001")


@pytest.mark.parametrize("compiled", [True, False])
async def test_disabled_it_tells_nothing_from_the_next_request_on(
    api: Api, office: Office, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", compiled)
    await dealt(office)
    on = await api.data(office.tenant, USERS)
    assert any(node["assignment"]["standings"] for node in on["users"]["nodes"])
    with acting_as(office.tenant.system):
        await disable_plugin("assignment")
    off = await api.data(office.tenant, USERS)
    assert {str(node["assignment"]) for node in off["users"]["nodes"]} == {"None"}
    (error,) = await api.errors(office.tenant, LIST, least="1")
    assert error["extensions"]["code"] == "PLUGIN_DISABLED"
    with acting_as(office.tenant.system):
        await enable_plugin("assignment")
    assert await api.data(office.tenant, USERS) == on
    assert (await api.data(office.tenant, LIST, least="1"))["assignmentStandings"]["totalCount"] == 3


async def test_another_tenants_turns_are_not_there(api: Api, office: Office, other_tenant: SomeTenant) -> None:
    await dealt(office)
    with acting_as(other_tenant.system):
        await enable_plugin("assignment")
    assert (await api.data(other_tenant, "{ assignmentStandings { totalCount } }")) == {
        "assignmentStandings": {"totalCount": 0}
    }
    standings = {str(node["assignment"]) for node in (await api.data(other_tenant, USERS))["users"]["nodes"]}
    assert standings == {"{'standings': []}"}
