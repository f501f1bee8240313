"""Turns in the database, through the core's action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.actions.assignment import assign_records
from evenhand.actions.errors import NoPolicy
from evenhand.actions.owners import set_owner
from evenhand.actions.plugins import set_plugin
from evenhand.actions.records import archive_record, update_record
from evenhand.api import (
    Candidate,
    InvalidInput,
    OpenRecord,
    Resolution,
    TenantContext,
    decisions_for,
    hookimpl,
    reading,
    transaction,
)
from evenhand.audit.models import AuditEntry
from evenhand.db.session import raw_connection
from evenhand.entities import Lead
from evenhand.entities.enums import OwnershipReason
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import Decision, OwnershipEntry
from evenhand.plugins.host import PluginFailed, PluginHost, use_host
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, drain, make_tenant
from evenhand_assignment.manifest import MANIFEST
from evenhand_assignment.models import TurnGroup, UserTurn
from evenhand_assignment.plugin import AssignmentPlugin
from evenhand_assignment.service import turns_of

from .conftest import Office, make_office


async def assign(office: Office, ids: Sequence[UUID], kind: str = "lead", **options: Any) -> list[UUID | None]:
    with acting_as(office.tenant.system):
        return [item.owner_id for item in await assign_records(kind, ids, **options)]


async def test_one_lead_at_a_time_comes_out_even(office: Office) -> None:
    received: Counter[UUID | None] = Counter()
    for lead in await office.leads(30):
        received.update(await assign(office, [lead]))
        counts = [received[rep] for rep in office.reps]
        assert max(counts) - min(counts) <= 1
    assert received == dict.fromkeys(office.reps, 10)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shares=st.lists(st.decimals("0.001", "1000", places=3), min_size=1, max_size=5),
    batches=st.lists(st.integers(1, 12), min_size=1, max_size=5),
)
async def test_weights_are_kept_in_the_database(database: object, shares: list[Any], batches: list[int]) -> None:
    office = await make_office(await make_tenant(), len(shares))
    await office.configure(weights={str(rep): str(share) for rep, share in zip(office.reps, shares, strict=True)})
    received: Counter[UUID | None] = Counter()
    for batch in batches:
        received.update(await assign(office, await office.leads(batch)))
        dealt = received.total()
        for rep, share in zip(office.reps, shares, strict=True):
            assert abs(received[rep] - Fraction(share) * dealt / Fraction(sum(shares))) < 1


async def test_each_lead_has_one_decision_one_line_and_one_event(office: Office) -> None:
    leads = await office.leads(7)
    owners = await assign(office, leads, seed=42)
    with acting_as(office.tenant.system):
        async with reading():
            decisions = await Decision.filter(record_id__in=leads)
            lines = await OwnershipEntry.filter(record_id__in=leads, reason=OwnershipReason.ASSIGNED)
            events = await OutboxEvent.filter(record_id__in=leads, type="OwnerChanged")
            audit = await AuditEntry.filter(record_id__in=leads, action="assign_records")
            held = {lead.id: lead.owner_id for lead in await Lead.filter(id__in=leads)}
        decided = await decisions_for("Lead", leads, plugin="assignment")
    assert held == dict(zip(leads, owners, strict=True))
    for rows in (decisions, lines, events, audit):
        assert sorted(row.record_id for row in rows) == sorted(leads)
    assert {line.decision_id: line.owner_id for line in lines} == {row.id: row.owner_id for row in decisions}
    assert {line.policy for line in lines} == {"assignment:round_robin"}
    assert {lead: decided[lead].owner_id for lead in leads} == held
    everybody = {*office.reps, *(office.tenant.users[role] for role in (Role.ADMIN, Role.MANAGER, Role.READ_ONLY))}
    for decision in decided.values():
        assert {verdict.candidate_id for verdict in decision.verdicts} == everybody
        assert Counter(verdict.reason for verdict in decision.verdicts) == {
            "CHOSEN": 1,
            "LATER_IN_TURN": 2,
            "ROLE_NOT_ELIGIBLE": 3,
        }


async def test_the_same_seed_repeats_the_same_choice(database: object) -> None:
    offices = [await make_office(await make_tenant(), 4) for _ in range(2)]
    for office in offices:
        (lead,) = await office.leads(1)
        (owner,) = await assign(office, [lead], seed=11)
        with acting_as(office.tenant.system):
            kept = (await decisions_for("Lead", [lead]))[lead]
        ties = [verdict.candidate_id for verdict in kept.verdicts if verdict.eligible]
        assert owner == ties[0]
        from evenhand_assignment.rules import record_seed, tie_break

        assert kept.seed == record_seed(11, lead)
        assert ties == sorted(office.reps, key=lambda rep: tie_break(kept.seed, rep))


async def test_inactive_and_absent_are_skipped_and_told_so(office: Office) -> None:
    away, gone, here = office.reps
    today = datetime.now(UTC).date()
    await office.tenant.create("Absence", user_id=away, starts_on=today, ends_on=today + timedelta(days=2))
    with acting_as(office.tenant.system):
        await update_record("User", gone, {"is_active": False})
    leads = await office.leads(3)
    assert await assign(office, leads) == [here] * 3
    with acting_as(office.tenant.system):
        verdicts = {item.candidate_id: item for item in (await decisions_for("Lead", leads))[leads[0]].verdicts}
    assert (verdicts[away].reason, verdicts[gone].reason) == ("ABSENT", "INACTIVE")
    assert not verdicts[away].eligible
    assert not verdicts[gone].eligible


async def test_nobody_eligible_leaves_leads_in_their_pool_with_reasons(office: Office) -> None:
    with acting_as(office.tenant.system):
        for rep in office.reps:
            await update_record("User", rep, {"is_active": False})
    (lead,) = await office.leads(1)
    assert await assign(office, [lead]) == [None]
    with acting_as(office.tenant.system):
        async with reading():
            assert (await Lead.get(id=lead)).pool_id is not None
            assert await OwnershipEntry.filter(record_id=lead).count() == 1
        assert (await decisions_for("Lead", [lead]))[lead].owner_id is None
        assert await turns_of("Lead") == {}


async def test_a_manual_assignment_does_not_move_the_turn(office: Office) -> None:
    await assign(office, await office.leads(2))
    with acting_as(office.tenant.system):
        before = await turns_of("Lead")
        await set_owner("lead", await office.leads(5), owner_id=office.reps[0])
        assert await turns_of("Lead") == before


async def test_each_kind_of_record_has_its_own_turns(office: Office) -> None:
    await assign(office, await office.leads(4))
    await assign(office, await office.leads(3, "Account"), "account")
    with acting_as(office.tenant.system):
        async with reading():
            assert {group.entity: group.dealt for group in await TurnGroup.all()} == {"Lead": 4, "Account": 3}
        assert sorted(turn.received for turn in (await turns_of("Account")).values()) == [1, 1, 1]


async def test_a_leaver_and_a_returner_move_nobody_else(office: Office) -> None:
    one, two, three = office.reps
    await assign(office, await office.leads(9))
    with acting_as(office.tenant.system):
        async with reading():
            held = await Lead.filter(owner_id=one)
        for lead in held:
            await archive_record("Lead", lead.id)
        await update_record("User", one, {"is_active": False})
    alone: Counter[UUID | None] = Counter(await assign(office, await office.leads(40)))
    assert alone == {two: 20, three: 20}
    with acting_as(office.tenant.system):
        await update_record("User", one, {"is_active": True})
    back: Counter[UUID | None] = Counter(await assign(office, await office.leads(9)))
    assert back == {one: 3, two: 3, three: 3}


async def test_disabled_it_is_never_asked(office: Office) -> None:
    class Spy(AssignmentPlugin):
        calls = 0

        @hookimpl
        async def resolve_owner(
            self,
            ctx: TenantContext,
            records: Sequence[OpenRecord],
            candidates: Sequence[Candidate],
            policy: str | None = None,
        ) -> Sequence[Resolution] | None:
            Spy.calls += 1
            return await super().resolve_owner(ctx, records, candidates)

    host = PluginHost([])
    host.load(MANIFEST, Spy())
    leads = await office.leads(2)
    with use_host(host), acting_as(office.tenant.system):
        await assign_records("lead", leads[:1])
        assert Spy.calls == 1
        await set_plugin("assignment", enabled=False)
        with pytest.raises(NoPolicy):
            await assign_records("lead", leads[1:])
        async with reading():
            assert await Decision.filter(record_id=leads[1]).count() == 0
    assert Spy.calls == 1


async def test_a_failure_after_the_deal_takes_the_turn_back(office: Office) -> None:
    class Failing(AssignmentPlugin):
        @hookimpl
        async def resolve_owner(
            self,
            ctx: TenantContext,
            records: Sequence[OpenRecord],
            candidates: Sequence[Candidate],
            policy: str | None = None,
        ) -> Sequence[Resolution] | None:
            await super().resolve_owner(ctx, records, candidates)
            raise RuntimeError("the disk of the rules is full")

    leads = await office.leads(3)
    await assign(office, leads[:1])
    host = PluginHost([])
    host.load(MANIFEST, Failing())
    with acting_as(office.tenant.system):
        before = await turns_of("Lead")
        with use_host(host), pytest.raises(PluginFailed, match="the disk of the rules is full"):
            await assign_records("lead", leads[1:])
        assert await turns_of("Lead") == before
        async with reading():
            assert await Decision.filter(record_id__in=leads[1:]).count() == 0
            assert await Lead.filter(id__in=leads[1:], owner_id=None).count() == 2


async def test_another_tenant_sees_no_turns(office: Office, other_tenant: SomeTenant) -> None:
    leads = await office.leads(2)
    await assign(office, leads)
    with acting_as(other_tenant.system):
        assert await turns_of("Lead") == {}
        assert await decisions_for("Lead", leads) == {}
        async with transaction() as client:
            connection = raw_connection(client)
            for model in (TurnGroup, UserTurn):
                table = model._meta.db_table
                assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
                assert await connection.execute(f"DELETE FROM {table}") == "DELETE 0"
    with acting_as(office.tenant.system):
        assert sum(turn.received for turn in (await turns_of("Lead")).values()) == 2


@pytest.mark.parametrize(
    ("given_settings", "where"),
    [
        ({"weights": {"00000000-0000-7000-8000-000000000001": "0"}}, "settings.weights.0000"),
        ({"weights": {"00000000-0000-7000-8000-000000000001": "-2"}}, "settings.weights.0000"),
        ({"weights": {"00000000-0000-7000-8000-000000000001": "1.23456"}}, "settings.weights.0000"),
        ({"weights": {"anna@example.com": "1"}}, "settings.weights.anna@example.com"),
        ({"roles": []}, "settings.roles"),
        ({"roles": ["read_only"]}, "settings.roles"),
        ({"team_ids": ["nowhere"]}, "settings.team_ids"),
        ({"absences": "sometimes"}, "settings.absences"),
        ({"wieghts": {}}, "settings.wieghts"),
    ],
)
async def test_bad_settings_are_refused_and_named(office: Office, given_settings: dict[str, Any], where: str) -> None:
    with acting_as(office.tenant.system), pytest.raises(InvalidInput) as refused:
        await set_plugin("assignment", settings=given_settings)
    assert refused.value.problems[0].field.startswith(where)
    assert await assign(office, await office.leads(1)) != [None]


async def test_hook_on_event(office: Office) -> None:
    """New leads in a pool are assigned once, and only when the tenant wants it."""

    async def created(**values: Any) -> UUID:
        lead = await office.tenant.create("lead", name="Ada", **values)
        await drain()
        return lead

    async def owner_of(lead: UUID) -> UUID | None:
        async with reading():
            return (await Lead.get(id=lead)).owner_id

    with acting_as(office.tenant.system):
        assert await owner_of(await created()) is None
        await set_plugin("assignment", settings={"on_create": True})
        lead = await created()
        owner = await owner_of(lead)
        assert owner in office.reps
        kept = await created(owner_id=office.reps[2])
        assert await owner_of(kept) == office.reps[2]
        async with reading():
            assert await Decision.filter(record_id=kept).count() == 0
            told = await OutboxEvent.get(type="OwnerChanged", record_id=lead)
            cause = await OutboxEvent.get(type="LeadCreated", record_id=lead)
        assert (told.cause, told.depth, told.via) == (cause.id, 1, "plugin:assignment")
        assert await assign_records("lead", [lead], only_waiting=True) == []
