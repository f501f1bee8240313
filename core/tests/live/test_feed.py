"""The feed over a real database: what is committed is told, to every process, and a gap is never silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from evenhand.actions.journal import writing
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, create_records, restore_record, update_record
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, transaction
from evenhand.entities.registry import ENTITIES
from evenhand.live import feed as feeds
from evenhand.live.feed import Feed, listening_connection
from evenhand.live.notices import ChangeOperation
from evenhand.live.watch import Change, Watch
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements

SOON = 10.0


@asynccontextmanager
async def _feed(database: DatabaseConfig) -> AsyncIterator[Feed]:
    feed = Feed(listening_connection(database))
    try:
        yield feed
    finally:
        await feed.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def feed(database: DatabaseConfig) -> AsyncIterator[Feed]:
    async with _feed(database) as made:
        yield made


async def _ready(watch: Watch) -> None:
    async with asyncio.timeout(SOON):
        taken = await watch.take(1000)
    assert taken is not None
    assert taken.resync


async def _next(watch: Watch) -> tuple[Change, ...]:
    async with asyncio.timeout(SOON):
        taken = await watch.take(1000)
    assert taken is not None
    assert not taken.resync
    return taken.changes


async def test_every_change_is_told(feed: Feed, tenant: SomeTenant) -> None:
    manager = tenant.actor(Role.MANAGER)
    async with feed.watch(tenant.id, ["Account"]) as watch:
        await _ready(watch)
        account = await tenant.create("Account", name="Ours")
        (change,) = await _next(watch)
        assert (change.entity, change.record_id) == ("Account", account)
        assert (change.operation, change.actor_id) == (ChangeOperation.CREATED, None)
        with acting_as(manager):
            await update_record("Account", account, {"name": "Other"})
            (change,) = await _next(watch)
            assert (change.operation, change.actor_id) == (ChangeOperation.UPDATED, manager.user_id)
            await set_owner("Account", [account], owner_id=tenant.users[Role.REP])
            assert (await _next(watch))[0].operation is ChangeOperation.REASSIGNED
            await archive_record("Account", account)
            assert (await _next(watch))[0].operation is ChangeOperation.ARCHIVED
            await restore_record("Account", account)
            assert (await _next(watch))[0].operation is ChangeOperation.RESTORED


async def test_tenants_entities_and_records_do_not_mix(
    feed: Feed, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    async with feed.watch(tenant.id, ["Account"]) as watch, feed.watch(other_tenant.id, ["Account"]) as others:
        await _ready(watch)
        await _ready(others)
        await tenant.create("Contact", name="Somebody")
        theirs = await other_tenant.create("Account", name="Theirs")
        ours = await tenant.create("Account", name="Ours")
        assert [one.record_id for one in await _next(watch)] == [ours]
        assert [one.record_id for one in await _next(others)] == [theirs]


async def test_what_is_rolled_back_is_not_told(feed: Feed, tenant: SomeTenant) -> None:
    async with feed.watch(tenant.id, ["Account"]) as watch:
        await _ready(watch)

        async def fail() -> None:
            async with transaction():
                await tenant.create("Account", name="Never")
                raise ZeroDivisionError

        with acting_as(tenant.system), pytest.raises(ZeroDivisionError):
            await fail()
        kept = await tenant.create("Account", name="Kept")
        assert [one.record_id for one in await _next(watch)] == [kept]


async def test_a_bulk_change_names_every_record(feed: Feed, tenant: SomeTenant) -> None:
    async with feed.watch(tenant.id, ["Contact"]) as watch:
        await _ready(watch)
        with acting_as(tenant.system):
            async with writing("create_contact") as journal:
                drafts = [{"name": f"Person {number}"} for number in range(1000)]
                created = await create_records(ENTITIES["Contact"], drafts, journal=journal)
        told: list[UUID] = []
        while len(told) < len(created):
            told += [one.record_id for one in await _next(watch)]
        assert told == created


async def test_nothing_is_sent_while_nobody_listens(
    database: DatabaseConfig, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    heard: list[str] = []
    connection = await asyncpg.connect(**database.connect_arguments())
    try:
        await connection.add_listener("evenhand_changes", lambda *event: heard.append(str(event[3])))
        async with _feed(database) as feed, feed.watch(tenant.id, ["Account"]) as watch:
            await _ready(watch)
            await other_tenant.create("Account", name="Unheard")
            account = await tenant.create("Account", name="Heard")
            await _next(watch)
        await tenant.create("Account", name="Unheard")
        await connection.fetchval("SELECT 1")
    finally:
        await connection.close()
    assert len(heard) == 1
    assert "Account" in heard[0]
    assert account


async def test_a_change_costs_one_statement_more(tenant: SomeTenant) -> None:
    with acting_as(tenant.system), watch_statements() as statements:
        await tenant.create("Account", name="Ours")
    assert len([one for one in statements if "pg_notify" in one]) == 1


async def test_a_writer_that_began_before_is_waited_for(feed: Feed, tenant: SomeTenant) -> None:
    """It saw nobody listen and sends nothing; so whoever starts meanwhile is told to read once it is over."""
    wrote, may_end = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        with acting_as(tenant.system):
            async with transaction():
                await tenant.create("Account", name="Early")
                wrote.set()
                await may_end.wait()

    writer = asyncio.create_task(write())
    await wrote.wait()
    async with feed.watch(tenant.id, ["Account"]) as watch:
        taking = asyncio.create_task(watch.take(10))
        done, _ = await asyncio.wait([taking], timeout=0.5)
        assert not done
        may_end.set()
        await writer
        async with asyncio.timeout(SOON):
            taken = await taking
        assert taken is not None
        assert taken.resync


async def test_a_long_writer_does_not_keep_subscribers_waiting(
    feed: Feed, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "EARLY", 0.2)
    with acting_as(tenant.system):
        async with transaction():
            await tenant.create("Account", name="Long")
            async with feed.watch(tenant.id, ["Account"]) as watch:
                await _ready(watch)
                async with feed.watch(tenant.id, ["Account"]) as second:
                    await _ready(second)
                    again = asyncio.create_task(watch.take(10))
                    await asyncio.sleep(0.3)
                    assert not again.done()
                    again.cancel()
    async with feed.watch(tenant.id, ["Account"]) as watch:
        await _ready(watch)


async def _kill(database: DatabaseConfig) -> int:
    connection = await asyncpg.connect(**database.connect_arguments())
    try:
        rows = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'evenhand listening' AND datname = current_database()"
        )
        return len(rows)
    finally:
        await connection.close()


async def test_a_lost_connection_comes_back_and_says_so(
    database: DatabaseConfig, feed: Feed, tenant: SomeTenant
) -> None:
    async with feed.watch(tenant.id, ["Account"]) as watch, feed.watch(tenant.id, ["Lead"]):
        await _ready(watch)
        assert await _kill(database) >= 1
        await tenant.create("Account", name="Perhaps missed")
        async with asyncio.timeout(SOON):
            taken = await watch.take(10)
            while taken is not None and not taken.resync:
                taken = await watch.take(10)
        after = await tenant.create("Account", name="Heard again")
        assert after in [one.record_id for one in await _next(watch)]


async def test_a_silence_of_our_own_is_told(
    database: DatabaseConfig, feed: Feed, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When signs come too late, writers may have stopped sending."""
    async with feed.watch(tenant.id, ["Account"]) as watch:
        await _ready(watch)
        monkeypatch.setattr(feeds, "SURE_FOR", -1.0)
        feed._wake.set()
        await _ready(watch)


async def test_two_processes_hear_the_same(database: DatabaseConfig, tenant: SomeTenant) -> None:
    async with (
        _feed(database) as one,
        _feed(database) as two,
        one.watch(tenant.id, ["Lead"]) as first,
        two.watch(tenant.id, ["Lead"]) as second,
    ):
        await _ready(first)
        await _ready(second)
        lead = await tenant.create("Lead", name="Both")
        assert [change.record_id for change in await _next(first)] == [lead]
        assert [change.record_id for change in await _next(second)] == [lead]


async def test_a_stopped_feed_leaves_no_sign(database: DatabaseConfig, tenant: SomeTenant) -> None:
    async with _feed(database) as feed, feed.watch(tenant.id, ["Lead"]) as watch:
        await _ready(watch)
        await feed.stop()
        assert await watch.take(1) is None
    with acting_as(tenant.system):
        async with transaction() as client:
            left = await raw_connection(client).fetchval(
                "SELECT count(*) FROM live_listeners WHERE tenant_id = $1", tenant.id
            )
    assert left == 0


async def test_many_writers_lose_nothing(feed: Feed, tenant: SomeTenant) -> None:
    async with feed.watch(tenant.id, ["Account"]) as watch:
        await _ready(watch)
        created = await asyncio.gather(*(tenant.create("Account", name=f"A {number}") for number in range(40)))
        told: list[UUID] = []
        while len(told) < len(created):
            told += [one.record_id for one in await _next(watch)]
        assert sorted(told) == sorted(created)
