"""Draw lots so that anybody can draw them again. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from uuid import UUID


def draw(entries: Iterable[UUID], seed: int) -> list[UUID]:
    """The order in which those who entered come, the first one wins; all orders are equally likely.

    Each entry counts once; who entered when says nothing.

    Args:
        seed: a whole number of at most 63 bits; the same gives the same order.
    """
    start = seed.to_bytes(8, "big", signed=True)
    return sorted(set(entries), key=lambda user: (blake2b(start + user.bytes, digest_size=16).digest(), user))
