"""The audit journal and its chain over the API: admins read and look after it, nobody else sees any of it."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.actions.records import create_record, update_record
from evenhand.audit.sealing import seal_entries
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.jobs import drain_jobs
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

FAILURE = "... on Failure { code message hint }"
CHAIN = """{ auditChain { entries sealed head removedUpTo keepDays verifiedAt verifiedUpTo
    firstBroken { problem number kind entryId message } } }"""
ENTRIES = """query ($filter: AuditEntryFilter) { auditEntries(filter: $filter) { edges { node {
    entity recordId action before after userId via occurredAt } } } }"""
CHECKPOINT = f"mutation {{ takeAuditCheckpoint {{ ... on AuditCheckpoint {{ tenant number hash time }} {FAILURE} }} }}"
VERIFY = f"mutation {{ verifyAuditChain {{ ... on Job {{ kind state }} {FAILURE} }} }}"
REDACT = f"""mutation ($id: ID!, $fields: [String!]!) {{
    redactAudit(entity: "Contact", recordId: $id, fields: $fields, reason: "Asked") {{
        ... on AuditRedacted {{ entries lines events }} {FAILURE} }} }}"""
RETENTION = (
    f"mutation ($days: Int) {{ setAuditRetention(days: $days) {{ ... on AuditRetention {{ days }} {FAILURE} }} }}"
)


async def test_an_admin_looks_after_the_chain(api: Api, tenant: SomeTenant, database: DatabaseConfig) -> None:
    contact = await tenant.create("Contact", name="王芳", department="secret")
    empty = (await api.data(tenant, CHAIN))["auditChain"]
    assert (empty["verifiedAt"], empty["firstBroken"], empty["keepDays"]) == (None, None, None)
    taken = (await api.data(tenant, CHECKPOINT))["takeAuditCheckpoint"]
    now = (await api.data(tenant, CHAIN))["auditChain"]
    assert taken["tenant"] == str(tenant.id)
    assert (now["sealed"], now["head"]) == (taken["number"], taken["hash"])
    assert now["entries"] == now["sealed"]
    assert (await api.data(tenant, VERIFY))["verifyAuditChain"]["kind"] == "audit_verification"
    await drain_jobs()
    after = (await api.data(tenant, CHAIN))["auditChain"]
    assert after["firstBroken"] is None
    assert after["verifiedUpTo"] == after["sealed"]
    redacted = (await api.data(tenant, REDACT, id=str(contact), fields=["department"]))["redactAudit"]
    assert redacted["entries"] == 1
    assert (await api.data(tenant, RETENTION, days=90))["setAuditRetention"] == {"days": 90}
    assert (await api.data(tenant, RETENTION, days=3))["setAuditRetention"]["code"] == "INVALID_INPUT"
    owner = await connect(database)
    try:
        await owner.execute("SELECT set_config('app.tenant', $1, false)", str(tenant.id))
        await owner.execute(
            "DELETE FROM audit_entries WHERE tenant_id = $1 AND record_id = $2 AND entity = 'Contact'",
            tenant.id,
            contact,
        )
    finally:
        await owner.close()
    await api.data(tenant, VERIFY)
    await drain_jobs()
    broken = (await api.data(tenant, CHAIN))["auditChain"]
    assert broken["keepDays"] == 90
    assert (broken["firstBroken"]["problem"], broken["firstBroken"]["kind"]) == ("MISSING", "AUDIT")
    told = await api.data(tenant, "{ notifications { edges { node { kind title } } } }")
    assert "audit_broken" in [edge["node"]["kind"] for edge in told["notifications"]["edges"]]


async def test_entries_are_filtered(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.MANAGER)):
        account = await create_record("Account", {"name": "甲"})
        await update_record("Account", account, {"name": "乙"})
    await other_tenant.create("Account", name="丙")
    wanted = {
        "recordId": {"eq": str(account)},
        "action": {"eq": "update_account"},
        "userId": {"eq": str(tenant.users[Role.MANAGER])},
        "entity": {"eq": "Account"},
        "occurredAt": {"gte": "2020-01-01T00:00:00Z"},
    }
    found = await api.data(tenant, ENTRIES, filter=wanted)
    (edge,) = found["auditEntries"]["edges"]
    assert (edge["node"]["before"], edge["node"]["after"]) == ({"name": "甲"}, {"name": "乙"})
    everything = (await api.data(tenant, ENTRIES))["auditEntries"]["edges"]
    assert "丙" not in str(everything)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.READ_ONLY])
async def test_nobody_else_sees_or_changes_any_of_it(api: Api, tenant: SomeTenant, role: Role) -> None:
    contact = await tenant.create("Contact", name="王芳")
    with acting_as(tenant.system):
        await seal_entries()
    for query in (CHAIN, ENTRIES):
        errors = await api.errors(tenant, query, role)
        assert errors[0]["extensions"]["code"] == "PERMISSION_DENIED", errors
        assert "王芳" not in (await api.post(tenant, query, role)).text
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        (CHECKPOINT, {}),
        (VERIFY, {}),
        (REDACT, {"id": str(contact), "fields": ["name"]}),
        (RETENTION, {"days": 30}),
    )
    for text, variables in changes:
        data = await api.data(tenant, text, role, **variables)
        assert next(iter(data.values()))["code"] == "PERMISSION_DENIED"
