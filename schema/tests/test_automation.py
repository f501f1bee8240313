"""Automation over HTTP: rules by admins, trials that change nothing, the log of runs."""

from __future__ import annotations

from typing import Any

from evenhand.automation.delivery import deliver_to_rules
from evenhand.db.session import transaction
from evenhand.events.catalogue import read_event
from evenhand.events.models import OutboxEvent
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

FAILURE = "... on Failure { code message hint } ... on InvalidInput { problems { field code message hint } }"
CREATE = f"""mutation ($input: CreateAutomationRuleInput!) {{ createAutomationRule(input: $input) {{
    ... on AutomationRule {{ id version enabled events actions condition }} {FAILURE} }} }}"""
UPDATE = f"""mutation ($id: ID!, $version: Int, $input: UpdateAutomationRuleInput!) {{
    updateAutomationRule(id: $id, version: $version, input: $input) {{
    ... on AutomationRule {{ id version enabled }} {FAILURE} }} }}"""
TEST = f"""mutation ($input: TestAutomationRuleInput!) {{ testAutomationRule(input: $input) {{
    ... on AutomationTrials {{ matched failed events {{ eventType matched emptyFields actions {{ en zh }} error }} }}
    {FAILURE} }} }}"""
RULE: dict[str, Any] = {
    "entity": "Lead",
    "events": ["LeadCreated"],
    "condition": 'record.company == "Huaxing"',
    "actions": [{"do": "notify", "to": ["owner"], "title": {"en": "Look at {record.name}", "zh": "请看{record.name}"}}],
}


async def _deliver(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with transaction():
            rows = await OutboxEvent.filter(type="LeadCreated").order_by("id")
            await deliver_to_rules("rules", [read_event(row.columns()) for row in rows])


async def test_a_rule_is_tried_made_run_and_switched_off(api: Api, tenant: SomeTenant) -> None:
    owner = tenant.users[Role.REP]
    await tenant.create("Lead", name="Li Wei", company="Huaxing", owner_id=owner)
    await tenant.create("Lead", name="Wang Fang", owner_id=owner)
    tried = (await api.data(tenant, TEST, input=RULE))["testAutomationRule"]
    assert (tried["matched"], tried["failed"], len(tried["events"])) == (1, 0, 2)
    assert "“请看Li Wei”" in tried["events"][1]["actions"][0]["zh"]
    assert (await api.data(tenant, "{ unreadNotificationCount }", Role.REP)) == {"unreadNotificationCount": 0}
    made = (await api.data(tenant, CREATE, input={"name": "Huaxing", **RULE}))["createAutomationRule"]
    assert (made["version"], made["enabled"], made["actions"]) == (1, True, RULE["actions"])
    await _deliver(tenant)
    read = await api.data(
        tenant,
        """query ($id: ID!) { automationRule(id: $id) { name runs { nodes { outcome results eventType rule { id } } }
            counts { nodes { checked matched failed } } } automationRuns { totalCount } }""",
        id=made["id"],
    )
    (run,) = read["automationRule"]["runs"]["nodes"]
    assert (run["outcome"], run["eventType"], run["rule"]["id"]) == ("DONE", "LeadCreated", made["id"])
    assert read["automationRule"]["counts"]["nodes"] == [{"checked": 2, "matched": 1, "failed": 0}]
    told = await api.data(tenant, "{ notifications { nodes { title entity } } }", Role.REP)
    assert told["notifications"]["nodes"] == [{"title": "Look at Li Wei", "entity": "Lead"}]
    off = (await api.data(tenant, UPDATE, id=made["id"], version=1, input={"enabled": False}))["updateAutomationRule"]
    assert (off["version"], off["enabled"]) == (2, False)
    stale = await api.data(tenant, UPDATE, id=made["id"], version=1, input={"enabled": True})
    assert stale["updateAutomationRule"]["code"] == "VERSION_CONFLICT"


async def test_mistakes_are_told_with_their_places(api: Api, tenant: SomeTenant) -> None:
    bad = {**RULE, "condition": "record.compny == 'x'", "actions": [{"do": "notify", "to": ["boss"], "title": "x"}]}
    for query, field, more in ((CREATE, "createAutomationRule", {"name": "Bad"}), (TEST, "testAutomationRule", {})):
        problems = (await api.data(tenant, query, input={**bad, **more}))[field]["problems"]
        assert [problem["field"] for problem in problems] == ["condition", "actions.0.to.0"]
        assert "line 1, column 8: there is no record.compny" in problems[0]["message"]
        assert "company" in problems[0]["hint"]


async def test_only_admins_make_and_try_rules_of_their_tenant(
    api: Api, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
        made = await api.data(tenant, CREATE, role, input={"name": "Mine", **RULE})
        tried = await api.data(tenant, TEST, role, input=RULE)
        assert made["createAutomationRule"]["code"] == tried["testAutomationRule"]["code"] == "PERMISSION_DENIED"
    made = (await api.data(tenant, CREATE, input={"name": "Ours", **RULE}))["createAutomationRule"]
    theirs = await api.data(other_tenant, UPDATE, id=made["id"], input={"enabled": False})
    assert theirs["updateAutomationRule"]["code"] == "NOT_FOUND"


async def test_reminders_are_chosen(api: Api, tenant: SomeTenant) -> None:
    query = """mutation ($days: Int) { setReminders(taskDue: false, leadUntouchedDays: $days) {
        ... on ReminderSettings { taskDue nextStepDue leadUntouchedDays } ... on Failure { code } } }"""
    chosen = (await api.data(tenant, query, days=14))["setReminders"]
    assert chosen == {"taskDue": False, "nextStepDue": True, "leadUntouchedDays": 14}
    assert (await api.data(tenant, query, days=0))["setReminders"] == {"code": "INVALID_INPUT"}
    assert (await api.data(tenant, query, Role.MANAGER, days=1))["setReminders"] == {"code": "PERMISSION_DENIED"}
