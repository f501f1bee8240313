"""Subscription fields: what changed, filtered by the database, in batches, and never silently incomplete."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from evenhand.actions.jobs import running_job
from evenhand.actions.journal import writing
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, create_records, restore_record, update_record
from evenhand.entities.registry import ENTITIES
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.testing import Api

from .conftest import Running, Socket

LEADS = """subscription ($id: ID, $filter: LeadFilter) { leadsChanged(id: $id, filter: $filter) {
    resync changes { operation id actorId at record { id name owner { name } } } } }"""


async def _start(socket: Socket, query: str = LEADS, operation_id: str = "1", **variables: Any) -> None:
    await socket.subscribe(operation_id, query, **variables)
    (batch,) = (await socket.data(operation_id)).values()
    assert batch == {"resync": True, "changes": []}


async def _changes(socket: Socket, operation_id: str = "1") -> list[dict[str, Any]]:
    (batch,) = (await socket.data(operation_id)).values()
    assert not batch["resync"]
    changes: list[dict[str, Any]] = batch["changes"]
    return changes


async def test_every_operation_is_told_with_the_record(running: Running, key: str, tenant: SomeTenant) -> None:
    async with running.socket(key) as socket:
        await _start(socket)
        lead = await tenant.create("Lead", name="Li Wei")
        (change,) = await _changes(socket)
        assert (change["operation"], change["id"], change["actorId"]) == ("CREATED", str(lead), None)
        assert (change["record"]["name"], change["record"]["owner"]) == ("Li Wei", None)
        with acting_as(tenant.actor(Role.MANAGER)):
            await update_record("Lead", lead, {"name": "Li Na"})
            (change,) = await _changes(socket)
            assert (change["operation"], change["record"]["name"]) == ("UPDATED", "Li Na")
            assert change["actorId"] == str(tenant.users[Role.MANAGER])
            await set_owner("Lead", [lead], owner_id=tenant.users[Role.REP])
            (change,) = await _changes(socket)
            assert change["operation"] == "REASSIGNED"
            assert change["record"]["owner"]["name"].startswith("rep of")
            await archive_record("Lead", lead)
            assert (await _changes(socket))[0]["operation"] == "ARCHIVED"
            await restore_record("Lead", lead)
            assert (await _changes(socket))[0]["operation"] == "RESTORED"


async def test_tenants_do_not_mix(running: Running, api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    async with running.socket(await api.key(tenant)) as ours, running.socket(await api.key(other_tenant)) as theirs:
        await _start(ours)
        await _start(theirs)
        foreign = await other_tenant.create("Lead", name="Theirs")
        own = await tenant.create("Lead", name="Ours")
        assert [one["id"] for one in await _changes(ours)] == [str(own)]
        assert [one["id"] for one in await _changes(theirs)] == [str(foreign)]
    async with running.socket(await api.key(tenant)) as ours:
        await _start(ours, id=str(foreign))
        with acting_as(other_tenant.system):
            await update_record("Lead", foreign, {"name": "Changed"})
        await ours.send({"type": "ping"})
        assert await ours.receive() == {"type": "pong"}


async def test_a_filter_tells_what_matches_and_what_left(running: Running, key: str, tenant: SomeTenant) -> None:
    hot, cold = await tenant.create("Lead", name="A", interest="hot"), await tenant.create("Lead", name="B")
    async with running.socket(key) as socket:
        await _start(socket, filter={"interest": {"eq": "HOT"}})
        with acting_as(tenant.system):
            await update_record("Lead", cold, {"name": "Still cold"})
            await update_record("Lead", hot, {"name": "Still hot"})
            assert [(one["id"], one["operation"]) for one in await _changes(socket)] == [(str(hot), "UPDATED")]
            await update_record("Lead", hot, {"interest": "cold"})
            (change,) = await _changes(socket)
            assert (change["id"], change["operation"], change["record"]["name"]) == (str(hot), "LEFT", "Still hot")
            await update_record("Lead", hot, {"name": "Cold as well"})
            await update_record("Lead", cold, {"interest": "hot"})
            assert [(one["id"], one["operation"]) for one in await _changes(socket)] == [(str(cold), "UPDATED")]


async def test_changes_taken_together_leave_a_filter_together(running: Running, key: str, tenant: SomeTenant) -> None:
    hot = await tenant.create("Lead", name="A", interest="hot", company="Acme")
    never = await tenant.create("Lead", name="C", company="Acme")
    async with running.socket(key) as socket:
        await _start(socket, filter={"interest": {"eq": "HOT"}, "company": {"eq": "Acme"}})
        with acting_as(tenant.system):
            async with writing("test") as journal:
                from evenhand.actions.records import Change, update_records

                kind = ENTITIES["Lead"]
                await update_records(kind, [Change(hot, {"interest": "cold"})], journal=journal)
                await journal.flush()
                changes = [Change(hot, {"company": "Other"}), Change(never, {"company": "Other"})]
                await update_records(kind, changes, journal=journal)
        assert [(one["id"], one["operation"]) for one in await _changes(socket)] == [(str(hot), "LEFT")]


async def test_one_record_alone(running: Running, key: str, tenant: SomeTenant) -> None:
    mine, other = await tenant.create("Lead", name="Mine"), await tenant.create("Lead", name="Other")
    async with running.socket(key) as socket:
        await _start(socket, id=str(mine))
        with acting_as(tenant.system):
            await update_record("Lead", other, {"name": "x"})
            await update_record("Lead", mine, {"name": "y"})
        assert [one["id"] for one in await _changes(socket)] == [str(mine)]


async def test_a_burst_is_read_in_batches(running: Running, key: str, tenant: SomeTenant) -> None:
    async with running.socket(key) as socket:
        await _start(socket, filter={"company": {"eq": "Burst"}})
        with acting_as(tenant.system), watch_statements() as statements:
            async with writing("test") as journal:
                drafts = [{"name": f"L{number}", "company": "Burst"} for number in range(1000)]
                created = await create_records(ENTITIES["Lead"], drafts, journal=journal)
            written = len(statements)
            told: list[str] = []
            while len(told) < 1000:
                batch = await _changes(socket)
                assert all(one["record"]["id"] == one["id"] for one in batch)
                told += [one["id"] for one in batch]
        assert told == [str(one) for one in created]
        assert len(statements) - written <= 5 * 4, "5 batches, each with what matches, the records and their owners"


@pytest.mark.parametrize("entity", sorted(ENTITIES))
async def test_every_entity_can_be_watched(running: Running, key: str, entity: str) -> None:
    from evenhand_schema.names import plural

    name = plural(entity[0].lower() + entity[1:])
    async with running.socket(key) as socket:
        query = f"subscription {{ {name}Changed {{ resync changes {{ id record {{ id }} }} }} }}"
        await _start(socket, query)


async def test_a_job_is_followed_to_its_end(running: Running, key: str, tenant: SomeTenant) -> None:
    query = "subscription ($id: ID!) { jobProgress(id: $id) { id state done total message } }"
    async with running.socket(key) as socket:
        with acting_as(tenant.system):
            async with running_job("import", "leads.csv", total=10) as job:
                await socket.subscribe("1", query, id=str(job.id))
                first = (await socket.data())["jobProgress"]
                assert (first["state"], first["done"], first["total"]) == ("RUNNING", 0, 10)
                job.advance(4, message="Importing")
                second = (await socket.data())["jobProgress"]
                assert (second["state"], second["done"], second["message"]) == ("RUNNING", 4, "Importing")
                job.advance(10)
        last = (await socket.data())["jobProgress"]
        assert (last["state"], last["done"]) == ("DONE", 10)
        assert await socket.receive() == {"type": "complete", "id": "1"}


async def test_jobs_can_be_read(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.MANAGER)):
        async with running_job("import", "leads.csv", total=10) as job:
            pass
    query = "query ($id: ID!) { job(id: $id) { state createdBy { role } } jobs { nodes { id title } } }"
    data = await api.data(tenant, query, id=str(job.id))
    assert data["job"] == {"state": "DONE", "createdBy": {"role": "MANAGER"}}
    assert data["jobs"]["nodes"] == [{"id": str(job.id), "title": "leads.csv"}]
    assert await api.data(other_tenant, query, id=str(job.id)) == {"job": None, "jobs": {"nodes": []}}


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ('subscription { jobProgress(id: "x") { id } }', {}, "INVALID_ID"),
        ('subscription { jobProgress(id: "018f0000-0000-7000-8000-000000000000") { id } }', {}, "NOT_FOUND"),
        (LEADS, {"id": "x"}, "INVALID_ID"),
        (LEADS, {"filter": {"name": {"eq": None}}}, "INVALID_FILTER"),
        (LEADS, {"filter": {"salary": {"eq": 1}}}, "INVALID_REQUEST"),
        ("subscription { leadsChanged { resync } accountsChanged { resync } }", {}, "INVALID_REQUEST"),
        ("subscription { nothing }", {}, "INVALID_REQUEST"),
    ],
)
async def test_bad_subscriptions_are_refused_in_words(
    running: Running, key: str, query: str, variables: dict[str, Any], code: str
) -> None:
    async with running.socket(key) as socket:
        await socket.subscribe("1", query, **variables)
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", "1")
        assert message["payload"][0]["extensions"]["code"] == code
        assert message["payload"][0]["extensions"]["hint"]


async def test_a_field_that_fails_is_told_in_its_place(running: Running, key: str, tenant: SomeTenant) -> None:
    """One message has errors; the subscription goes on."""
    query = (
        """subscription { leadsChanged { changes { record { ownershipHistory(first: 1000) { nodes { id } } } } } }"""
    )
    async with running.socket(key) as socket:
        await socket.subscribe("1", query)
        await socket.receive()
        for name in "ab":
            await tenant.create("Lead", name=name)
            message = await socket.receive()
            assert message["type"] == "next"
            assert message["payload"]["errors"][0]["extensions"]["code"] == "INVALID_PAGE_SIZE"
        await asyncio.sleep(0)
