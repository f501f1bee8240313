"""The clock that tests can move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from evenhand import clock as core_clock
from evenhand.api import reading
from evenhand.audit.models import AuditEntry
from evenhand.auth.keys import Unauthenticated, check_key, create_api_key
from evenhand.plugins.host import tenant_context
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import Clock, SomeTenant

SPRING = datetime(2027, 3, 1, 8, tzinfo=UTC)


def test_by_itself_it_is_the_machines() -> None:
    before = datetime.now(UTC)
    assert before <= core_clock.now() <= datetime.now(UTC)


def test_it_stands_still_until_it_is_moved(clock: Clock) -> None:
    assert core_clock.now() == core_clock.now() == clock.now()
    clock.set(datetime(2027, 3, 1, 16, tzinfo=ZoneInfo("Asia/Shanghai")))
    assert core_clock.now() == SPRING
    assert clock.advance(days=1, hours=2) == core_clock.now() == datetime(2027, 3, 2, 10, tzinfo=UTC)
    assert clock.advance(timedelta(minutes=1)).minute == 1
    with pytest.raises(ValueError, match="no time zone"):
        clock.set(datetime(2027, 3, 1))  # noqa: DTZ001 - what it must refuse


def test_afterwards_the_time_is_the_machines_again() -> None:
    with core_clock.use_clock(lambda: SPRING):
        assert core_clock.now() == SPRING
    assert core_clock.now() != SPRING


async def test_actions_and_hooks_go_by_it(tenant: SomeTenant, clock: Clock) -> None:
    clock.set(SPRING)
    account = await tenant.create("Account", name="Acme")
    with acting_as(tenant.system):
        async with reading():
            (entry,) = await AuditEntry.filter(record_id=account)
        ctx = await tenant_context()
    assert (entry.occurred_at, ctx.now) == (SPRING, SPRING)


async def test_keys_end_by_it(tenant: SomeTenant, clock: Clock) -> None:
    with acting_as(tenant.system):
        key = await create_api_key(tenant.users[Role.REP], "spring", expires_at=SPRING)
    clock.set(SPRING - timedelta(seconds=1))
    assert (await check_key(key)).actor.user_id == tenant.users[Role.REP]
    clock.advance(seconds=2)
    with pytest.raises(Unauthenticated):
        await check_key(key)
