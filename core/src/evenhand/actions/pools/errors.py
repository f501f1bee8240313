"""Why a record may not change hands, or may not be claimed."""

from __future__ import annotations

from evenhand.errors import EvenhandError


class TransferRefused(EvenhandError):
    """A limit stands against a change of the holder; a manager may set it aside with words that are kept."""

    code = "TRANSFER_REFUSED"


class Frozen(TransferRefused):
    """The record came back to the pool a short while ago, and nobody gets it before its freeze ends."""

    code = "FROZEN"


class CoolingDown(TransferRefused):
    """Somebody who had the record a short while ago does not get it again yet."""

    code = "COOLING_DOWN"


class CapReached(TransferRefused):
    """The owner holds as many records of that kind as the rule allows."""

    code = "CAP_REACHED"


class ClaimLimitReached(TransferRefused):
    """The user has claimed as many records in the period as the rule allows."""

    code = "CLAIM_LIMIT_REACHED"


class AlreadyClaimed(EvenhandError):
    """Somebody else has the record already."""

    code = "ALREADY_CLAIMED"


class DrawPending(EvenhandError):
    """The window for claims has ended, and lots are not drawn yet."""

    code = "DRAW_PENDING"


class OfferEnded(EvenhandError):
    """The offer was accepted by somebody else, or its time is over."""

    code = "OFFER_ENDED"


class ViewLimitReached(EvenhandError):
    """The user has looked into as many records of the pool today as the rule allows."""

    code = "VIEW_LIMIT_REACHED"


class NotInPool(EvenhandError):
    """The record waits in another pool than the one named, or is not the caller's to give back."""

    code = "NOT_IN_POOL"


class NotPoolMember(EvenhandError):
    """The user may not claim from the pool, or does not manage it."""

    code = "NOT_POOL_MEMBER"


class HeldByConflict(TransferRefused):
    """A conflict case about the record is not decided yet."""

    code = "HELD_BY_CONFLICT"


__all__ = [
    "AlreadyClaimed",
    "CapReached",
    "ClaimLimitReached",
    "CoolingDown",
    "DrawPending",
    "Frozen",
    "HeldByConflict",
    "NotInPool",
    "NotPoolMember",
    "OfferEnded",
    "TransferRefused",
    "ViewLimitReached",
]
