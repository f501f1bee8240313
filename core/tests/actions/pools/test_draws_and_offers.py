"""Lots, offers and views: each ends once, and can be told afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from evenhand.actions.owners import set_owner
from evenhand.actions.pools.claims import claim_records, return_records
from evenhand.actions.pools.draws import replay_draw, settle_draws
from evenhand.actions.pools.errors import CoolingDown, NotPoolMember, OfferEnded, ViewLimitReached
from evenhand.actions.pools.items import ClaimItem, ClaimStatus
from evenhand.actions.pools.offers import accept_offer, decline_offer, expire_offers, offer_records
from evenhand.actions.pools.views import view_record
from evenhand.db.session import reading
from evenhand.entities.enums import OfferState, OwnershipReason
from evenhand.errors import InvalidInput, NotFound
from evenhand.notifications.models import Notification
from evenhand.ownership.models import OwnershipEntry
from evenhand.ownership.pools.models import PoolDraw, PoolDrawResult, PoolOffer
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant
from evenhand.testing.clock import Clock

from .conftest import Team, make_team


async def test_claims_of_a_window_are_drawn_and_can_be_drawn_again(tenant: SomeTenant, clock: Clock) -> None:
    team = await make_team(tenant, 6)
    await team.rule(draw_minutes=30)
    (lead,) = await team.leads(1)

    async def claim(rep: int) -> ClaimItem:
        with acting_as(team.rep(rep)):
            return (await claim_records("Lead", [lead]))[0]

    entered = await asyncio.gather(*(claim(rep) for rep in (0, 1, 2, 3, 3, 0)))
    assert {item.status for item in entered} == {ClaimStatus.ENTERED}
    assert await team.holder(lead) == (None, team.pool)
    with acting_as(tenant.system):
        assert await settle_draws() == 0
    clock.advance(minutes=31)
    assert (await claim(4)).error is not None, "lots come first"
    await tenant.update("User", team.reps[0], is_active=False)
    with acting_as(tenant.system):
        assert sum(await asyncio.gather(settle_draws(), settle_draws())) == 1
        async with reading():
            (opened,) = await PoolDraw.all()
            (result,) = await PoolDrawResult.all()
            told = Counter(await Notification.filter(kind="lots_drawn").values_list("user_id", flat=True))
            line = await OwnershipEntry.filter(record_id=lead).order_by("-started_at").first()
        again = await replay_draw(opened.id)
        with pytest.raises(NotFound):
            await replay_draw(uuid7())
    assert again.same
    assert again.winner_id == result.winner_id
    assert set(again.order) == set(team.reps[:4])
    assert result.winner_id in team.reps[1:4]
    outcomes = {place["user"]: place["outcome"] for place in result.places}
    assert outcomes[str(team.reps[0])] == "OWNER_NOT_ELIGIBLE"
    assert Counter(outcomes.values())["WON"] == 1
    assert set(told) == set(team.reps[1:4])
    assert line is not None
    assert (line.owner_id, line.reason) == (result.winner_id, OwnershipReason.DRAWN)
    assert await team.holder(lead) == (result.winner_id, None)


async def test_a_record_that_left_is_not_drawn(team: Team, clock: Clock) -> None:
    await team.rule(draw_minutes=30)
    (lead,) = await team.leads(1)
    with acting_as(team.rep(0)):
        await claim_records("Lead", [lead])
    other = await team.tenant.create("Pool", name="Elsewhere")
    with acting_as(team.tenant.system):
        await set_owner("Lead", [lead], pool_id=other)
        clock.advance(minutes=31)
        assert await settle_draws() == 1
        async with reading():
            (result,) = await PoolDrawResult.all()
    assert result.winner_id is None
    assert [place["outcome"] for place in result.places] == ["RECORD_GONE"]
    assert await team.holder(lead) == (None, other)


async def test_after_the_window_the_first_claim_wins(team: Team, clock: Clock) -> None:
    await team.rule(draw_minutes=30)
    (lead,) = await team.leads(1)
    clock.advance(minutes=31)
    with acting_as(team.rep(0)):
        (item,) = await claim_records("Lead", [lead])
    assert item.status is ClaimStatus.CLAIMED


async def test_the_first_acceptance_wins(tenant: SomeTenant) -> None:
    team = await make_team(tenant, 20)
    (lead,) = await team.leads(1)
    with acting_as(tenant.actor(Role.MANAGER)):
        (offer,) = await offer_records("Lead", [lead], user_ids=team.reps, note="urgent")
        assert await offer_records("Lead", [lead], user_ids=team.reps) == [offer]

    async def accept(rep: int) -> object:
        with acting_as(team.rep(rep)):
            try:
                return (await accept_offer(offer)).status
            except OfferEnded as ended:
                return ended.code

    outcomes = Counter(await asyncio.gather(*(accept(rep) for rep in range(20))))
    assert outcomes == {ClaimStatus.CLAIMED: 1, "OFFER_ENDED": 19}
    with acting_as(tenant.system):
        async with reading():
            kept = await PoolOffer.get(id=offer)
            line = await OwnershipEntry.filter(record_id=lead).order_by("-started_at").first()
            told = await Notification.filter(kind="record_offered").count()
    assert (kept.state, told) == (OfferState.ACCEPTED, 20)
    assert line is not None
    assert (line.owner_id, line.reason) == (kept.accepted_by_id, OwnershipReason.OFFER_ACCEPTED)
    with acting_as(team.rep(team.reps.index(line.owner_id or lead))):
        assert (await accept_offer(offer)).status is ClaimStatus.ALREADY_YOURS


async def test_offers_end_and_records_go_to_the_next_pool(team: Team, clock: Clock) -> None:
    await team.rule(offer_minutes=10)
    lead, other = await team.leads(2)
    fallback = await team.tenant.create("Pool", name="Fallback")
    with acting_as(team.tenant.actor(Role.MANAGER)):
        offers = await offer_records("Lead", [lead, other], user_ids=team.reps[:2], fallback_pool_id=fallback)
        with pytest.raises(InvalidInput):
            await offer_records("Lead", [lead])
    with acting_as(team.rep(2)), pytest.raises(NotFound):
        await accept_offer(offers[0])
    for rep, ends in ((0, False), (1, True)):
        with acting_as(team.rep(rep)):
            assert await decline_offer(offers[1]) is ends
    assert await team.holder(other) == (None, fallback)
    clock.advance(minutes=11)
    with acting_as(team.tenant.system):
        assert await expire_offers() == 1
        assert await expire_offers() == 0
    with acting_as(team.rep(0)), pytest.raises(OfferEnded):
        await accept_offer(offers[0])
    assert await team.holder(lead) == (None, fallback)


async def test_only_who_manages_the_pool_offers(team: Team) -> None:
    (lead,) = await team.leads(1)
    with acting_as(team.rep(0)), pytest.raises(NotPoolMember):
        await offer_records("Lead", [lead], user_ids=team.reps)
    await team.tenant.create("PoolMember", pool_id=team.pool, user_id=team.reps[0], role="manager")
    with acting_as(team.rep(0)):
        assert len(await offer_records("Lead", [lead], user_ids=team.reps)) == 1


async def test_limits_stand_against_acceptance_and_the_offer_stays_open(team: Team) -> None:
    await team.rule(cool_down_days=10)
    (lead,) = await team.leads(1)
    with acting_as(team.rep(0)):
        await claim_records("Lead", [lead])
        await return_records("Lead", [lead], reason="no")
    with acting_as(team.tenant.actor(Role.MANAGER)):
        (offer,) = await offer_records("Lead", [lead], user_ids=team.reps)
    with acting_as(team.rep(0)), pytest.raises(CoolingDown):
        await accept_offer(offer)
    with acting_as(team.rep(1)):
        assert (await accept_offer(offer)).status is ClaimStatus.CLAIMED


async def test_looks_into_the_pool_are_counted_exactly(team: Team, clock: Clock) -> None:
    await team.rule(views_per_day=3)
    leads = await team.leads(10)

    async def look(number: int) -> object:
        with acting_as(team.rep(0)):
            try:
                return await view_record("Lead", leads[number])
            except ViewLimitReached as reached:
                return reached.code

    outcomes = await asyncio.gather(*(look(number) for number in range(10)))
    assert Counter(map(str, outcomes)) == {"2": 1, "1": 1, "0": 1, "VIEW_LIMIT_REACHED": 7}
    seen = outcomes.index(2)
    assert await look(seen) == 0, "the same record counts once"
    clock.advance(timedelta(days=1))
    assert await look(0) == 2
    with acting_as(team.tenant.actor(Role.MANAGER)):
        assert await view_record("Lead", leads[0]) is None
