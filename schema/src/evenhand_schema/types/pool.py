"""What happens around pools: draws of lots, offers, and looks into records."""

from evenhand.ownership.pools import models
from evenhand_schema.declare import bound, first, many, one
from evenhand_schema.reads.ordering import Order
from evenhand_schema.scalars import JSON


@bound(models.PoolDraw)
class PoolDraw:
    """A window in which claims of a record in a pool are only collected; then lots are drawn."""

    pool = one("Pool", "pool_id", "The pool.")
    rule = one("PoolRule", "rule_id", "The rule that asks for lots.")
    entries = many("PoolDrawEntry", "draw_id", "The claims that take part, in order.", Order("entered_at"))
    result = first("PoolDrawResult", "draw_id", "How it ended; null while it is open.", Order("drawn_at"))


@bound(models.PoolDrawEntry)
class PoolDrawEntry:
    """A claim that takes part in a draw."""

    draw = one("PoolDraw", "draw_id", "The draw.")
    user = one("User", "user_id", "Who claimed.")


@bound(models.PoolDrawResult)
class PoolDrawResult:
    """How a draw ended; with the seed anybody can draw it again."""

    places: list[JSON]
    draw = one("PoolDraw", "draw_id", "The draw.")
    winner = one("User", "winner_id", "Who got the record; null when nobody who entered may have it.")


@bound(models.PoolOffer)
class PoolOffer:
    """A record in a pool that is offered to several people; who accepts first gets it."""

    pool = one("Pool", "pool_id", "The pool that the record waits in.")
    fallback_pool = one("Pool", "fallback_pool_id", "Where the record goes when nobody accepts; null when it stays.")
    offered_by = one("User", "offered_by_id", "Who offered it; null for the system.")
    accepted_by = one("User", "accepted_by_id", "Who accepted first; null while nobody has.")
    seats = many("PoolOfferSeat", "offer_id", "To whom it is offered.", Order("id"))


@bound(models.PoolOfferSeat)
class PoolOfferSeat:
    """One person to whom a record is offered."""

    offer = one("PoolOffer", "offer_id", "The offer.")
    user = one("User", "user_id", "The person.")
