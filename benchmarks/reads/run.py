"""`python -m benchmarks reads`: prepare the data, start the contenders, compare their answers, measure, print."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from rich.console import Group, RenderableType
from rich.text import Text

from benchmarks.output import console
from benchmarks.reads import probes
from benchmarks.reads.answers import Answers, Unlike, check, list_requests
from benchmarks.reads.dataset import Dataset, prepare
from benchmarks.reads.figures import Round, comparison, percentile
from benchmarks.reads.load import Job, Outcome, ready, send
from benchmarks.reads.servers import Contender, Skipped, evenhand, handwritten, install_postgraphile, postgraphile
from benchmarks.reads.workloads import ACCOUNT_LIST, CUSTOMER360, MIXED, SEED, Asked, sample
from evenhand.auth.keys import create_api_key
from evenhand.db.config import DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.db.session import open_database
from evenhand.tenancy.context import acting_as, system_actor

OURS = "Evenhand"
POSTGRAPHILE_VIEWS = Path(__file__).parent / "contenders" / "postgraphile.sql"
SLOW = "graphql-core + dataloaders"
TOGETHER = 16
_TITLES = {CUSTOMER360: "Customer 360", ACCOUNT_LIST: "List of 50 accounts", "mixed": f"Mixed: {len(MIXED)} documents"}


@dataclass(frozen=True)
class Plan:
    """How long to measure, in seconds per contender, workload and round."""

    rounds: int
    together: float
    single: float

    @classmethod
    def of(cls, quick: bool) -> Plan:
        """Some ten minutes with everything around it, or two to three."""
        return cls(2, 1.0, 0.5) if quick else cls(5, 2.0, 0.8)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    group = parser.add_argument_group("reads")
    group.add_argument("--quick", action="store_true", help="two or three minutes instead of ten")
    group.add_argument("--scale", type=float, default=1.0, help="part of the full data, e.g. 0.01 for a trial")
    group.add_argument("--pool", type=int, default=4, help="database connections of each server")
    group.add_argument("--plans", default="force_generic_plan", help="plan_cache_mode of the database for everybody")
    group.add_argument("--requests", type=int, default=20_000, help="requests while the server's memory is watched")
    group.add_argument("--only", action="append", default=[], help="only contenders whose name holds this, and ours")


def say(text: str) -> None:
    """A line of progress."""
    console.print(Text(text, style="dim"))


async def run(options: argparse.Namespace) -> RenderableType:
    """Measure everything, printing tables as they come. Returns: the rest."""
    dataset = await prepare(options.scale, say)
    say(f"{dataset.rows:,} rows of {len(dataset.tenants)} tenants in {dataset.config.database}")
    connection = await connect(dataset.config)
    try:
        for setting in (f"plan_cache_mode = {options.plans}", "jit = off"):
            await connection.execute(f'ALTER DATABASE "{dataset.config.database}" SET {setting}')
        await connection.execute(POSTGRAPHILE_VIEWS.read_text())
        keys = await create_keys(connection, dataset)
        asked = await sample(connection, dataset, 40 if options.quick else 120)
        with running(_contenders(dataset.config, keys, options), OURS) as contenders, _generator() as generator:
            return await _measured(connection, dataset, contenders, generator, asked, options)
    finally:
        await connection.close()


async def _measured(
    connection: asyncpg.Connection,
    dataset: Dataset,
    contenders: Sequence[Contender],
    generator: ProcessPoolExecutor,
    asked: Mapping[str, list[Asked]],
    options: argparse.Namespace,
) -> RenderableType:
    with Answers() as answers:
        contenders, pages, values = _alike(answers, contenders, dataset, asked)
    work = {one.name: _requests(one, asked, pages[one.name]) for one in contenders}
    measure = Measure(connection, dataset.config, generator)
    plan = Plan.of(options.quick)
    console.print(_environment(dataset, options, await connection.fetchval("SHOW server_version")))
    for workload in _TITLES:
        taking_part = [one for one in contenders if workload in work[one.name]]
        rounds = await measure.workload(workload, taking_part, work, plan)
        about = f"{_TITLES[workload]} ({values[workload]:.0f} values, {_size(rounds, OURS):.1f} KB each)"
        console.print(comparison(about, rounds, OURS))
    ours = next(one for one in contenders if one.name == OURS)
    with Answers() as answers:
        cold = probes.cold_documents(answers, ours, asked[CUSTOMER360])
    say("watching the server's memory")
    return Group(cold, probes.memory(generator, ours, work[OURS]["mixed"], options.requests))


def _alike(
    answers: Answers, contenders: Sequence[Contender], dataset: Dataset, asked: Mapping[str, list[Asked]]
) -> tuple[list[Contender], dict[str, list[Asked]], dict[str, float]]:
    """Those who answer as we do, their pages of the list, and the values of our answers by workload."""
    ours, *others = contenders
    alike, pages = [ours], {ours.name: list_requests(answers, ours, dataset.tenants)}
    checked = 0
    _, values = check(answers, ours, ours, asked, pages)
    for other in others:
        try:
            pages[other.name] = list_requests(answers, other, dataset.tenants)
            count, _ = check(answers, ours, other, asked, pages)
        except Unlike as reason:
            say(f"left out: {reason}")
            continue
        alike.append(other)
        checked += count
    say(f"{checked:,} answers are the same as ours, value by value")
    return alike, pages, values


def _size(rounds: Mapping[str, Sequence[Round]], name: str) -> float:
    return rounds[name][-1].size if rounds.get(name) else 0.0


async def create_keys(connection: asyncpg.Connection, dataset: Dataset) -> dict[str, str]:
    """A fresh API key of an administrator for each tenant; those of earlier runs go."""
    keys: dict[str, str] = {}
    async with open_database(dataset.config):
        for tenant in dataset.tenants:
            await connection.execute("DELETE FROM api_keys WHERE tenant_id = $1", tenant.id)
            user = await connection.fetchval(
                "SELECT id FROM users WHERE tenant_id = $1 AND role = 'admin' ORDER BY id LIMIT 1", tenant.id
            )
            with acting_as(system_actor(tenant.id, via="benchmark")):
                keys[tenant.slug] = await create_api_key(user, "benchmark")
    return keys


def _contenders(config: DatabaseConfig, keys: Mapping[str, str], options: argparse.Namespace) -> list[Contender]:
    pool = options.pool
    found = [
        evenhand(OURS, config, pool, keys),
        handwritten("hand-written SQL, no RLS", config, pool, "owner"),
        handwritten("hand-written SQL, RLS", config, pool, "rls"),
    ]
    try:
        folder = install_postgraphile(say)
        found.append(postgraphile("PostGraphile, no RLS", config, pool, "plain", folder))
        found.append(postgraphile("PostGraphile, RLS", config, pool, "rls", folder))
    except Skipped as reason:
        say(f"skipped: {reason}")
    found.append(evenhand(SLOW, config, pool, keys, EVENHAND_COMPILED_READS="off"))
    wanted = [word.lower() for word in options.only]
    return [one for one in found if one.name == OURS or not wanted or any(word in one.name.lower() for word in wanted)]


@contextmanager
def running(contenders: Sequence[Contender], ours: str) -> Iterator[list[Contender]]:
    """Start all; who cannot run is left out with a line that says why, but without our own server nothing goes."""
    started: list[Contender] = []
    try:
        for one in contenders:
            try:
                one.start()
                started.append(one)
            except Skipped as reason:
                if one.name == ours:
                    raise
                say(f"skipped: {reason}")
        yield started
    finally:
        for one in started:
            one.stop()


@contextmanager
def _generator() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(ready, 0).result()
        yield pool


def _requests(one: Contender, asked: Mapping[str, list[Asked]], pages: list[Asked]) -> dict[str, list[bytes]]:
    """Whole requests by workload, of the workloads that the contender knows."""
    known = {**asked, ACCOUNT_LIST: pages}
    work = {name: [one.request(each) for each in known[name]] for name in (CUSTOMER360, ACCOUNT_LIST)}
    if one.documents == MIXED:
        longest = max(len(requests) for requests in known.values())
        turns = [known[name][turn % len(known[name])] for turn in range(longest) for name in MIXED]
        work["mixed"] = [one.request(each) for each in turns]
    return work


class Measure:
    """Measures contenders in turn, on one load generator and one database."""

    def __init__(self, connection: asyncpg.Connection, config: DatabaseConfig, generator: ProcessPoolExecutor) -> None:
        self._connection = connection
        self._config = config
        self._generator = generator

    async def workload(
        self,
        workload: str,
        contenders: Sequence[Contender],
        work: Mapping[str, Mapping[str, list[bytes]]],
        plan: Plan,
    ) -> dict[str, list[Round]]:
        """All rounds of one workload; in each round everybody in another order, each after a short warm-up."""
        rounds: dict[str, list[Round]] = {one.name: [] for one in contenders}
        order = list(contenders)
        rng = random.Random(SEED)
        for one in contenders:
            self._send(one, work[one.name][workload], TOGETHER, plan.together)
        for number in range(plan.rounds):
            rng.shuffle(order)
            for one in order:
                rounds[one.name].append(await self._round(one, work[one.name][workload], plan))
            rates = ", ".join(f"{name} {measured[-1].rate:,.0f}" for name, measured in rounds.items())
            say(f"{workload} {number + 1}/{plan.rounds}: {rates} req/s")
        return rounds

    async def _round(self, one: Contender, requests: list[bytes], plan: Plan) -> Round:
        self._send(one, requests, TOGETHER, 0.2)
        server, database = one.cpu_seconds(), await self._database_cpu()
        together = self._send(one, requests, TOGETHER, plan.together)
        server_used, database_now = one.cpu_seconds() - server, await self._database_cpu()
        single = self._send(one, requests, 1, plan.single)
        count = len(together.latencies)
        postgres = None
        if database is not None and database_now is not None:
            postgres = (database_now - database) / count * 1000
        return Round(
            rate=count / together.seconds,
            p50=percentile(together.latencies, 50) * 1000,
            p99=percentile(together.latencies, 99) * 1000,
            single_p50=percentile(single.latencies, 50) * 1000,
            single_p99=percentile(single.latencies, 99) * 1000,
            server_cpu=server_used / count * 1000,
            postgres_cpu=postgres,
            client_cpu=together.cpu_seconds / count * 1000,
            size=together.bytes_received / count / 1000,
        )

    def _send(self, one: Contender, requests: list[bytes], concurrency: int, seconds: float) -> Outcome:
        # Each job begins elsewhere in the list, so that short ones do not ask for the same few records.
        start = random.Random(time.monotonic_ns()).randrange(len(requests))
        job = Job(one.port, [*requests[start:], *requests[:start]], concurrency, seconds)
        outcome = self._generator.submit(send, job).result()
        if outcome.failures:
            raise RuntimeError(f"{one.name} failed {outcome.failures} requests; the first: {outcome.failure}")
        return outcome

    async def _database_cpu(self) -> float | None:
        """Processor time of the database server; None when it is on another machine."""
        if not self._config.host.startswith("/"):
            return None
        backend = await self._connection.fetchval("SELECT pg_backend_pid()")
        server = psutil.Process(backend).parent()
        if server is None:
            return None
        ended = server.cpu_times()
        # Of connections that were closed meanwhile the server itself keeps account.
        total = ended.children_user + ended.children_system
        for one in server.children():
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system
        return float(total)


def _environment(dataset: Dataset, options: argparse.Namespace, postgres: str) -> RenderableType:
    memory = psutil.virtual_memory().total / 2**30
    return Text(
        f"{os.cpu_count()} processors, {memory:.0f} GB, Python {platform.python_version()}, PostgreSQL {postgres}; "
        f"{dataset.rows:,} rows; everything on this machine; {options.pool} connections per server, "
        f"plan_cache_mode {options.plans}, jit off"
    )
