"""Jobs and schedules over the API: who sees them, who stops them, who sets them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.db.session import transaction
from evenhand.jobs import drain_jobs, enqueue
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

JOBS = """{ jobs(filter: {kind: {eq: "housekeeping"}}) { edges { node {
    id title state attempts priority scheduledAt cancelRequestedAt result } } } }"""
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { __typename ... on Job { id state } ... on Failure { code } } }"
SCHEDULES = "{ schedules { edges { node { name kind cron payload enabled nextAt lastAt } } } }"
SET = """mutation ($name: String!, $kind: String!, $cron: String!, $payload: JSON, $enabled: Boolean! = true) {
    setSchedule(name: $name, kind: $kind, cron: $cron, payload: $payload, enabled: $enabled) {
        __typename ... on Schedule { name cron enabled payload nextAt } ... on Failure { code message hint }
        ... on InvalidInput { problems { field } } } }"""


async def put(tenant: SomeTenant, role: Role = Role.ADMIN, *, later: bool = False) -> UUID:
    run_at = datetime.now(UTC) + timedelta(days=1) if later else None
    with acting_as(tenant.actor(role)):
        async with transaction():
            return await enqueue("housekeeping", {"secret": 1}, title="Tidy up", run_at=run_at, priority=3)


async def test_jobs_tell_how_they_stand(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    job_id = await put(tenant)
    for role in Role:
        (edge,) = (await api.data(tenant, JOBS, role))["jobs"]["edges"]
        node = edge["node"]
        assert (node["id"], node["state"], node["attempts"], node["priority"]) == (str(job_id), "QUEUED", 0, 3)
    assert (await api.data(other_tenant, JOBS))["jobs"]["edges"] == []
    await drain_jobs()
    (edge,) = (await api.data(tenant, JOBS))["jobs"]["edges"]
    assert (edge["node"]["state"], edge["node"]["attempts"]) == ("DONE", 1)
    assert {"idempotency keys", "ended jobs"} <= set(edge["node"]["result"])
    # What the handler is given may hold more than the reader may see.
    for hidden in ("payload", "cursor", "key", "failures"):
        assert await api.errors(tenant, f"{{ jobs {{ edges {{ node {{ {hidden} }} }} }} }}")


async def test_a_job_is_cancelled_by_who_may(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    job_id = await put(tenant, later=True)

    async def cancel(of: SomeTenant, role: Role, job: UUID) -> dict[str, str]:
        answer: dict[str, str] = (await api.data(of, CANCEL, role, id=str(job)))["cancelJob"]
        return answer

    assert (await cancel(other_tenant, Role.ADMIN, job_id))["code"] == "NOT_FOUND"
    assert (await cancel(tenant, Role.REP, job_id))["code"] == "PERMISSION_DENIED"
    assert (await cancel(tenant, Role.READ_ONLY, job_id))["code"] == "PERMISSION_DENIED"
    assert (await api.data(tenant, JOBS))["jobs"]["edges"][0]["node"]["state"] == "QUEUED"
    expected = {"__typename": "Job", "id": str(job_id), "state": "CANCELLED"}
    assert await cancel(tenant, Role.MANAGER, job_id) == expected
    assert await cancel(tenant, Role.MANAGER, job_id) == expected
    own = await put(tenant, Role.REP, later=True)
    assert (await cancel(tenant, Role.REP, own))["state"] == "CANCELLED"


async def test_admins_set_schedules_and_nobody_else_sees_them(
    api: Api, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    values: dict[str, Any] = {"name": "tidy", "kind": "housekeeping", "cron": "0 4 * * *", "payload": {"deep": True}}
    for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
        assert (await api.data(tenant, SET, role, **values))["setSchedule"]["code"] == "PERMISSION_DENIED"
        assert await api.errors(tenant, SCHEDULES, role)
    made = (await api.data(tenant, SET, **values))["setSchedule"]
    assert (made["name"], made["cron"], made["payload"], made["enabled"]) == ("tidy", "0 4 * * *", {"deep": True}, True)
    assert made["nextAt"].endswith("04:00:00+00:00") or made["nextAt"].endswith("04:00:00Z")
    off = (await api.data(tenant, SET, **values, enabled=False))["setSchedule"]
    assert (off["enabled"], off["nextAt"]) == (False, None)
    names = [edge["node"]["name"] for edge in (await api.data(tenant, SCHEDULES))["schedules"]["edges"]]
    assert {"tidy", "housekeeping"} <= set(names)
    names = [edge["node"]["name"] for edge in (await api.data(other_tenant, SCHEDULES))["schedules"]["edges"]]
    assert "housekeeping" in names
    assert "tidy" not in names


async def test_bad_schedules_are_refused_in_words(api: Api, tenant: SomeTenant) -> None:
    good: dict[str, Any] = {"name": "tidy", "kind": "housekeeping", "cron": "0 4 * * *"}
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"cron": "every day"}, "INVALID_CRON"),
        ({"kind": "nobody-does-this"}, "UNKNOWN_JOB_KIND"),
        ({"name": " "}, "INVALID_INPUT"),
        ({"payload": [1]}, "INVALID_INPUT"),
    )
    for change, code in changes:
        answer = (await api.data(tenant, SET, **{**good, **change}))["setSchedule"]
        assert answer["code"] == code
        assert answer["hint"] or answer["problems"]
