"""A watch: bounded, one entry per record, and it never ends silently."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.live.notices import ChangeOperation, Notice
from evenhand.live.watch import SlowConsumer, Watch
from evenhand.tenancy.models import uuid7

TENANT = uuid7()
IDS = [uuid7() for _ in range(8)]


def _notice(*ids: UUID, entity: str = "Lead", operation: ChangeOperation = ChangeOperation.UPDATED) -> Notice:
    return Notice(TENANT, entity, operation, ids, None, datetime.now(UTC))


async def test_it_gives_what_it_watches_and_nothing_else() -> None:
    watch = Watch(TENANT, ["Lead"], [IDS[0]])
    watch.offer(_notice(IDS[0], entity="Account"))
    watch.offer(_notice(IDS[1]))
    watch.offer(_notice(*IDS[:3], operation=ChangeOperation.ARCHIVED))
    taken = await watch.take(10)
    assert taken is not None
    assert not taken.resync
    assert [(one.record_id, one.operation) for one in taken.changes] == [(IDS[0], ChangeOperation.ARCHIVED)]


@given(st.lists(st.lists(st.sampled_from(IDS), max_size=8), max_size=20), st.integers(1, 5))
async def test_what_goes_in_comes_out_once_in_order(groups: list[list[UUID]], most: int) -> None:
    watch = Watch(TENANT, ["Lead"])
    for group in groups:
        watch.offer(_notice(*group))
    watch.close()
    taken: list[UUID] = []
    while (changes := await watch.take(most)) is not None:
        assert len(changes.changes) <= most
        taken += [one.record_id for one in changes.changes]
    assert taken == list(dict.fromkeys(one for group in groups for one in group))


async def test_too_much_ends_it_and_frees_it() -> None:
    watch = Watch(TENANT, ["Lead"], most=5)
    watch.offer(_notice(*IDS[:5]))
    assert len(watch) == 5
    watch.offer(_notice(*IDS[:6]))
    assert len(watch) == 0
    watch.offer(_notice(*IDS))
    assert len(watch) == 0
    with pytest.raises(SlowConsumer):
        await watch.take(10)


async def test_unnamed_changes_ask_to_read_again() -> None:
    watch = Watch(TENANT, ["Lead"])
    watch.offer(Notice(TENANT, "Lead", ChangeOperation.UPDATED, None, None, datetime.now(UTC)))
    taken = await watch.take(10)
    assert taken is not None
    assert taken.resync


async def test_waiting_ends_with_a_change_or_the_close() -> None:
    watch = Watch(TENANT, ["Lead"])
    waiting = asyncio.create_task(watch.take(10))
    await asyncio.sleep(0)
    watch.offer(_notice(IDS[0]))
    taken = await waiting
    assert taken is not None
    waiting = asyncio.create_task(watch.take(10))
    await asyncio.sleep(0)
    watch.close()
    assert await waiting is None
