"""Take back what is due, and warn before; every day, in the tenant's time zone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.reclaims.reclaiming import reclaim_batch
from evenhand.actions.reclaims.warning import warn_batch
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob
from evenhand.ownership.clocks.reading import OWNABLE


@job("reclaim", timeout=timedelta(hours=4))
async def reclaim_due(running: RunningJob, payload: dict[str, Any]) -> None:
    """Take back what is due, a batch in each transaction; it goes on where it stopped."""
    at: dict[str, Any] = running.cursor or {"entity": OWNABLE[0], "after": None, "looked": 0, "taken": 0, "kept": 0}
    while at["entity"] is not None:
        async with running.step() as step:
            one = await reclaim_batch(at["entity"], _id(at["after"]))
            at = {
                **_next(at["entity"], one.after),
                "looked": at["looked"] + one.looked,
                "taken": at["taken"] + len(one.taken),
                "kept": at["kept"] + one.kept,
            }
            step.cursor = at
        running.advance(at["looked"], message=f"{at['taken']:,} records went back.")
    async with running.finishing({name: at[name] for name in ("looked", "taken", "kept")}):
        pass


@job("reclaim_warnings", timeout=timedelta(hours=1))
async def warn_of_reclaim(running: RunningJob, payload: dict[str, Any]) -> None:
    """Warn of what goes back soon, a batch in each transaction."""
    at: dict[str, Any] = running.cursor or {"entity": OWNABLE[0], "after": None, "given": 0}
    while at["entity"] is not None:
        async with running.step() as step:
            after, given = await warn_batch(at["entity"], _id(at["after"]))
            at = {**_next(at["entity"], after), "given": at["given"] + given}
            step.cursor = at
        running.advance(at["given"])
    async with running.finishing({"given": at["given"]}):
        pass


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _next(name: str, after: UUID | None) -> dict[str, Any]:
    """Where to go on: with the same kind of record, or with the next."""
    if after is not None:
        return {"entity": name, "after": str(after)}
    following = OWNABLE.index(name) + 1
    return {"entity": OWNABLE[following] if following < len(OWNABLE) else None, "after": None}


default_schedule("reclaim", "reclaim", "0 1 * * *")
default_schedule("reclaim_warnings", "reclaim_warnings", "0 8 * * *")
