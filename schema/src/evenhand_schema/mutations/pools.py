"""Mutations of pools: `claimRecords`, `returnRecords`, `offerRecords`, `acceptOffer`, `declineOffer`, …"""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.pools.claims import MOST, claim_records, return_records
from evenhand.actions.pools.draws import replay_draw
from evenhand.actions.pools.items import ClaimItem
from evenhand.actions.pools.offers import accept_offer, decline_offer, offer_records
from evenhand.actions.pools.views import view_record
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import REQUIRED, described, mutation, result
from evenhand_schema.mutations.failures import Failure, failure_of
from evenhand_schema.mutations.ownership import ENTITY, prepare
from evenhand_schema.resolvers import record, with_arguments
from evenhand_schema.scalars import BigInt
from evenhand_schema.types import PoolDraw, PoolOffer, User


@strawberry.enum(name="ClaimStatus", description="What became of one record of a claim.")
class Status(Enum):
    """The core's statuses, with descriptions."""

    CLAIMED = strawberry.enum_value("claimed", description="The caller has it now.")
    ENTERED = strawberry.enum_value("entered", description="The claim takes part in the draw that follows.")
    ALREADY_YOURS = strawberry.enum_value("already_yours", description="The caller had it already.")
    RETURNED = strawberry.enum_value("returned", description="It is in the pool now.")
    REFUSED = strawberry.enum_value("refused", description="Nothing was changed; `failure` says why.")


def _user(attribute: str) -> Any:
    async def resolve(root: Any, info: Info) -> User | None:
        found: User | None = await record(info, "User", getattr(root, attribute))
        return found

    return resolve


@strawberry.type(description="What became of one record.")
class ClaimOutcome:
    record_id: strawberry.ID = strawberry.field(description="Id of the record.")
    status: Status = strawberry.field(description="What became of it.")
    owner_id: strawberry.ID | None = strawberry.field(description="Id of who has it; null when nobody has.")
    pool_id: strawberry.ID | None = strawberry.field(description="Id of the pool it was claimed from or given back to.")
    since: datetime | None = strawberry.field(description="Since when its holder has it.")
    until: datetime | None = strawberry.field(
        description="When what stands against it ends, or when lots are drawn; null when that is not known."
    )
    failure: Failure | None = strawberry.field(description="Why nothing was changed; null when something was.")

    owner: User | None = strawberry.field(resolver=_user("owner_id"), description="Who has it; null when nobody has.")


@strawberry.type(description="What became of the records of one call.")
class RecordsClaimed:
    results: list[ClaimOutcome] = strawberry.field(description="One for each record, in the order given.")
    claimed: int = strawberry.field(description="How many the caller got, or gave back.")
    refused: int = strawberry.field(description="Of how many nothing was changed.")


@strawberry.type(description="The offers that were made, or were there already.")
class RecordsOffered:
    offer_ids: list[strawberry.ID] = strawberry.field(description="Ids of the offers, one for each record in order.")


@strawberry.type(description="An offer that was declined.")
class OfferDeclined:
    ended: bool = strawberry.field(description="Whether everybody has declined it now.")


@strawberry.type(description="A look into a record that waits in a pool.")
class PoolRecordViewed:
    remaining: int | None = strawberry.field(
        description="How many more records the caller may look into today; null when there is no limit."
    )


@strawberry.type(description="A draw, drawn again from what was stored.")
class DrawReplayed:
    draw_id: strawberry.ID = strawberry.field(description="Id of the draw.")
    seed: BigInt = strawberry.field(description="By what the order was drawn.")
    order: list[strawberry.ID] = strawberry.field(description="Everybody who entered, as the seed orders them.")
    winner_id: strawberry.ID | None = strawberry.field(description="Id of who got the record.")
    same: bool = strawberry.field(description="Whether that is the order that was recorded.")


def _id(value: UUID | None) -> strawberry.ID | None:
    return None if value is None else strawberry.ID(str(value))


def _outcome(item: ClaimItem) -> ClaimOutcome:
    return ClaimOutcome(
        record_id=strawberry.ID(str(item.record_id)),
        status=Status(item.status.value),
        owner_id=_id(item.owner_id),
        pool_id=_id(item.pool_id),
        since=item.since,
        until=item.until,
        failure=None if item.error is None else failure_of(item.error),
    )


def _claimed(items: list[ClaimItem]) -> RecordsClaimed:
    refused = sum(item.error is not None for item in items)
    changed = sum(item.status.value in ("claimed", "returned") for item in items)
    return RecordsClaimed(results=[_outcome(item) for item in items], claimed=changed, refused=refused)


def _maybe(value: Any) -> UUID | None:
    return None if value is None else to_uuid(value)


async def _claim(info: Info, entity: Any, ids: Any, pool_id: Any) -> RecordsClaimed:
    await prepare(info, entity.value)
    return _claimed(await claim_records(entity.value, [to_uuid(one) for one in ids], pool_id=_maybe(pool_id)))


async def _return(info: Info, entity: Any, ids: Any, reason: str, pool_id: Any) -> RecordsClaimed:
    await prepare(info, entity.value)
    wanted = [to_uuid(one) for one in ids]
    return _claimed(await return_records(entity.value, wanted, reason=reason, pool_id=_maybe(pool_id)))


async def _offer(
    info: Info, entity: Any, ids: Any, user_ids: Any, team_id: Any, expires_at: Any, fallback_pool_id: Any, note: Any
) -> RecordsOffered:
    await prepare(info, entity.value)
    found = await offer_records(
        entity.value,
        [to_uuid(one) for one in ids],
        user_ids=[to_uuid(one) for one in user_ids or ()],
        team_id=_maybe(team_id),
        expires_at=expires_at,
        fallback_pool_id=_maybe(fallback_pool_id),
        note=note,
    )
    return RecordsOffered(offer_ids=[strawberry.ID(str(one)) for one in found])


async def _accept(info: Info, id: Any) -> ClaimOutcome:
    await request_of(info).renew()
    return _outcome(await accept_offer(to_uuid(id)))


async def _decline(info: Info, id: Any) -> OfferDeclined:
    await request_of(info).renew()
    return OfferDeclined(ended=await decline_offer(to_uuid(id)))


async def _view(info: Info, entity: Any, id: Any) -> PoolRecordViewed:
    await prepare(info, entity.value)
    return PoolRecordViewed(remaining=await view_record(entity.value, to_uuid(id)))


async def _replay(info: Info, id: Any) -> DrawReplayed:
    found = await replay_draw(to_uuid(id))
    return DrawReplayed(
        draw_id=strawberry.ID(str(found.draw_id)),
        seed=BigInt(found.seed),
        order=[strawberry.ID(str(one)) for one in found.order],
        winner_id=_id(found.winner_id),
        same=found.same,
    )


def replay_draw_field() -> Any:
    """`replayDraw(id)`."""
    with_arguments(_replay, {"id": (described(strawberry.ID, "Id of the draw."), REQUIRED)}, returns=DrawReplayed)
    return strawberry.field(resolver=_replay, description="Draw lots again from the stored entries and the seed.")


def pool_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    ids = described(list[strawberry.ID], f"Ids of the records, at most {MOST}.")
    some_id = strawberry.ID | None
    offer_id = described(strawberry.ID, "Id of the offer.")
    claimed = result("ClaimRecords", RecordsClaimed, description="What became of each record, or why none was tried.")
    return {
        "claim_records": mutation(
            _claim,
            {
                "entity": (ENTITY, REQUIRED),
                "ids": (ids, REQUIRED),
                "pool_id": (described(some_id, "Only out of this pool."), None),
            },
            claimed,
            "Claim records out of pools for the caller, each for itself: one that is refused does not stop the others.",
        ),
        "return_records": mutation(
            _return,
            {
                "entity": (ENTITY, REQUIRED),
                "ids": (ids, REQUIRED),
                "reason": (described(str, "Why; kept in the ledger."), REQUIRED),
                "pool_id": (described(some_id, "To which pool; the rule's, or the default one, when left out."), None),
            },
            claimed,
            "Give the caller's own records back to a pool, each for itself.",
        ),
        "offer_records": mutation(
            _offer,
            {
                "entity": (ENTITY, REQUIRED),
                "ids": (ids, REQUIRED),
                "user_ids": (described(list[strawberry.ID] | None, "To whom."), None),
                "team_id": (described(some_id, "Or to everybody of this team and of those below it."), None),
                "expires_at": (described(datetime | None, "Until when; as the pool's rule says when left out."), None),
                "fallback_pool_id": (described(some_id, "Where a record goes that nobody accepts."), None),
                "note": (described(str | None, "A word to those who may accept."), None),
            },
            result("OfferRecords", RecordsOffered, description="The offers, or why none was made."),
            "Offer records that wait in pools to several people; who accepts first gets each. All or nothing.",
        ),
        "accept_offer": mutation(
            _accept,
            {"id": (offer_id, REQUIRED)},
            result("AcceptOffer", ClaimOutcome, description="The record, or why the caller did not get it."),
            "Accept an offer; the first to do so gets the record.",
        ),
        "decline_offer": mutation(
            _decline,
            {"id": (offer_id, REQUIRED)},
            result("DeclineOffer", OfferDeclined, description="That it was declined, or why not."),
            "Decline an offer; when everybody has, it ends.",
        ),
        "view_pool_record": mutation(
            _view,
            {"entity": (ENTITY, REQUIRED), "id": (described(strawberry.ID, "Id of the record."), REQUIRED)},
            result("ViewPoolRecord", PoolRecordViewed, description="What is left, or that the limit is reached."),
            "Note that the caller looks into a record that waits in a pool; the same record counts once a day.",
        ),
    }


__all__ = ["PoolDraw", "PoolOffer", "pool_mutations", "replay_draw_field"]
