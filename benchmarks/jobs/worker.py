"""`python -m benchmarks.jobs.worker …`: `evenhand …` that also knows how the benchmark's jobs are done."""

from __future__ import annotations

import asyncio
from typing import Any

from evenhand.cli.main import main
from evenhand.db.session import driver_transaction, raw_connection
from evenhand.jobs import RunningJob, job
from evenhand.tenancy.context import current_tenant

STEPS = 3


async def note_effect(running: RunningJob, step: int) -> None:
    """The effect that is counted; nothing in the database keeps a second one out."""
    await raw_connection(driver_transaction()).execute(
        "INSERT INTO effects (tenant_id, job_id, step) VALUES ($1, $2, $3)", current_tenant(), running.id, step
    )


@job("bench.once", retries=3)
async def once(running: RunningJob, payload: dict[str, Any]) -> None:
    """One effect, with the job's end."""
    await asyncio.sleep(payload["seconds"])
    async with running.finishing():
        await note_effect(running, 0)


@job("bench.steps", retries=3)
async def steps(running: RunningJob, payload: dict[str, Any]) -> None:
    """An effect with each step, and one with the end."""
    for number in range(running.cursor or 0, STEPS):
        async with running.step(number + 1):
            await note_effect(running, number)
            await asyncio.sleep(payload["seconds"])
        running.advance(number + 1, STEPS)
    async with running.finishing({"steps": STEPS}):
        await note_effect(running, STEPS)


if __name__ == "__main__":
    main()
