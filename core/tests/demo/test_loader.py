from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from evenhand.actions.journal import MomentRefused, writing
from evenhand.actions.records import create_record, create_records
from evenhand.actions.tenants import create_tenant
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, reading
from evenhand.demo import loader
from evenhand.demo.brightwell import BRIGHTWELL
from evenhand.demo.generate import generate
from evenhand.demo.huaxing import HUAXING
from evenhand.demo.lexicon import Lexicon
from evenhand.demo.loader import NotADemoTenant, find_tenant, load_history, loaded_with, rounds, waves
from evenhand.demo.story import Record, Ref, Revision, Story
from evenhand.entities import Account, Attachment, Opportunity, Order, Payment, StageChange, Tagging, User
from evenhand.entities.registry import entity
from evenhand.files import read_file
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Actor, Role, acting_as, system_actor
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant

REFERENCE = date(2026, 6, 15)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_DATA", str(tmp_path))


def fresh(lexicon: Lexicon) -> Lexicon:
    """The same company under a slug of its own."""
    return replace(lexicon, tenant={**lexicon.tenant, "slug": f"d-{uuid7().hex}"})


async def loaded(lexicon: Lexicon) -> tuple[Story, Actor]:
    story = generate(fresh(lexicon), REFERENCE)
    actor = await find_tenant(story.tenant)
    assert await load_history(actor, story)
    return story, actor


async def counts(actor: Actor) -> dict[str, int]:
    names = (*loader.ORDER, "StageChange", "OwnershipEntry", "AuditEntry", "OutboxEvent", "Tagging")
    tables = {"StageChange": "stage_changes", "OwnershipEntry": "ownership_entries", "Tagging": "taggings"}
    tables |= {"AuditEntry": "audit_entries", "OutboxEvent": "outbox_events"}
    found = {}
    with acting_as(actor):
        async with reading() as client:
            for name in names:
                table = tables.get(name) or entity(name).model._meta.db_table
                found[name] = await raw_connection(client).fetchval(
                    f'SELECT count(*) FROM "{table}" WHERE tenant_id = $1', actor.tenant_id
                )
    return found


@pytest.mark.parametrize("lexicon", [HUAXING, BRIGHTWELL], ids=["zh", "en"])
async def test_a_whole_story_is_written_with_its_own_times(database: DatabaseConfig, lexicon: Lexicon) -> None:
    story, actor = await loaded(lexicon)
    found = await counts(actor)
    for name in loader.ORDER:
        assert found[name] == len(story.of(name)), name
    assert found["Tagging"] == len(story.labels)
    deals = len(story.of("Opportunity"))
    assert found["StageChange"] == deals + sum(item.entity == "Opportunity" for item in story.revisions)
    assert found["OwnershipEntry"] == deals + len(story.of("Account")) + len(story.handovers)
    expected = {record.values["name"]: record.at for record in story.of("Account")}
    with acting_as(actor):
        async with reading():
            assert {account.name: account.created_at for account in await Account.all()} == expected
            lines = await OwnershipEntry.all().order_by("started_at")
            moves = await StageChange.all()
            tags = await Tagging.all()
    before = datetime.combine(REFERENCE, datetime.min.time(), UTC)
    assert all(line.started_at < before for line in lines)
    assert all(move.changed_at < before for move in moves)
    assert len({move.changed_at for move in moves}) > len(moves) / 2
    assert all(tag.actor_id is not None and tag.why for tag in tags)


async def test_money_adds_up_in_the_database(database: DatabaseConfig) -> None:
    _, actor = await loaded(BRIGHTWELL)
    with acting_as(actor):
        async with reading() as client:
            wrong = await raw_connection(client).fetch(
                "SELECT o.number FROM orders o JOIN (SELECT order_id, sum(amount) AS lines FROM order_lines "
                "WHERE tenant_id = $1 GROUP BY order_id) l ON l.order_id = o.id "
                "WHERE o.tenant_id = $1 AND o.total <> l.lines",
                actor.tenant_id,
            )
            totals = {order.id: order.total for order in await Order.all()}
            paid: dict[UUID, Decimal] = {}
            for payment in await Payment.all():
                paid[payment.order_id] = paid.get(payment.order_id, Decimal(0)) + payment.amount
    assert wrong == []
    assert paid
    assert all(0 < amount <= totals[order] for order, amount in paid.items())


async def test_holders_are_those_of_the_newest_ledger_line(database: DatabaseConfig) -> None:
    _, actor = await loaded(HUAXING)
    with acting_as(actor):
        async with reading():
            newest = {line.record_id: line for line in await OwnershipEntry.all().order_by("started_at")}
            records: list[Account | Opportunity] = [*await Account.all(), *await Opportunity.all()]
            inactive = {user.id for user in await User.filter(is_active=False)}
            still_open = await Opportunity.filter(closed_on=None)
    for record in records:
        assert (record.owner_id, record.pool_id) == (newest[record.id].owner_id, newest[record.id].pool_id)
        assert record.held_since == newest[record.id].started_at
    assert inactive
    holders = {deal.owner_id for deal in still_open} | {
        record.owner_id for record in records if isinstance(record, Account)
    }
    assert not inactive & holders


async def test_attached_quotes_can_be_read(database: DatabaseConfig) -> None:
    _, actor = await loaded(HUAXING)
    with acting_as(actor):
        async with reading():
            files = await Attachment.all()
    assert files
    for file in files:
        assert len(read_file(actor.tenant_id, file.sha256)) == file.size_bytes


async def test_a_second_load_writes_nothing(database: DatabaseConfig) -> None:
    story, actor = await loaded(HUAXING)
    before = await counts(actor)
    assert not await load_history(actor, story)
    assert await find_tenant(story.tenant) == actor
    assert await counts(actor) == before
    origin = await loaded_with(actor)
    assert origin is not None
    assert (origin.seed, origin.reference) == (story.seed, REFERENCE)


async def test_parallel_loads_write_once(database: DatabaseConfig) -> None:
    story = generate(fresh(BRIGHTWELL), REFERENCE)
    actors = await asyncio.gather(*(find_tenant(story.tenant) for _ in range(3)))
    assert len({actor.tenant_id for actor in actors}) == 1
    done = await asyncio.gather(*(load_history(actor, story) for actor in actors))
    assert sorted(done) == [False, False, True]
    assert (await counts(actors[0]))["Account"] == len(story.of("Account"))


async def test_a_load_that_fails_leaves_nothing(database: DatabaseConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    story = generate(fresh(HUAXING), REFERENCE)
    actor = await find_tenant(story.tenant)
    before = await counts(actor)

    async def broken(*_: object, **__: object) -> int:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(loader, "put_tags", broken)
        with pytest.raises(ConnectionResetError):
            await load_history(actor, story)
    assert await counts(actor) == before
    assert await loaded_with(actor) is None
    assert await load_history(actor, story)


async def test_a_tenant_with_users_of_its_own_is_refused(tenant: SomeTenant) -> None:
    story = generate(fresh(HUAXING), REFERENCE)
    with pytest.raises(NotADemoTenant):
        await load_history(tenant.system, story)


async def test_another_tenant_sees_nothing_of_it(tenant: SomeTenant) -> None:
    await loaded(HUAXING)
    assert (await counts(tenant.system))["Account"] == 0


async def test_only_the_system_writes_as_of_the_past(tenant: SomeTenant) -> None:
    past = datetime.now(UTC) - timedelta(days=3)
    with acting_as(tenant.actor(Role.ADMIN)), pytest.raises(MomentRefused):
        async with writing("test") as journal:
            await create_records(entity("Team"), [{"name": "North"}], journal=journal, moments=[past])
    for moment in (datetime.now(UTC) + timedelta(hours=1), past.replace(tzinfo=None)):
        with acting_as(tenant.system), pytest.raises(MomentRefused):
            async with writing("test") as journal:
                await create_records(entity("Team"), [{"name": "North"}], journal=journal, moments=[moment])
    assert (await counts(tenant.system))["Team"] == 0


async def test_a_tenant_without_demo_mark_but_with_users(database: DatabaseConfig) -> None:
    slug = f"d-{uuid7().hex}"
    actor = system_actor(await create_tenant(slug, "Real company"))
    assert await loaded_with(actor) is None
    with acting_as(actor):
        await create_record("User", {"name": "李四"})
    with pytest.raises(NotADemoTenant):
        await loaded_with(actor)


def test_waves_keep_references_apart() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    records = [
        Record("Team", "team:1", at, {}),
        Record("Team", "team:2", at, {"parent_id": Ref("team:1")}),
        Record("Team", "team:3", at, {"parent_id": Ref("team:1")}),
        Record("Team", "team:4", at, {"parent_id": Ref("team:3")}),
    ]
    assert [[record.key for record in wave] for wave in waves(records)] == [
        ["team:1"],
        ["team:2", "team:3"],
        ["team:4"],
    ]


def test_rounds_keep_the_order_in_time() -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    steps = [
        Revision("Opportunity", key, day + timedelta(days=days), {"n": days})
        for key, days in (("a", 3), ("b", 1), ("a", 1), ("a", 2))
    ]
    found = [[(step.key, step.values["n"]) for step in group] for group in rounds(steps)]
    assert found == [[("b", 1), ("a", 1)], [("a", 2)], [("a", 3)]]
