"""`evenhand serve` does jobs itself unless told otherwise, and `evenhand worker` does them beside it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from benchmarks.jobs.race import database_url

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading, transaction
from evenhand.jobs import enqueue
from evenhand.jobs.models import Job, JobState
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
COMMAND = "from evenhand.cli.main import main; main()"


@asynccontextmanager
async def running(database: DatabaseConfig, *arguments: str, said: str) -> AsyncIterator[Process]:
    """`evenhand …`, once it has said that it works; afterwards it is told to stop, and must."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        *arguments,
        env={**os.environ, "DATABASE_URL": database_url(database), "PYTHONUNBUFFERED": "1"},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            async for line in process.stdout:
                if re.search(said, line.decode()):
                    break
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, errors = await process.communicate()
        assert "Traceback" not in errors.decode(), errors.decode()


async def put(tenant: SomeTenant) -> UUID:
    with acting_as(tenant.system):
        async with transaction():
            return await enqueue("housekeeping", {}, title="A test")


async def state(tenant: SomeTenant, job_id: UUID, *, within: float) -> JobState:
    """The job's state once it is done, or after `within` seconds."""
    for _ in range(int(within / 0.1)):
        with acting_as(tenant.system):
            async with reading():
                job = await Job.get(id=job_id)
        if job.state is JobState.DONE:
            break
        await asyncio.sleep(0.1)
    found: JobState = job.state
    return found


async def test_the_server_does_jobs_itself(database: DatabaseConfig, tenant: SomeTenant) -> None:
    async with running(database, "serve", "--port", "0", said="GraphQL on") as process:
        assert await state(tenant, await put(tenant), within=40) is JobState.DONE
    assert process.returncode in (0, -signal.SIGTERM)


async def test_the_server_leaves_jobs_to_a_worker(database: DatabaseConfig, tenant: SomeTenant) -> None:
    async with running(database, "serve", "--port", "0", "--no-worker", said="GraphQL on"):
        job_id = await put(tenant)
        assert await state(tenant, job_id, within=6) is JobState.QUEUED
        async with running(database, "worker", said="Working") as worker:
            assert await state(tenant, job_id, within=40) is JobState.DONE
        assert worker.returncode == 0
