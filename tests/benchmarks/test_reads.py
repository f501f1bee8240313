"""The read benchmark at its smallest: the data is valid, and the hand-written endpoints answer as the API does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from benchmarks.reads.answers import Answers, check, list_requests
from benchmarks.reads.dataset import Dataset, fill
from benchmarks.reads.load import Job, send
from benchmarks.reads.run import create_keys, running
from benchmarks.reads.servers import Contender, evenhand, handwritten
from benchmarks.reads.workloads import CUSTOMER360, sample

from evenhand.db.migrate import connect
from evenhand.testing.server import temporary_database

SCALE = 0.001


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dataset() -> AsyncIterator[Dataset]:
    async with temporary_database("reads") as config:
        yield Dataset(config, await fill(config, SCALE, lambda text: None), 0)


async def test_every_tenant_has_its_part_and_lines_make_totals(dataset: Dataset) -> None:
    connection = await connect(dataset.config)
    try:
        for tenant in dataset.tenants:
            for table in ("accounts", "contacts", "activities", "orders", "tickets"):
                rows = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant.id)
                assert rows == tenant.counts[table]
        wrong = await connection.fetchval(
            "SELECT count(*) FROM orders o WHERE total IS DISTINCT FROM "
            "(SELECT sum(amount) FROM order_lines l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id)"
        )
        assert wrong == 0
    finally:
        await connection.close()


@pytest.mark.slow
async def test_servers_start_answer_alike_and_are_measured(dataset: Dataset) -> None:
    config = dataset.config
    connection = await connect(config)
    try:
        keys = await create_keys(connection, dataset)
        asked = await sample(connection, dataset, 10)
    finally:
        await connection.close()

    def compare() -> tuple[int, Contender, float]:
        both = [evenhand("ours", config, 2, keys), handwritten("by hand", config, 2, "rls")]
        with running(both, "ours") as contenders:
            assert len(contenders) == 2
            with Answers() as answers:
                pages = {one.name: list_requests(answers, one, dataset.tenants) for one in contenders}
                compared, _ = check(answers, contenders[0], contenders[1], asked, pages)
            requests = [contenders[1].request(one) for one in asked[CUSTOMER360]]
            outcome = send(Job(contenders[1].port, requests, 2, 0.3))
            assert outcome.failures == 0
            assert len(outcome.latencies) > 2
            return compared, contenders[1], contenders[1].cpu_seconds()

    compared, contender, used = await asyncio.to_thread(compare)
    assert compared > 10
    assert used > 0
    assert contender.process is None
