"""When a delivery that failed is tried again. No I/O here."""

from __future__ import annotations

import random
from datetime import timedelta

FIRST = 2.0
FACTOR = 3.0
LONGEST = 3600.0
"""Seconds."""


def pause_after(attempts: int, jitter: float | None = None) -> timedelta:
    """How long to wait after the n-th failure: 2 s, 6 s, 18 s, … up to an hour, spread so that not all come at once.

    Args:
        jitter: from 0 to 1, random by default; takes away up to a quarter.
    """
    seconds = min(LONGEST, FIRST * FACTOR ** min(attempts - 1, 20))
    share = random.random() if jitter is None else jitter  # noqa: S311 - spreads load, keeps no secret
    return timedelta(seconds=seconds * (1 - share / 4))


def why_failed(error: BaseException, longest: int = 2_000) -> str:
    """An error in words of bounded length."""
    text = str(error) or "no details"
    return f"{type(error).__name__}: {text}"[:longest].replace("\x00", "")
