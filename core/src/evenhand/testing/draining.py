"""Do now what would be done later."""

from __future__ import annotations

from evenhand.events.pump import drain_deliveries
from evenhand.jobs import drain_jobs


async def drain() -> int:
    """Deliver all events that are due and do all jobs that are due, and what follows from them, in this process.

    What failed waits for its next attempt: it is due again when the fixture `clock` has been moved far enough.

    Returns: how many deliveries and jobs were tried.
    """
    done = 0
    while now := await drain_deliveries() + await drain_jobs():
        done += now
    return done
