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


class HeldByConflict(TransferRefused):
    """A conflict case about the record is not decided yet."""

    code = "HELD_BY_CONFLICT"


__all__ = ["CapReached", "ClaimLimitReached", "CoolingDown", "Frozen", "HeldByConflict", "TransferRefused"]
