"""Offers (抢单): a record in a pool is offered to several people, and who accepts first gets it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.notifications import Message, notify_all
from evenhand.actions.owners import change_holders, require_pools
from evenhand.actions.pools.claims import own_user, ownable
from evenhand.actions.pools.errors import AlreadyClaimed, NotInPool, NotPoolMember, OfferEnded
from evenhand.actions.pools.items import ClaimItem, ClaimStatus
from evenhand.actions.pools.taking import lock_records, take_out
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, may, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import User
from evenhand.entities.enums import OfferState, OwnershipReason, PoolRole
from evenhand.entities.registry import Entity, entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.live.notices import ChangeOperation
from evenhand.ownership.holders import Holder, require_eligible_owners
from evenhand.ownership.pools.members import pool_roles
from evenhand.ownership.pools.models import PoolOffer, PoolOfferSeat
from evenhand.ownership.pools.reading import rules_now
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import uuid7

BATCH = 200
MOST_PEOPLE = 200
"""To so many people one call may offer."""
USUAL = timedelta(minutes=30)
"""How long an offer holds when neither the call nor the rule says so."""

_ACCEPT = """
UPDATE pool_offers AS offer SET state = 'accepted', accepted_by_id = $3, ended_at = $4
WHERE offer.tenant_id = $1 AND offer.id = $2 AND offer.state = 'open' AND offer.expires_at > $4
  AND EXISTS (SELECT FROM pool_offer_seats AS seat
              WHERE seat.tenant_id = $1 AND seat.offer_id = offer.id AND seat.user_id = $3)
RETURNING offer.entity, offer.record_id, offer.pool_id
"""
_DECLINE = """
UPDATE pool_offer_seats AS seat SET declined_at = coalesce(seat.declined_at, $4)
WHERE seat.tenant_id = $1 AND seat.offer_id = $2 AND seat.user_id = $3 RETURNING seat.id
"""
_LEFT = "SELECT count(*) FROM pool_offer_seats WHERE tenant_id = $1 AND offer_id = $2 AND declined_at IS NULL"
_BELOW = """
WITH RECURSIVE below AS (
    SELECT id FROM teams WHERE tenant_id = $1 AND id = $2
    UNION SELECT team.id FROM below JOIN teams AS team ON team.tenant_id = $1 AND team.parent_id = below.id
)
SELECT id FROM users WHERE tenant_id = $1 AND team_id IN (SELECT id FROM below) AND is_active
AND archived_at IS NULL AND role IN ('rep', 'manager') ORDER BY id
"""


async def offer_records(
    entity_name: str,
    record_ids: Sequence[UUID],
    *,
    user_ids: Collection[UUID] = (),
    team_id: UUID | None = None,
    expires_at: datetime | None = None,
    fallback_pool_id: UUID | None = None,
    note: str | None = None,
) -> list[UUID]:
    """Offer records that wait in pools to people or to a team with all below it; all or nothing.

    Args:
        expires_at: until when they may be accepted; by default as the pool's rule says, or half an hour.
        fallback_pool_id: where a record goes that nobody accepts; by default it stays where it is.

    Returns: ids of the offers, one for each record in order. A record that is offered already keeps that offer.

    Raises:
        NotFound; NotInPool: a record waits in no pool. OwnerNotEligible; InvalidInput: nobody, or too many are named.
        PermissionDenied, NotPoolMember: who may neither assign such records nor manages their pools.
    """
    kind = ownable(entity_name)
    words = require_value(PoolOffer, "note", note)
    async with writing("offer_records") as journal:
        people = await _people(user_ids, team_id, journal)
        await require_eligible_owners(people)
        if fallback_pool_id is not None:
            await require_pools({fallback_pool_id})
        ids = list(dict.fromkeys(record_ids))
        over = PoolOffer.filter(record_id__in=ids, state=OfferState.OPEN, expires_at__lte=journal.now)
        await _end(await over.order_by("id").select_for_update(no_key=True), OfferState.EXPIRED, journal)
        locked = await lock_records(kind, ids, journal)
        for record_id in ids:
            if record_id not in locked:
                raise NotFound(kind.name, record_id)
            if locked[record_id]["pool_id"] is None or locked[record_id]["archived_at"] is not None:
                message = f"{locked[record_id]['name']} waits in no pool."
                raise NotInPool(message, hint="Offer records that nobody holds.")
        await _require_manager(kind, {row["pool_id"] for row in locked.values()})
        found = await PoolOffer.filter(record_id__in=ids, state=OfferState.OPEN, expires_at__gt=journal.now)
        known = {offer.record_id: offer.id for offer in found}
        new = {record_id: locked[record_id] for record_id in ids if record_id not in known}
        ends = await _ends(kind, new, expires_at, journal)
        made = await _insert(kind, new, ends, people, fallback_pool_id, words, journal)
    return [known.get(record_id) or made[record_id] for record_id in ids]


async def _people(user_ids: Collection[UUID], team_id: UUID | None, journal: Journal) -> list[UUID]:
    people = list(dict.fromkeys(user_ids))
    if team_id is not None:
        rows = await raw_connection(journal.client).fetch(_BELOW, journal.actor.tenant_id, team_id)
        people = list(dict.fromkeys([*people, *(row["id"] for row in rows)]))
    if not people or len(people) > MOST_PEOPLE:
        message = f"user_ids: {len(people)} people cannot be offered something at once."
        raise InvalidInput([Problem("user_ids", "WRONG_NUMBER", message, f"Name 1 to {MOST_PEOPLE}, or a team.")])
    return people


async def _require_manager(kind: Entity, pool_ids: Collection[UUID]) -> None:
    actor = current_actor()
    if may(actor, Operation.ASSIGN, kind.name):
        return
    if actor.user_id is None or actor.role is Role.READ_ONLY:
        require(actor, Operation.ASSIGN, kind.name)
        return
    require(actor, Operation.UPDATE, kind.name)
    roles = await pool_roles([actor.user_id], pool_ids)
    for pool_id in pool_ids:
        if roles.get((actor.user_id, pool_id)) is not PoolRole.MANAGER:
            raise NotPoolMember(
                f"You do not manage pool {pool_id}.", hint="Ask one of its managers.", pool=str(pool_id)
            )


async def _ends(
    kind: Entity, new: Mapping[UUID, Mapping[str, Any]], expires_at: datetime | None, journal: Journal
) -> dict[UUID, datetime]:
    if expires_at is not None:
        end: datetime = require_value(PoolOffer, "expires_at", expires_at)
        if end <= journal.now:
            message = f"expires_at: {end.isoformat()} is over."
            raise InvalidInput([Problem("expires_at", "IN_THE_PAST", message, "Give a later time.")])
        return dict.fromkeys(new, end)
    rules = await rules_now(kind.name, journal.now)
    found: dict[UUID, datetime] = {}
    for record_id, columns in new.items():
        rule = rules.of_pooled(columns, columns["pool_id"])
        minutes = rule.offer_minutes if rule is not None else None
        found[record_id] = journal.now + (USUAL if minutes is None else timedelta(minutes=minutes))
    return found


async def _insert(
    kind: Entity,
    new: Mapping[UUID, Mapping[str, Any]],
    ends: Mapping[UUID, datetime],
    people: Sequence[UUID],
    fallback_pool_id: UUID | None,
    note: str | None,
    journal: Journal,
) -> dict[UUID, UUID]:
    tenant_id = journal.actor.tenant_id
    offers = [
        {
            "id": uuid7(),
            "tenant_id": tenant_id,
            "entity": kind.name,
            "record_id": record_id,
            "pool_id": columns["pool_id"],
            "fallback_pool_id": fallback_pool_id,
            "state": OfferState.OPEN,
            "note": note,
            "offered_by_id": journal.actor.user_id,
            "offered_at": journal.now,
            "expires_at": ends[record_id],
            "accepted_by_id": None,
            "ended_at": None,
        }
        for record_id, columns in new.items()
    ]
    await insert_rows(journal.client, PoolOffer, offers)
    seats = [
        {"id": uuid7(), "tenant_id": tenant_id, "offer_id": offer["id"], "user_id": user, "declined_at": None}
        for offer in offers
        for user in people
    ]
    await insert_rows(journal.client, PoolOfferSeat, seats)
    messages: list[Message] = []
    for offer in offers:
        journal.record("PoolOffer", offer["id"], before=None, after={**offer, "user_ids": [str(one) for one in people]})
        payload = {"offer_id": offer["id"], "user_ids": list(people), "expires_at": offer["expires_at"]}
        journal.emit("RecordOffered", kind.name, offer["record_id"], payload)
        messages += [_offered(kind, offer, user) for user in people]
    await notify_all(journal, messages)
    return {offer["record_id"]: offer["id"] for offer in offers}


def _offered(kind: Entity, offer: Mapping[str, Any], user: UUID) -> Message:
    title = {
        "en": f"A {kind.labels.get('en', kind.name)} is offered to you; who accepts first gets it",
        "zh": f"有一个{kind.labels.get('zh', kind.name)}可抢单，先接先得",
    }
    record_id = offer["record_id"]
    return Message(user, "record_offered", title, entity=kind.name, record_id=record_id, key=f"offer:{offer['id']}")


async def accept_offer(offer_id: UUID) -> ClaimItem:
    """Accept an offer for the acting user; the first to do so gets the record. Again by the same user: the same.

    Raises:
        NotFound: there is no such offer to this user. OfferEnded; AlreadyClaimed: somebody claimed the record
        meanwhile. TransferRefused: a limit stands against it, and the offer stays open. PermissionDenied.
    """
    user_id = own_user("accept offers")
    async with writing("accept_offer") as journal:
        values = (journal.actor.tenant_id, offer_id, user_id, journal.now)
        row = await raw_connection(journal.client).fetchrow(_ACCEPT, *values)
        if row is None:
            return await _accepted_before(offer_id, user_id)
        kind = entity(row["entity"])
        require(current_actor(), Operation.UPDATE, kind.name)
        await require_eligible_owners({user_id})
        record_id = row["record_id"]
        now = (await lock_records(kind, [record_id], journal)).get(record_id)
        if now is None or now["archived_at"] is not None or now["pool_id"] is None:
            raise AlreadyClaimed(f"This {kind.name.lower()} does not wait in a pool any more.", hint="Choose another.")
        why = Why(OwnershipReason.OFFER_ACCEPTED, note=f"offer {offer_id}")
        item = (await take_out(kind, {record_id: (now, user_id, why)}, journal))[record_id]
        if item.error is not None:
            raise item.error
        after = {"state": OfferState.ACCEPTED, "accepted_by_id": user_id}
        journal.record("PoolOffer", offer_id, before={"state": OfferState.OPEN}, after=after)
        journal.tell("PoolOffer", offer_id, ChangeOperation.UPDATED)
    return item


async def _accepted_before(offer_id: UUID, user_id: UUID) -> ClaimItem:
    offer = await PoolOffer.filter(id=offer_id).first()
    if offer is None or not await PoolOfferSeat.exists(offer_id=offer_id, user_id=user_id):
        raise NotFound("PoolOffer", offer_id)
    if offer.accepted_by_id == user_id:
        return ClaimItem(
            offer.record_id, ClaimStatus.ALREADY_YOURS, owner_id=user_id, pool_id=offer.pool_id, since=offer.ended_at
        )
    who = await User.filter(id=offer.accepted_by_id).first() if offer.accepted_by_id is not None else None
    words = f"{who.name} accepted it first." if who is not None else "Its time is over."
    raise OfferEnded(f"Offer {offer_id} has ended. {words}", hint="Wait for the next one, or claim from the pool.")


async def decline_offer(offer_id: UUID) -> bool:
    """Decline an offer for the acting user; when everybody has, it ends. Returns: whether it ended by that.

    Raises:
        NotFound: there is no such offer to this user.
    """
    user_id = own_user("decline offers")
    async with writing("decline_offer") as journal:
        offer = await PoolOffer.filter(id=offer_id).select_for_update(no_key=True).first()
        connection = raw_connection(journal.client)
        values = (journal.actor.tenant_id, offer_id, user_id, journal.now)
        if offer is None or await connection.fetchrow(_DECLINE, *values) is None:
            raise NotFound("PoolOffer", offer_id)
        journal.record("PoolOffer", offer_id, before={}, after={"declined_by_id": user_id})
        left = await connection.fetchval(_LEFT, journal.actor.tenant_id, offer_id)
        if left or offer.state is not OfferState.OPEN:
            return False
        await _end([offer], OfferState.DECLINED, journal)
    return True


async def expire_offers() -> int:
    """End the offers that nobody accepted in time, in batches; each once. Returns: how many."""
    ended = 0
    while True:
        async with writing("expire_offers") as journal:
            due = await (
                PoolOffer.filter(state=OfferState.OPEN, expires_at__lte=journal.now)
                .order_by("id")
                .limit(BATCH)
                .select_for_update(no_key=True, skip_locked=True)
            )
            await _end(due, OfferState.EXPIRED, journal)
        ended += len(due)
        if len(due) < BATCH:
            return ended


async def _end(offers: Sequence[PoolOffer], state: OfferState, journal: Journal) -> None:
    """End locked offers; their records go to the next pool where one is named, and stay otherwise."""
    if not offers:
        return
    await PoolOffer.filter(id__in=[offer.id for offer in offers]).update(state=state, ended_at=journal.now)
    moving: dict[str, dict[UUID, UUID]] = {}
    for offer in offers:
        journal.record("PoolOffer", offer.id, before={"state": OfferState.OPEN}, after={"state": state})
        journal.emit("OfferExpired", offer.entity, offer.record_id, {"offer_id": offer.id})
        if offer.fallback_pool_id is not None:
            moving.setdefault(offer.entity, {})[offer.record_id] = offer.fallback_pool_id
    for name, targets in moving.items():
        kind = entity(name)
        locked = await lock_records(kind, list(targets), journal)
        here = [one for one, row in locked.items() if row["pool_id"] is not None and row["archived_at"] is None]
        why = Why(OwnershipReason.RELEASED, note="nobody accepted the offer")
        holders = {one: Holder(pool_id=targets[one]) for one in here}
        await change_holders(kind, holders, dict.fromkeys(here, why), journal=journal)
