"""Reclaim over HTTP: deadlines beside the record, what is due, the preview, protection and more time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.reclaims.reclaiming import reclaim_batch
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.clock import Clock
from evenhand_schema.testing import Api

FIELDS = "at clock since days rule poolId protectedUntil explanation { en zh } warnings { on days manager }"
ONE = f"query ($id: ID!) {{ account(id: $id) {{ id reclaim {{ {FIELDS} }} }} }}"
LIST = f"query {{ accounts(first: 50) {{ nodes {{ id reclaim {{ {FIELDS} }} }} }} }}"
DUE = """query ($before: DateTime!) { dueForReclaim(before: $before) {
    count records { entity recordId name owner { id } reclaim { clock } } } }"""
PREVIEW = """query ($on: Date) { reclaimPreview(on: $on, entity: ACCOUNT) {
    count records { recordId reclaim { at explanation { en zh } } } } }"""
PROTECT = """mutation ($ids: [ID!]!) { protectRecords(entity: ACCOUNT, ids: $ids) {
    ... on RecordsProtected { protections { recordId until } } ... on Failure { code message } } }"""
UNPROTECT = """mutation ($ids: [ID!]!) { unprotectRecords(entity: ACCOUNT, ids: $ids) {
    ... on RecordsUnprotected { ids } ... on Failure { code message } } }"""
ASK = """mutation ($id: ID!, $days: Int!) { requestExtension(entity: ACCOUNT, id: $id, days: $days, reason: "budget") {
    ... on ExtensionRequest { id state user { id } } ... on Failure { code message } } }"""
DECIDE = """mutation ($id: ID!) { decideExtension(id: $id, approve: true) {
    ... on ExtensionRequest { state extendedUntil } ... on Failure { code message } } }"""


async def _prepare(tenant: SomeTenant, **rule: Any) -> dict[Role, UUID]:
    """An account of the rep and one of the manager, under a rule of ten days."""
    pool = await tenant.create("Pool", name="公海")
    await tenant.create("PoolRule", name="R", pool_id=pool, entity="Account", idle_days=10, **rule)
    await tenant.update("User", tenant.users[Role.REP], manager_id=tenant.users[Role.MANAGER])
    return {
        role: await tenant.create("Account", name=role.value, owner_id=tenant.users[role])
        for role in (Role.REP, Role.MANAGER)
    }


async def test_a_deadline_stands_beside_its_record(api: Api, tenant: SomeTenant, clock: Clock) -> None:
    accounts = await _prepare(tenant)
    found = (await api.data(tenant, ONE, Role.REP, id=str(accounts[Role.REP])))["account"]["reclaim"]
    assert (found["clock"], found["days"], found["rule"]) == ("IDLE", 10, "R")
    assert found["explanation"]["en"].endswith("rule 'R', idle 10 days")
    assert "未跟进 10 天" in found["explanation"]["zh"]
    assert [(step["days"], step["manager"]) for step in found["warnings"]] == [
        (7, False),
        (3, False),
        (1, False),
        (1, True),
    ]
    nodes = (await api.data(tenant, LIST))["accounts"]["nodes"]
    assert {node["id"]: node["reclaim"]["clock"] for node in nodes} == {str(one): "IDLE" for one in accounts.values()}
    clock.advance(days=12)
    with acting_as(tenant.system):
        await reclaim_batch("Account")
    assert [node["reclaim"] for node in (await api.data(tenant, LIST))["accounts"]["nodes"]] == [None, None]


async def test_everybody_sees_what_is_due_and_managers_the_run(
    api: Api, tenant: SomeTenant, other_tenant: SomeTenant, clock: Clock
) -> None:
    accounts = await _prepare(tenant)
    later = clock.now() + timedelta(days=20)
    mine = (await api.data(tenant, DUE, Role.REP, before=later.isoformat()))["dueForReclaim"]
    assert (mine["count"], [one["recordId"] for one in mine["records"]]) == (1, [str(accounts[Role.REP])])
    assert mine["records"][0]["owner"]["id"] == str(tenant.users[Role.REP])
    assert (await api.data(tenant, DUE, before=clock.now().isoformat()))["dueForReclaim"]["count"] == 0
    assert (await api.data(other_tenant, DUE, before=later.isoformat()))["dueForReclaim"]["count"] == 0
    (error,) = await api.errors(tenant, PREVIEW, Role.REP)
    assert error["extensions"]["code"] == "PERMISSION_DENIED"
    assert (await api.data(tenant, PREVIEW))["reclaimPreview"]["count"] == 0
    soon = await api.data(tenant, PREVIEW, on=later.date().isoformat())
    shown = {one["recordId"] for one in soon["reclaimPreview"]["records"]}
    clock.advance(days=20)
    with acting_as(tenant.system):
        taken = {str(one.record_id) for one in (await reclaim_batch("Account")).taken}
    assert shown == taken == {str(one) for one in accounts.values()}


async def test_protection_and_more_time(api: Api, tenant: SomeTenant) -> None:
    accounts = await _prepare(tenant, protected_most=1, protected_days=30, extensions_most=1, extension_days=15)
    mine, others = str(accounts[Role.REP]), str(accounts[Role.MANAGER])
    refused = (await api.data(tenant, PROTECT, Role.REP, ids=[others]))["protectRecords"]
    assert refused["code"] in ("NOT_HOLDER", "NOT_FOUND", "PERMISSION_DENIED")
    protected = (await api.data(tenant, PROTECT, Role.REP, ids=[mine]))["protectRecords"]
    assert protected["protections"][0]["recordId"] == mine
    found = (await api.data(tenant, ONE, Role.REP, id=mine))["account"]["reclaim"]
    assert (found["clock"], found["protectedUntil"]) == ("PROTECTED", protected["protections"][0]["until"])
    assert (await api.data(tenant, UNPROTECT, Role.REP, ids=[mine]))["unprotectRecords"] == {"ids": [mine]}
    too_long = (await api.data(tenant, ASK, Role.REP, id=mine, days=16))["requestExtension"]
    assert too_long["code"] == "EXTENSION_REFUSED"
    asked = (await api.data(tenant, ASK, Role.REP, id=mine, days=15))["requestExtension"]
    assert (asked["state"], asked["user"]["id"]) == ("PENDING", str(tenant.users[Role.REP]))
    for role in (Role.REP, Role.READ_ONLY):
        denied = (await api.data(tenant, DECIDE, role, id=asked["id"]))["decideExtension"]
        assert denied["code"] == "PERMISSION_DENIED"
    decided = (await api.data(tenant, DECIDE, Role.MANAGER, id=asked["id"]))["decideExtension"]
    assert decided["state"] == "APPROVED"
    found = (await api.data(tenant, ONE, Role.REP, id=mine))["account"]["reclaim"]
    assert (found["clock"], found["at"]) == ("EXTENDED", decided["extendedUntil"])
    listed = await api.data(tenant, "{ extensionRequests(first: 5) { nodes { id state decider { id } } } }", Role.REP)
    assert [one["id"] for one in listed["extensionRequests"]["nodes"]] == [asked["id"]]
