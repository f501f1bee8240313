"""Why a customer is not created or claimed: somebody has it already."""

from __future__ import annotations

from evenhand.actions.pools.errors import TransferRefused


class DuplicateOwned(TransferRefused):
    """The customer is there already, and somebody holds it."""

    code = "DUPLICATE_OWNED"


class DuplicateInPool(TransferRefused):
    """The customer is there already, and waits in a pool."""

    code = "DUPLICATE_IN_POOL"


__all__ = ["DuplicateInPool", "DuplicateOwned"]
