"""Assignment over GraphQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.assignment import assign_records
from evenhand.actions.plugins import set_plugin
from evenhand.api import Decided, decisions_for
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_assignment import graphql
from evenhand_schema.testing import Api

from .conftest import Office

DECISION = """
query ($id: ID!) {
  lead(id: $id) {
    assignment {
      decision {
        id policy seed decidedAt
        owner { id name }
        sentence
        inChinese: sentence(locale: "zh-CN")
        candidates { userId name eligible reason rank sentence inChinese: sentence(locale: "zh") evidence }
      }
    }
  }
}
"""
MANY = "{ leads(first: 50) { nodes { id assignment { decision { owner { id } } } } } }"
TURNS = "{ assignmentTurns { user { id } weight received due inTurn } }"


async def codes(api: Api, tenant: SomeTenant, query: str, **variables: Any) -> list[str]:
    """The codes of the errors that the API answers with."""
    return [error["extensions"]["code"] for error in await api.errors(tenant, query, **variables)]


async def deal(office: Office, count: int) -> list[UUID]:
    leads = await office.leads(count)
    with acting_as(office.tenant.system):
        await assign_records("lead", leads)
    return leads


async def test_a_decision_is_told_with_every_candidate(api: Api, office: Office) -> None:
    (lead,) = await deal(office, 1)
    answer = await api.data(office.tenant, DECISION, Role.READ_ONLY, id=str(lead))
    decision = answer["lead"]["assignment"]["decision"]
    with acting_as(office.tenant.system):
        kept = (await decisions_for("Lead", [lead]))[lead]
    assert decision["owner"]["id"] == str(kept.owner_id)
    assert (decision["id"], decision["policy"]) == (str(kept.id), "round_robin")
    assert int(decision["seed"]) == kept.seed
    name = decision["owner"]["name"]
    numbers = "0.33 due, 0 received before (weight 1)"
    assert decision["sentence"] == f"Given to {name}, first in turn of 3 eligible out of 6 candidates: {numbers}."
    assert decision["inChinese"].startswith(f"分配给{name}：6 位候选人中 3 位可分配")
    first, second, *_, last = decision["candidates"]
    assert [one["rank"] for one in decision["candidates"]] == [1, 2, 3, None, None, None]
    assert first["reason"] == "CHOSEN"
    assert first["evidence"] == {"weight": 1.0, "received": 0, "due": 0.333}
    assert first["sentence"] == f"{name} is next in turn: {numbers}."
    assert second["inChinese"] == f"{second['name']}排在第 2 位：应得 0.33，已得 0（权重 1）。"
    assert (last["eligible"], last["reason"]) == (False, "ROLE_NOT_ELIGIBLE")


async def test_decisions_of_many_records_are_read_together(
    api: Api, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = await deal(office, 9)
    unassigned = await office.leads(1)
    asked: list[set[UUID]] = []

    async def counted(entity: str, ids: Collection[UUID], *, plugin: str | None = None) -> dict[UUID, Decided]:
        asked.append(set(ids))
        return await decisions_for(entity, ids, plugin=plugin)

    monkeypatch.setattr(graphql, "decisions_for", counted)
    answer = await api.data(office.tenant, MANY, Role.ADMIN)
    nodes = answer["leads"]["nodes"]
    assert asked == [{*leads, *unassigned}]
    decided = {node["id"]: node["assignment"]["decision"] for node in nodes}
    assert decided.pop(str(unassigned[0])) is None
    owners = [decision["owner"]["id"] for decision in decided.values()]
    assert sorted(owners) == sorted(str(rep) for rep in office.reps * 3)


async def test_the_turns_are_told(api: Api, office: Office) -> None:
    heavy, *_ = office.reps
    await office.configure(weights={str(heavy): "2"})
    await deal(office, 8)
    answer = await api.data(office.tenant, TURNS, Role.MANAGER)
    told = {turn.pop("user")["id"]: turn for turn in answer["assignmentTurns"]}
    assert told == {
        str(rep): {
            "weight": 2.0 if rep == heavy else 1.0,
            "received": 4 if rep == heavy else 2,
            "due": 4.0 if rep == heavy else 2.0,
            "inTurn": True,
        }
        for rep in office.reps
    }


async def test_turns_of_what_has_none_are_refused(api: Api, office: Office) -> None:
    assert await codes(api, office.tenant, '{ assignmentTurns(entity: "Product") { received } }') == ["INVALID_INPUT"]


async def test_disabled_it_tells_nothing(api: Api, office: Office) -> None:
    (lead,) = await deal(office, 1)
    with acting_as(office.tenant.system):
        await set_plugin("assignment", enabled=False)
    answer = await api.data(office.tenant, DECISION, Role.ADMIN, id=str(lead))
    assert answer == {"lead": {"assignment": None}}
    assert await codes(api, office.tenant, TURNS) == ["PLUGIN_DISABLED"]


async def test_another_tenant_is_told_nothing(api: Api, office: Office, other_tenant: SomeTenant) -> None:
    (lead,) = await deal(office, 1)
    with acting_as(other_tenant.system):
        await set_plugin("assignment", enabled=True)
    assert await api.data(other_tenant, DECISION, id=str(lead)) == {"lead": None}
    assert await api.data(other_tenant, TURNS) == {"assignmentTurns": []}
