"""Events reach their subscribers once, in order per record, and tenants do not wait for one another."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from time import monotonic
from uuid import UUID

import pytest

from evenhand.actions.journal import writing
from evenhand.actions.records import create_record, create_records, update_record
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading, transaction
from evenhand.entities import Tag
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput
from evenhand.events import subscribers
from evenhand.events.base import Event
from evenhand.events.cause import handling
from evenhand.events.models import DeliveryState, EventDelivery, OutboxEvent
from evenhand.events.pump import Pump, deliver_events, drain_deliveries
from evenhand.events.subscribers import TryLater, Undeliverable, delivers, set_subscriber
from evenhand.events.types import LeadCreated, LeadUpdated
from evenhand.tenancy.context import acting_as, current_tenant
from evenhand.testing import SomeTenant
from evenhand.testing.clock import Clock

Handler = Callable[[str, Sequence[Event]], Awaitable[None]]


@contextmanager
def kind(handler: Handler, *, transactional: bool = True, attempts: int = 3, name: str = "probe") -> Iterator[None]:
    """Deliver to subscribers of this kind by `handler` inside the block."""
    delivers(name, transactional=transactional, attempts=attempts, timeout=timedelta(seconds=2))(handler)
    try:
        yield
    finally:
        del subscribers._kinds[name]


async def subscribe(tenant: SomeTenant, *events: str, name: str = "one", active: bool = True) -> None:
    with acting_as(tenant.system):
        async with transaction():
            await set_subscriber("probe", name, events or ["*"], active=active)


async def deliveries(tenant: SomeTenant) -> list[EventDelivery]:
    with acting_as(tenant.system):
        async with reading():
            return list(await EventDelivery.all().order_by("sequence"))


@asynccontextmanager
async def pumping(count: int = 1) -> AsyncIterator[None]:
    """Run services beside the block."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(deliver_events(stop))
        try:
            yield
        finally:
            stop.set()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.005)


def _longer(items: Sequence[object], than: int) -> bool:
    return len(items) > than


async def test_subscribers_get_the_types_they_named(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    got: list[tuple[str, Event]] = []

    async def take(name: str, events: Sequence[Event]) -> None:
        got.extend((name, event) for event in events)

    await subscribe(tenant, "LeadUpdated", name="changes")
    await subscribe(tenant, "*", name="all")
    await subscribe(tenant, "*", name="resting", active=False)
    with kind(take):
        lead = await tenant.create("lead", name="Ada", city="1")
        await other_tenant.create("lead", name="Not told")
        with acting_as(tenant.system):
            await update_record("lead", lead, {"city": "7"})
        with acting_as(tenant.system):
            assert await drain_deliveries(only_this_tenant=True) == 3
        await drain_deliveries()
    assert [type(event) for name, event in got if name == "all"] == [LeadCreated, LeadUpdated]
    ((changed, *rest),) = ([event for name, event in got if name == "changes"],)
    assert rest == []
    assert isinstance(changed, LeadUpdated)
    assert (changed.before, changed.after) == ({"city": "1"}, {"city": "7"})
    assert (changed.tenant_id, changed.record_id, changed.depth, changed.cause) == (tenant.id, lead, 0, None)
    assert await deliveries(tenant) == []


async def test_an_unknown_type_is_refused(tenant: SomeTenant) -> None:
    with pytest.raises(InvalidInput, match="LeadExploded"):
        await subscribe(tenant, "LeadExploded")


async def test_nothing_is_delivered_for_what_was_rolled_back(tenant: SomeTenant) -> None:
    await subscribe(tenant)

    async def give_up() -> None:
        async with transaction():
            await create_record("lead", {"name": "Gone"})
            raise RuntimeError

    with acting_as(tenant.system), pytest.raises(RuntimeError):
        await give_up()
    assert await deliveries(tenant) == []


async def test_effects_and_the_end_of_a_delivery_are_one_transaction(tenant: SomeTenant) -> None:
    """A batch that fails at its third event leaves the effects of the others exactly once."""
    calls: list[int] = []

    async def tag(name: str, events: Sequence[Event]) -> None:
        calls.append(len(events))
        for event in events:
            with handling(event):
                if isinstance(event, LeadCreated) and event.after["name"] == "2":
                    raise ValueError("two is not wanted")
                await create_record("tag", {"name": str(event.record_id)})

    await subscribe(tenant, "LeadCreated")
    leads = [await tenant.create("lead", name=str(number)) for number in range(5)]
    with kind(tag):
        await drain_deliveries()
    assert calls == [5, 1, 1, 1, 1, 1]
    with acting_as(tenant.system):
        async with reading():
            tags = [tag.name for tag in await Tag.all()]
            caused = await OutboxEvent.filter(type="TagCreated").values_list("cause", "depth")
            causes = await OutboxEvent.filter(type="LeadCreated").values_list("id", flat=True)
    assert sorted(tags) == sorted(str(lead) for number, lead in enumerate(leads) if number != 2)
    assert all(depth == 1 and cause in causes for cause, depth in caused)
    (left,) = await deliveries(tenant)
    assert (left.record_id, left.attempts, left.state) == (leads[2], 1, DeliveryState.PENDING)
    assert left.last_error == "ValueError: two is not wanted"


@pytest.mark.parametrize("transactional", [True, False])
async def test_later_events_of_a_record_wait_for_one_that_failed(
    tenant: SomeTenant, clock: Clock, transactional: bool
) -> None:
    got: list[tuple[UUID, str]] = []
    failing = True

    async def take(name: str, events: Sequence[Event]) -> None:
        for event in events:
            if failing and event.record_id == bad:
                raise ConnectionError("away")
        got.extend((event.record_id, event.type) for event in events)

    await subscribe(tenant)
    bad, good = [await tenant.create("lead", name=name) for name in ("bad", "good")]
    with kind(take, transactional=transactional), acting_as(tenant.system):
        await drain_deliveries()
        for score in (1, 2):
            await update_record("lead", bad, {"city": str(score)})
            await update_record("lead", good, {"city": str(score)})
        await drain_deliveries()
        assert {record for record, _ in got} == {good}
        assert len(got) == 3
        failing = False
        with acting_as(tenant.system):
            assert await drain_deliveries(only_this_tenant=True) == 0
        clock.advance(minutes=1)
        await drain_deliveries()
    assert [kind for record, kind in got if record == bad] == ["LeadCreated", "LeadUpdated", "LeadUpdated"]
    assert await deliveries(tenant) == []


@pytest.mark.parametrize("transactional", [True, False])
async def test_a_dead_letter_lets_later_events_go_on(tenant: SomeTenant, clock: Clock, transactional: bool) -> None:
    got: list[str] = []

    async def take(name: str, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "LeadCreated":
                raise ValueError("never")
            got.append(event.type)

    await subscribe(tenant)
    lead = await tenant.create("lead", name="Ada")
    with kind(take, transactional=transactional, attempts=3), acting_as(tenant.system):
        await update_record("lead", lead, {"city": "1"})
        for attempt in (1, 2, 3):
            got.clear()
            await drain_deliveries()
            (first, *_) = await deliveries(tenant)
            assert first.attempts == attempt
            clock.advance(hours=1)
    (dead,) = await deliveries(tenant)
    assert (dead.state, dead.attempts, got) == (DeliveryState.DEAD, 3, ["LeadUpdated"])


async def test_what_cannot_be_delivered_is_dead_at_once_and_others_say_how_long_to_wait(
    tenant: SomeTenant, clock: Clock
) -> None:
    async def take(name: str, events: Sequence[Event]) -> None:
        if events[0].type == "LeadCreated":
            raise Undeliverable("gone")
        raise TryLater("busy", timedelta(hours=2))

    await subscribe(tenant)
    await tenant.create("lead", name="Ada")
    await tenant.create("tag", name="Hot")
    with kind(take, transactional=False):
        await drain_deliveries()
    lead, tag = await deliveries(tenant)
    assert (lead.state, tag.state) == (DeliveryState.DEAD, DeliveryState.PENDING)
    assert tag.due_at is not None
    assert tag.due_at >= clock.now() + timedelta(hours=2)


async def test_an_inactive_subscriber_keeps_what_waits(tenant: SomeTenant) -> None:
    got: list[str] = []

    async def take(name: str, events: Sequence[Event]) -> None:
        got.extend(str(getattr(event, "after", {}).get("name")) for event in events)

    with kind(take):
        await subscribe(tenant)
        await tenant.create("lead", name="before")
        await subscribe(tenant, active=False)
        await tenant.create("lead", name="while resting")
        with acting_as(tenant.system):
            assert await drain_deliveries(only_this_tenant=True) == 0
        await subscribe(tenant)
        await tenant.create("lead", name="after")
        await drain_deliveries()
    assert got == ["before", "after"]


async def test_a_slow_handler_is_stopped(tenant: SomeTenant) -> None:
    async def sleep(name: str, events: Sequence[Event]) -> None:
        await asyncio.sleep(60)

    await subscribe(tenant)
    await tenant.create("lead", name="Ada")
    started = monotonic()
    delivers("probe", transactional=False, timeout=timedelta(seconds=0.1))(sleep)
    try:
        await drain_deliveries()
    finally:
        del subscribers._kinds["probe"]
    assert monotonic() - started < 5
    (left,) = await deliveries(tenant)
    assert left.last_error is not None
    assert left.last_error.startswith("TimeoutError")


async def test_delivery_starts_soon_after_the_commit(tenant: SomeTenant) -> None:
    arrived: list[float] = []

    async def take(name: str, events: Sequence[Event]) -> None:
        arrived.extend(monotonic() for _ in events)

    await subscribe(tenant, "LeadCreated")
    with kind(take):
        async with pumping():
            await asyncio.sleep(1.2)
            delays = []
            for number in range(5):
                await tenant.create("lead", name=str(number))
                committed = monotonic()
                await until(partial(_longer, arrived, number))
                delays.append(arrived[-1] - committed)
    assert sorted(delays)[2] < 0.1, delays


@pytest.mark.parametrize("transactional", [True, False])
async def test_many_services_deliver_each_event_once_and_in_order(
    database: DatabaseConfig, tenant: SomeTenant, other_tenant: SomeTenant, transactional: bool
) -> None:
    """Writers and several services work on one database at the same time."""
    got: dict[tuple[UUID, str, UUID], list[int]] = defaultdict(list)
    under_way: set[tuple[UUID, str, UUID]] = set()
    failures = 0

    async def take(name: str, events: Sequence[Event]) -> None:
        nonlocal failures
        keys = {(current_tenant(), name, event.record_id) for event in events}
        assert not keys & under_way, "two services deliver events of one record"
        under_way.update(keys)
        try:
            await asyncio.sleep(0.001)
            if failures < 3:
                failures += 1
                raise TryLater("busy")
            for event in events:
                got[(current_tenant(), name, event.record_id)].append(event.sequence)
        finally:
            under_way.difference_update(keys)

    async def write(who: SomeTenant) -> None:
        with acting_as(who.system):
            async with writing("create_leads") as journal:
                drafts = [{"name": str(number)} for number in range(10)]
                leads = await create_records(entity("lead"), drafts, journal=journal)
            for score in range(12):
                await asyncio.gather(*(update_record("lead", lead, {"city": str(score)}) for lead in leads[:4]))
                await asyncio.gather(*(update_record("lead", lead, {"city": str(score)}) for lead in leads[4:]))

    for who in (tenant, other_tenant):
        for name in ("one", "two", "three"):
            await subscribe(who, "LeadCreated", "LeadUpdated", name=name)
    pumps = [Pump() for _ in range(4)]
    stop = asyncio.Event()
    with kind(take, transactional=transactional, attempts=50):
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(pump.run(stop)) for pump in pumps]
            await asyncio.gather(write(tenant), write(tenant), write(other_tenant))
            async with asyncio.timeout(60):
                while await deliveries(tenant) or await deliveries(other_tenant):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            stop.set()
        assert all(task.done() for task in running)
    ours = [sequences for (who, _, _), sequences in got.items() if who in (tenant.id, other_tenant.id)]
    assert len(ours) == 3 * 30
    assert all(len(sequences) == 13 for sequences in ours), {len(each) for each in ours}
    assert all(sequences == sorted(sequences) for sequences in ours)


async def test_no_tenant_waits_until_another_one_is_done(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    order: list[UUID] = []

    async def take(name: str, events: Sequence[Event]) -> None:
        await asyncio.sleep(0.02 * len(events) / 50)
        order.extend(current_tenant() for _ in events)

    for number in range(6):
        await subscribe(tenant, "LeadCreated", name=str(number))
    await subscribe(other_tenant, "LeadCreated")
    with acting_as(tenant.system):
        async with writing("create_leads") as journal:
            await create_records(entity("lead"), [{"name": str(n)} for n in range(3000)], journal=journal)
    await other_tenant.create("lead", name="Small")
    with kind(take):
        async with pumping():
            await until(lambda: other_tenant.id in order, 20)
            assert order.index(other_tenant.id) < 12_000
            await until(lambda: len(order) >= 18_001, 60)
