"""Claims: one winner, clear refusals, limits that count events, and every path under the same limits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from evenhand.actions.assignment import assign_records
from evenhand.actions.bulk import create_many
from evenhand.actions.errors import OwnerNotEligible
from evenhand.actions.owners import set_owner
from evenhand.actions.pools.claims import ClaimItem, ClaimStatus, claim_records, return_records
from evenhand.actions.pools.errors import CapReached, CoolingDown, Frozen
from evenhand.actions.record_members import add_record_member
from evenhand.actions.records import archive_record, create_record, restore_record, update_record
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.entities import Lead
from evenhand.entities.enums import MemberRole, OwnershipReason
from evenhand.errors import InvalidInput
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import Decision, OwnershipEntry
from evenhand.plugins.contract import Candidate, OpenRecord, Resolution, TenantContext, Verdict
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.host import PluginHost
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.clock import Clock
from evenhand.testing.queries import watch_statements

from .conftest import Team, make_team


async def claim(team: Team, rep: int, *leads: UUID) -> list[ClaimItem]:
    with acting_as(team.rep(rep)):
        return await claim_records("Lead", list(leads))


async def give_back(team: Team, rep: int, *leads: UUID) -> list[ClaimItem]:
    with acting_as(team.rep(rep)):
        return await return_records("Lead", list(leads), reason="no budget")


def code(item: ClaimItem) -> str:
    return item.error.code if item.error is not None else item.status.value


async def test_a_claim_is_few_round_trips(team: Team) -> None:
    await team.rule(freeze_days=3, cool_down_days=30, claims_per_day=9, holding_cap=9)
    first, second = await team.leads(2)
    await claim(team, 0, first)
    with watch_statements(frame=True) as seen:
        (item,) = await claim(team, 0, second)
    assert item.status is ClaimStatus.CLAIMED
    assert len(seen) <= 7, "\n".join(seen)


async def test_200_racers_and_one_winner(tenant: SomeTenant) -> None:
    team = await make_team(tenant, 200)
    (lead,) = await team.leads(1)
    items = [one for (one,) in await asyncio.gather(*(claim(team, number, lead) for number in range(200)))]
    winners = [number for number, item in enumerate(items) if item.status is ClaimStatus.CLAIMED]
    assert len(winners) == 1
    winner = team.reps[winners[0]]
    lost = [item for item in items if item.status is ClaimStatus.REFUSED]
    assert len(lost) == 199
    for item in lost:
        assert item.error is not None
        assert (item.error.code, item.owner_id) == ("ALREADY_CLAIMED", winner)
        assert item.since == items[winners[0]].since
        assert f"Rep {winners[0]} has" in item.error.message
    assert await team.holder(lead) == (winner, None)
    with acting_as(tenant.system):
        async with reading():
            assert await OwnershipEntry.filter(record_id=lead, reason=OwnershipReason.CLAIMED).count() == 1
            assert await OutboxEvent.filter(record_id=lead, type="RecordClaimed").count() == 1


async def test_who_has_it_is_told_as_far_as_the_caller_may_know(database: DatabaseConfig) -> None:
    tenant = await make_tenant(time_zone="Asia/Shanghai")
    team = await make_team(tenant, 5)
    holder, peer, mate, seer, stranger = range(5)
    east = await tenant.create("Team", name="East")
    for number in (holder, mate):
        await tenant.update("User", team.reps[number], team_id=east)
    for number in (holder, peer):
        await tenant.create("PoolMember", pool_id=team.pool, user_id=team.reps[number])
    (lead,) = await team.leads(1)
    (won,) = await claim(team, holder, lead)
    with acting_as(tenant.system):
        await add_record_member("Lead", lead, team.reps[seer], MemberRole.WATCHER)
    assert won.since is not None
    since = f"since {won.since.astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%d %H:%M:%S}."
    for number, words in (
        (peer, "Rep 0 has Lead 0"),
        (mate, "Rep 0 has this lead"),
        (seer, "Rep 0 has Lead 0"),
        (stranger, "Somebody else has this lead"),
    ):
        (item,) = await claim(team, number, lead)
        assert item.error is not None
        assert item.error.message == f"{words} {since}"
        assert item.error.details["record"] == str(lead)
        named = team.reps[holder] if number != stranger else None
        assert item.owner_id == named
        assert ("user" in item.error.details) is (named is not None)


async def test_refusals_name_the_record_and_the_tenants_time(database: DatabaseConfig, clock: Clock) -> None:
    team = await make_team(await make_tenant(time_zone="Asia/Shanghai"), 2)
    await team.rule(freeze_days=2, name="Leads")
    (lead,) = await team.leads(1)
    await claim(team, 0, lead)
    clock.advance(timedelta(hours=1))
    await give_back(team, 0, lead)
    (item,) = await claim(team, 1, lead)
    until = (clock.now() + timedelta(days=2)).astimezone(ZoneInfo("Asia/Shanghai"))
    assert isinstance(item.error, Frozen)
    assert item.error.message == (
        f"Lead 0 came back to the pool a short while ago and is frozen until {until:%Y-%m-%d %H:%M} (rule Leads)."
    )
    assert item.error.details["record"] == str(lead)


async def test_a_batch_is_itemised(team: Team, other_tenant: SomeTenant) -> None:
    taken, free, gone = await team.leads(3)
    elsewhere = await team.tenant.create("Lead", name="Elsewhere")
    foreign = await other_tenant.create("Lead", name="Foreign")
    await claim(team, 1, taken)
    with acting_as(team.tenant.system):
        await archive_record("Lead", gone)
    with acting_as(team.rep(0)):
        items = await claim_records("Lead", [taken, free, gone, foreign, elsewhere, free], pool_id=team.pool)
    assert [code(item) for item in items] == [
        "ALREADY_CLAIMED",
        "claimed",
        "RECORD_ARCHIVED",
        "NOT_FOUND",
        "NOT_IN_POOL",
    ], "each is answered for once"
    assert await team.holder(free) == (team.reps[0], None)
    (again,) = await claim(team, 0, free)
    assert (again.status, again.since) == (ClaimStatus.ALREADY_YOURS, items[1].since)
    with acting_as(team.tenant.system):
        async with reading():
            assert await OwnershipEntry.filter(record_id=free).count() == 2


async def test_only_members_claim_and_only_users(team: Team) -> None:
    lead, other = await team.leads(2)
    boss = await team.tenant.create("Team", name="华东")
    below = await team.tenant.create("Team", name="杭州", parent_id=boss)
    await team.tenant.create("PoolMember", pool_id=team.pool, team_id=boss)
    await team.tenant.create("PoolMember", pool_id=team.pool, region="华南")
    assert [code(item) for item in await claim(team, 0, lead)] == ["NOT_POOL_MEMBER"]
    await team.tenant.update("User", team.reps[0], team_id=below)
    await team.tenant.update("User", team.reps[1], regions=["华南"])
    assert [code(item) for item in await claim(team, 0, lead)] == ["claimed"]
    assert [code(item) for item in await claim(team, 1, other)] == ["claimed"]
    assert [code(item) for item in await claim(team, 2, lead)] == ["ALREADY_CLAIMED"]
    with acting_as(team.tenant.system), pytest.raises(PermissionDenied):
        await claim_records("Lead", [lead])
    with acting_as(team.tenant.actor(Role.READ_ONLY)), pytest.raises(PermissionDenied):
        await claim_records("Lead", [lead])
    await team.tenant.update("User", team.reps[2], is_active=False)
    fresh = (await team.leads(1))[0]
    assert [code(item) for item in await claim(team, 2, fresh)] == ["NOT_POOL_MEMBER"]


async def test_t11_giving_back_does_not_reset_the_limit(team: Team, clock: Clock) -> None:
    await team.rule(claims_per_day=2, claims_per_week=3)
    leads = await team.leads(6)
    assert [code(item) for item in await claim(team, 0, *leads[:2])] == ["claimed", "claimed"]
    assert [code(item) for item in await give_back(team, 0, *leads[:2])] == ["returned", "returned"]
    (item,) = await claim(team, 0, leads[2])
    assert code(item) == "CLAIM_LIMIT_REACHED"
    assert item.until is not None
    assert item.until > clock.now()
    assert [code(item) for item in await claim(team, 1, leads[2])] == ["claimed"]
    monday = item.until
    clock.set(monday + timedelta(seconds=1))
    outcomes = [code(one) for lead in leads[3:] for one in await claim(team, 0, lead)]
    assert outcomes.count("claimed") <= 2


async def test_limits_are_exact_under_parallel_claims_of_one_rep(team: Team) -> None:
    await team.rule(claims_per_day=5)
    leads = await team.leads(30)
    items = [one for (one,) in await asyncio.gather(*(claim(team, 0, lead) for lead in leads))]
    assert Counter(map(code, items)) == {"claimed": 5, "CLAIM_LIMIT_REACHED": 25}


async def test_t12_everybody_who_had_it_cools_down_on_every_path(team: Team, clock: Clock) -> None:
    await team.rule(cool_down_days=30)
    (lead,) = await team.leads(1)
    for rep in (0, 1):
        assert [code(item) for item in await claim(team, rep, lead)] == ["claimed"]
        clock.advance(timedelta(days=1))
        await give_back(team, rep, lead)
    for rep in (0, 1):
        (item,) = await claim(team, rep, lead)
        assert code(item) == "COOLING_DOWN"
    with acting_as(team.tenant.actor(Role.MANAGER)):
        with pytest.raises(CoolingDown) as cooling:
            await set_owner("Lead", [lead], owner_id=team.reps[0])
        assert "Rep 0" in cooling.value.message
        with pytest.raises(InvalidInput):
            await set_owner("Lead", [lead], owner_id=team.reps[0], override=" ")
        await set_owner("Lead", [lead], owner_id=team.reps[0], override="knows the customer")
    with acting_as(team.tenant.system):
        async with reading():
            line = await OwnershipEntry.filter(record_id=lead).order_by("-started_at").first()
            told = await OutboxEvent.filter(record_id=lead, type="OwnerChanged").order_by("-sequence").first()
    assert line is not None
    assert line.override == "knows the customer"
    assert told is not None
    assert told.payload["override"] == "knows the customer"
    clock.advance(timedelta(days=31))
    await give_back(team, 0, lead)
    assert [code(item) for item in await claim(team, 1, lead)] == ["claimed"]


async def test_an_override_that_was_not_needed_is_not_noted(team: Team) -> None:
    (lead,) = await team.leads(1)
    with acting_as(team.tenant.actor(Role.MANAGER)):
        await set_owner("Lead", [lead], owner_id=team.reps[0], override="to be sure")
    with acting_as(team.tenant.system):
        async with reading():
            line = await OwnershipEntry.filter(record_id=lead).order_by("-started_at").first()
    assert line is not None
    assert line.override is None


async def test_t13_the_freeze_has_its_own_clock(team: Team, clock: Clock) -> None:
    await team.rule(freeze_days=3)
    (lead,) = await team.leads(1)
    assert [code(item) for item in await claim(team, 0, lead)] == ["claimed"], "new records are not frozen"
    await give_back(team, 0, lead)
    clock.advance(timedelta(days=2))
    await team.tenant.update("Lead", lead, notes="called")
    (item,) = await claim(team, 1, lead)
    assert code(item) == "FROZEN"
    with acting_as(team.tenant.system), pytest.raises(Frozen):
        await set_owner("Lead", [lead], owner_id=team.reps[1])
    clock.advance(timedelta(days=1, seconds=1))
    assert [code(item) for item in await claim(team, 1, lead)] == ["claimed"]


async def test_t18_records_do_not_go_to_people_who_left(team: Team) -> None:
    (lead,) = await team.leads(1)
    await team.tenant.update("User", team.reps[0], is_active=False)
    with acting_as(team.tenant.system):
        with pytest.raises(OwnerNotEligible):
            await set_owner("Lead", [lead], owner_id=team.reps[0])
        with pytest.raises(OwnerNotEligible):
            await create_record("Lead", {"name": "New", "owner_id": team.reps[0]})


async def test_caps_hold_for_new_changed_and_restored_records(team: Team) -> None:
    await team.rule(entity="Account", tiers=["a"], holding_cap=2, position=1)
    rep = team.reps[0]

    async def account(**values: object) -> UUID:
        return await team.tenant.create("Account", name="Acme", owner_id=rep, **values)

    first = await account(tier="a")
    second = await account(tier="a")
    plain = await account(tier="b")
    with acting_as(team.tenant.system):
        with pytest.raises(CapReached):
            await create_record("Account", {"name": "Third", "tier": "a", "owner_id": rep})
        with pytest.raises(CapReached):
            await update_record("Account", plain, {"tier": "a"})
        await update_record("Account", plain, {"name": "Other"})
        await archive_record("Account", first)
        await update_record("Account", plain, {"tier": "a"})
        with pytest.raises(CapReached):
            await restore_record("Account", first)
        await update_record("Account", second, {"tier": "c"})
        assert await restore_record("Account", first) is True


async def test_a_batch_fills_the_room_that_there_is(team: Team) -> None:
    await team.rule(holding_cap=3)
    leads = await team.leads(5)
    items = await claim(team, 0, *leads)
    assert [code(item) for item in items] == ["claimed"] * 3 + ["CAP_REACHED"] * 2
    with acting_as(team.tenant.system):
        made = await create_many("Lead", [{"name": "x", "owner_id": rep} for rep in [team.reps[1]] * 5])
    assert [None if one.error is None else one.error.code for one in made] == [None] * 3 + ["CAP_REACHED"] * 2


@pytest.mark.slow
async def test_t19_caps_are_never_exceeded(tenant: SomeTenant) -> None:
    """50 reps and 1,000 leads with a cap of 10 each: claims, imports, assignments and edits at the same time."""
    team = await make_team(tenant, 50)
    await team.rule(holding_cap=10)
    leads = await team.leads(1000)
    dice = random.Random(7)

    async def some_claims(rep: int) -> None:
        for _ in range(4):
            await claim(team, rep, *dice.sample(leads, 8))

    async def some_creates(number: int) -> None:
        with acting_as(tenant.system):
            drafts = [{"name": f"New {number}", "owner_id": dice.choice(team.reps)} for _ in range(10)]
            await create_many("Lead", drafts)

    async def some_orders(number: int) -> None:
        with acting_as(tenant.actor(Role.ADMIN)), suppress(CapReached):
            await set_owner("Lead", dice.sample(leads, 4), owner_id=dice.choice(team.reps))

    async def some_closings(number: int) -> None:
        lead = dice.choice(leads)
        with acting_as(tenant.system):
            for status in ("unqualified", "working"):
                with contextlib.suppress(CapReached):
                    await update_record("Lead", lead, {"status": status})

    work = [some_claims(rep) for rep in range(50)]
    work += [some_creates(number) for number in range(40)]
    work += [some_orders(number) for number in range(60)]
    work += [some_closings(number) for number in range(40)]
    dice.shuffle(work)
    await asyncio.gather(*work)
    with acting_as(tenant.system):
        async with reading():
            rows = await Lead.filter(archived_at=None, owner_id__not_isnull=True).exclude(status="unqualified")
            held = Counter(row.owner_id for row in rows)
            total = await Lead.all().count()
            lines = await OwnershipEntry.filter(entity="Lead").order_by("started_at", "id")
            columns = {row.id: (row.owner_id, row.pool_id) for row in await Lead.all()}
    assert max(held.values()) <= 10
    assert sum(held.values()) >= 450, "the room is used"
    assert total == len(columns) >= 1000
    assert {line.record_id: (line.owner_id, line.pool_id) for line in lines} == columns


async def test_t10_claims_of_others_never_overwrite(team: Team) -> None:
    """Claims, returns and orders at random: ledger and column agree, and intervals neither overlap nor gap."""
    leads = await team.leads(6)
    dice = random.Random(3)

    async def act(rep: int) -> None:
        for _ in range(6):
            lead = dice.choice(leads)
            match dice.randrange(3):
                case 0 | 1:
                    await claim(team, rep, lead)
                case 2:
                    await give_back(team, rep, lead)

    await asyncio.gather(*(act(rep) for rep in (0, 1, 2) for _ in range(3)))
    for lead in leads:
        await team.holder(lead)
        with acting_as(team.tenant.system):
            async with reading():
                lines = await OwnershipEntry.filter(record_id=lead).order_by("started_at", "id")
        starts = [line.started_at for line in lines]
        assert len(set(starts)) == len(starts)
        for before, after in itertools.pairwise(lines):
            assert (before.owner_id is None) != (after.owner_id is None), "pool and people take turns"


async def test_returns(team: Team) -> None:
    other = await team.tenant.create("Pool", name="Second")
    await team.rule(position=5)
    mine, theirs = await team.leads(2)
    await claim(team, 0, mine)
    await claim(team, 1, theirs)
    with acting_as(team.rep(0)):
        with pytest.raises(InvalidInput):
            await return_records("Lead", [mine], reason="")
        with pytest.raises(InvalidInput):
            await return_records("Lead", [mine], reason="x", pool_id=uuid7())
        items = await return_records("Lead", [mine, theirs, uuid7()], reason="no budget")
        assert [code(item) for item in items] == ["returned", "PERMISSION_DENIED", "NOT_FOUND"]
        assert await team.holder(mine) == (None, team.pool)
        assert [code(item) for item in await return_records("Lead", [mine], reason="again")] == ["returned"]
        await claim_records("Lead", [mine])
        await return_records("Lead", [mine], reason="to the others", pool_id=other)
    assert await team.holder(mine) == (None, other)
    with acting_as(team.tenant.system):
        async with reading():
            line = await OwnershipEntry.filter(record_id=mine).order_by("-started_at").first()
    assert line is not None
    assert (line.reason, line.note) == (OwnershipReason.RETURNED, "to the others")


async def test_assignment_leaves_what_limits_refuse(team: Team, host: PluginHost) -> None:
    class FirstRep:
        @hookimpl
        async def resolve_owner(
            self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
        ) -> list[Resolution]:
            verdicts = [
                Verdict(one.user_id, one.user_id == team.reps[0], "CHOSEN" if one.user_id == team.reps[0] else "OTHER")
                for one in candidates
            ]
            return [Resolution(record.record_id, team.reps[0], "first", 1, verdicts) for record in records]

    host.load(PluginManifest(slug="firstrep", title={"en": "First"}, api=">=0", hooks="unused:unused"), FirstRep())
    await team.tenant.enable("firstrep")
    await team.rule(holding_cap=2)
    leads = await team.leads(4)
    with acting_as(team.tenant.system):
        assigned = await assign_records("Lead", leads)
        assert [one.owner_id for one in assigned] == [team.reps[0], team.reps[0], None, None]
        async with reading():
            decision = await Decision.get(id=assigned[2].decision_id)
    assert {one["reason"] for one in decision.verdicts} == {"CAP_REACHED", "OTHER"}
    assert await team.holder(leads[3]) == (None, team.pool)


async def test_policies_know_limits_before_they_decide(team: Team, host: PluginHost) -> None:
    asked: list[tuple[dict[UUID, OpenRecord], dict[UUID, Candidate]]] = []

    class Careless:
        @hookimpl
        async def resolve_owner(
            self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
        ) -> list[Resolution]:
            asked.append(({one.record_id: one for one in records}, {one.user_id: one for one in candidates}))
            verdicts = [Verdict(one.user_id, True, "FINE", 1) for one in candidates]
            return [Resolution(record.record_id, team.reps[0], "careless", 1, verdicts) for record in records]

    host.load(PluginManifest(slug="careless", title={"en": "Careless"}, api=">=0", hooks="unused:unused"), Careless())
    await team.tenant.enable("careless")
    rule = await team.rule(holding_cap=2, cool_down_days=7)
    had, fresh, held, mine = await team.leads(4)
    await claim(team, 0, had)
    await give_back(team, 0, had)
    await claim(team, 1, held)
    await claim(team, 0, mine)
    with acting_as(team.tenant.system):
        done = await assign_records("Lead", [had, fresh, mine])
    records, candidates = asked[0]
    assert records[had].blocked == {team.reps[0]: "COOLING_DOWN"}
    assert records[fresh].blocked == records[mine].blocked == {}
    assert {one.counts_as for one in records.values()} == {rule}
    assert [candidates[rep].room for rep in team.reps] == [{rule: 1}, {rule: 1}, {rule: 2}]
    assert [one.owner_id for one in done] == [None, team.reps[0], team.reps[0]]
    with acting_as(team.tenant.system):
        async with reading():
            kept = {one["candidate"]: one for one in (await Decision.get(id=done[0].decision_id)).verdicts}
    assert kept[str(team.reps[0])] | {"evidence": {}} == {
        "candidate": str(team.reps[0]),
        "eligible": False,
        "reason": "COOLING_DOWN",
        "rank": None,
        "evidence": {},
    }
    assert kept[str(team.reps[1])]["eligible"]
    with acting_as(team.tenant.system):
        await assign_records("Lead", [had, mine, held])
    records, _ = asked[1]
    assert records[had].blocked == {team.reps[0]: "CAP_REACHED"} | {team.reps[0]: "COOLING_DOWN"}
    assert records[mine].blocked == {}, "whoever holds a record may keep it"
    assert records[held].blocked == {team.reps[0]: "CAP_REACHED"}


async def test_nobody_gets_frozen_records_by_assignment(team: Team, host: PluginHost) -> None:
    asked: list[OpenRecord] = []

    class Looking:
        @hookimpl
        async def resolve_owner(
            self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
        ) -> list[Resolution]:
            asked.extend(records)
            verdicts = [Verdict(one.user_id, one.user_id not in records[0].blocked, "SEEN") for one in candidates]
            return [Resolution(record.record_id, None, "looking", 1, verdicts) for record in records]

    host.load(PluginManifest(slug="looking", title={"en": "Looking"}, api=">=0", hooks="unused:unused"), Looking())
    await team.tenant.enable("looking")
    await team.rule(freeze_days=3)
    (lead,) = await team.leads(1)
    await claim(team, 0, lead)
    await give_back(team, 0, lead)
    with acting_as(team.tenant.system):
        await assign_records("Lead", [lead])
    everybody = {*team.reps, *team.tenant.users.values()}
    assert asked[0].blocked == dict.fromkeys(everybody, "FROZEN")
