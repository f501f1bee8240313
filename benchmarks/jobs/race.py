"""Workers do many jobs while some of the workers are killed; then every effect is counted."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from benchmarks.jobs.worker import STEPS
from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.db.session import transaction
from evenhand.jobs import NewJob, enqueue_many
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

_ROOT = Path(__file__).parents[2]
STALE_SECONDS = 2.0
"""After so many seconds without a sign a worker's jobs go to others; short, since here workers die for certain."""
_AT_ONCE = 1000
_DONE = "SELECT count(*) FROM jobs WHERE tenant_id = $1 AND state = 'done'"


@dataclass(frozen=True)
class Race:
    """What became of the jobs.

    Attributes:
        jobs: how many there were.
        kills: how many workers were killed while jobs were left.
        seconds: from the start of the workers to the end of the last job.
        enqueued_per_second: how many were put into the queue in a second.
        done: how many are done.
        begun_again: how many were begun more than once.
        expected, effects: how many effects there should be and are.
        doubled: how many effects are there more than once.
        left: rows that are still in the queue at the end.
    """

    jobs: int
    kills: int
    seconds: float
    enqueued_per_second: float
    done: int
    begun_again: int
    expected: int
    effects: int
    doubled: int
    left: int

    @property
    def per_second(self) -> float:
        """Jobs done in a second."""
        return self.jobs / self.seconds

    @property
    def exact(self) -> bool:
        """Whether each effect is there exactly once and nothing is left."""
        return (self.done, self.effects, self.doubled, self.left) == (self.jobs, self.expected, 0, 0)


def database_url(config: DatabaseConfig) -> str:
    """The address that a process started by us takes from its environment."""
    password = f":{quote(config.password)}" if config.password else ""
    return f"postgresql://{config.user}{password}@/{config.database}?host={quote(config.host)}&port={config.port}"


async def start_worker(config: DatabaseConfig, concurrency: int) -> Process:
    """A worker in a process of its own."""
    settings = {
        "DATABASE_URL": database_url(config),
        "EVENHAND_WORKER_STALE_SECONDS": str(STALE_SECONDS),
        "EVENHAND_WORKER_CONCURRENCY": str(concurrency),
        "EVENHAND_WORKER_GRACE_SECONDS": "5",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.jobs.worker",
        "worker",
        cwd=_ROOT,
        env={**os.environ, **settings},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


@asynccontextmanager
async def _counting(config: DatabaseConfig) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(config)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS effects (tenant_id uuid, job_id uuid, step int)")
        await connection.execute(f"GRANT SELECT, INSERT ON effects TO {APP_ROLE}")
        await connection.execute("TRUNCATE effects")
        yield connection
    finally:
        await connection.close()


async def _enqueue(tenant: SomeTenant, jobs: int, seconds: float) -> float:
    """Put the jobs into the queue, every fourth with several steps. Returns: how many in a second."""
    started = time.perf_counter()
    with acting_as(tenant.system):
        for first in range(0, jobs, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, jobs))
            async with transaction():
                for kind, wanted in (("bench.steps", 0), ("bench.once", 1)):
                    new = [NewJob({"seconds": seconds}, f"Job {n}") for n in numbers if min(n % 4, 1) == wanted]
                    if new:
                        await enqueue_many(kind, new)
    return jobs / (time.perf_counter() - started)


async def race(
    config: DatabaseConfig,
    tenant: SomeTenant,
    *,
    jobs: int,
    kills: int,
    seed: int,
    workers: int = 2,
    concurrency: int = 8,
    seconds: float = 0.002,
    limit: float = 600,
) -> Race:
    """Have `workers` do the jobs, and kill `kills` of them, each at a random point of the work.

    Args:
        config: the open database of a test; its tables are kept.
        seconds: how long a job, or each step of it, sleeps.
        limit: seconds after which it is given up.
    """
    chance = random.Random(seed)
    points = sorted(chance.sample(range(1, max(jobs - jobs // 20, kills + 1)), kills))
    async with _counting(config) as counting:
        rate = await _enqueue(tenant, jobs, seconds)
        crew = [await start_worker(config, concurrency) for _ in range(workers)]
        started, killed, done = time.perf_counter(), 0, 0
        try:
            while done < jobs and time.perf_counter() - started < limit:
                await asyncio.sleep(0.02)
                done = await counting.fetchval(
                    "SELECT count(*) FROM jobs WHERE tenant_id = $1 AND state = 'done'", tenant.id
                )
                if points and done >= points[0]:
                    points.pop(0)
                    killed += 1
                    place = chance.randrange(workers)
                    crew[place].send_signal(signal.SIGKILL)
                    await crew[place].wait()
                    crew[place] = await start_worker(config, concurrency)
            taken = time.perf_counter() - started
            left = await _emptied(counting)
        finally:
            for process in crew:
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
            for process in crew:
                await process.wait()
        return await _count(counting, tenant, jobs, killed, taken, rate, left)


async def _emptied(counting: asyncpg.Connection) -> int:
    """Wait until the queue has forgotten what is over, also what killed workers held. Returns: what is left."""
    until = time.perf_counter() + 10 * STALE_SECONDS
    while True:
        left: int = await counting.fetchval("SELECT count(*) FROM evenhand_pgqueuer WHERE entrypoint LIKE 'bench.%'")
        if not left or time.perf_counter() > until:
            return left
        await asyncio.sleep(0.1)


async def _count(
    counting: asyncpg.Connection, tenant: SomeTenant, jobs: int, killed: int, taken: float, rate: float, left: int
) -> Race:
    (done, again, expected), *_ = await counting.fetch(
        "SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE attempts > 1), "
        "coalesce(sum(CASE kind WHEN 'bench.steps' THEN $2 ELSE 1 END), 0)::int8 "
        "FROM jobs WHERE tenant_id = $1 AND kind LIKE 'bench.%'",
        tenant.id,
        STEPS + 1,
    )
    (effects, doubled), *_ = await counting.fetch(
        "SELECT count(*), count(*) FILTER (WHERE times > 1) FROM "
        "(SELECT count(*) AS times FROM effects WHERE tenant_id = $1 GROUP BY job_id, step) AS counted",
        tenant.id,
    )
    return Race(jobs, killed, taken, rate, done, again, expected, effects, doubled, left)
