"""Events of pools; each besides `OwnerChanged`, when a record changes hands. No I/O here."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from evenhand.events.base import Event


class RecordClaimed(Event):
    """Somebody got a record out of a pool: claimed it, accepted an offer of it, or drew the lot.

    Attributes:
        owner_id: who has it now.
        pool_id: the pool that it was in.
        reason: "claimed", "offer_accepted" or "drawn".
        rule_id: the rule of the pool that was about it.
    """

    owner_id: UUID
    pool_id: UUID
    reason: str
    rule_id: UUID | None = None


class RecordReturned(Event):
    """Somebody gave a record back to a pool.

    Attributes:
        owner_id: who had it.
        pool_id: the pool that it is in now.
        note: why, in words.
    """

    owner_id: UUID
    pool_id: UUID
    note: str | None = None


class RecordOffered(Event):
    """A record was offered to several people; who accepts first gets it.

    Attributes:
        offer_id: the offer.
        user_ids: to whom.
        expires_at: until when.
    """

    offer_id: UUID
    user_ids: list[UUID]
    expires_at: datetime


class OfferExpired(Event):
    """Nobody accepted an offer in time, or everybody declined.

    Attributes:
        offer_id: the offer.
    """

    offer_id: UUID


class LotsDrawn(Event):
    """Several people claimed a record in the same window, and lots were drawn.

    Attributes:
        draw_id: the draw.
        winner_id: who got it; None when nobody who entered may have it any more.
        entries: how many people entered.
    """

    draw_id: UUID
    winner_id: UUID | None = None
    entries: int


__all__ = ["LotsDrawn", "OfferExpired", "RecordClaimed", "RecordOffered", "RecordReturned"]
