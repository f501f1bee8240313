"""Notifications: once, in the reader's language, and nobody else's business."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from evenhand.actions.journal import writing
from evenhand.actions.notifications import (
    Message,
    mark_notifications_read,
    mute_notifications,
    notify,
    notify_all,
)
from evenhand.actions.records import archive_record, update_record
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.errors import InvalidInput
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant

TITLE = {"en": "Call Li Wei", "zh": "致电李伟"}


async def _notify(tenant: SomeTenant, *roles: Role, key: str | None = None, kind: str = "task_due") -> int:
    with acting_as(tenant.system):
        async with writing("test") as journal:
            return await notify(journal, [tenant.users[role] for role in roles], kind=kind, title=TITLE, key=key)


async def _of(tenant: SomeTenant, role: Role = Role.REP) -> list[Notification]:
    with acting_as(tenant.system):
        async with reading():
            return await Notification.filter(user_id=tenant.users[role]).order_by("id")


async def test_each_reads_the_own_language(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        await update_record("User", tenant.users[Role.REP], {"locale": "zh-CN"})
    assert await _notify(tenant, Role.REP, Role.MANAGER) == 2
    assert [one.title for one in await _of(tenant)] == ["致电李伟"]
    assert [one.title for one in await _of(tenant, Role.MANAGER)] == ["Call Li Wei"]


async def test_a_key_tells_it_once_also_when_many_tell_it_at_once(tenant: SomeTenant) -> None:
    counts = await asyncio.gather(*(_notify(tenant, Role.REP, Role.MANAGER, key="task:1") for _ in range(5)))
    assert sum(counts) == 2
    assert len(await _of(tenant)) == 1
    assert await _notify(tenant, Role.REP) == 1
    assert await _notify(tenant, Role.REP) == 1


async def test_nobody_is_told_who_left_or_muted_the_kind(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.REP)):
        await mute_notifications(["task_due"])
    with acting_as(tenant.system):
        await archive_record("User", tenant.users[Role.READ_ONLY])
        await update_record("User", tenant.users[Role.MANAGER], {"is_active": False})
    assert await _notify(tenant, Role.REP, Role.READ_ONLY, Role.MANAGER, Role.ADMIN) == 1
    assert await _notify(tenant, Role.REP, kind="approval_due") == 1
    with acting_as(tenant.actor(Role.REP)):
        await mute_notifications([])
    assert await _notify(tenant, Role.REP) == 1


async def _fail_after_telling(tenant: SomeTenant) -> None:
    async with writing("test") as journal:
        await notify(journal, [tenant.users[Role.REP]], kind="task_due", title=TITLE)
        raise RuntimeError


async def test_what_is_undone_was_never_told(tenant: SomeTenant) -> None:
    with acting_as(tenant.system), pytest.raises(RuntimeError):
        await _fail_after_telling(tenant)
    assert not await _of(tenant)


async def test_only_the_own_notifications_are_marked_read(tenant: SomeTenant) -> None:
    await _notify(tenant, Role.REP, Role.MANAGER)
    (own,), (others,) = await _of(tenant), await _of(tenant, Role.MANAGER)
    with acting_as(tenant.actor(Role.REP)):
        assert await mark_notifications_read([own.id, others.id]) == 1
        assert await mark_notifications_read([own.id, others.id]) == 0
        assert await mark_notifications_read() == 0
    assert (await _of(tenant, Role.MANAGER))[0].read_at is None
    assert (await _of(tenant))[0].read_at is not None


async def test_a_reader_marks_the_own_ones_and_a_key_without_write_none(tenant: SomeTenant) -> None:
    await _notify(tenant, Role.READ_ONLY)
    reader = tenant.actor(Role.READ_ONLY)
    with acting_as(replace(reader, scopes=frozenset({Scope.READ}))), pytest.raises(PermissionDenied):
        await mark_notifications_read()
    with acting_as(tenant.system), pytest.raises(PermissionDenied):
        await mark_notifications_read()
    with acting_as(reader):
        assert await mark_notifications_read() == 1


async def test_users_of_another_tenant_are_never_told(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with writing("test") as journal:
            assert await notify(journal, [other_tenant.users[Role.REP]], kind="task_due", title=TITLE) == 0
    assert not await _of(other_tenant)


async def test_long_texts_are_cut_and_a_missing_language_is_english(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        await update_record("User", tenant.users[Role.REP], {"locale": "zh-CN"})
        async with writing("test") as journal:
            await notify_all(journal, [Message(tenant.users[Role.REP], "task_due", {"en": "x" * 400})])
    (told,) = await _of(tenant)
    assert (len(told.title), told.title[-1]) == (300, "…")


@pytest.mark.parametrize("kinds", [["Task Due"], [""], ["x" * 65]])
async def test_what_is_no_kind_is_refused(tenant: SomeTenant, kinds: list[str]) -> None:
    with acting_as(tenant.actor(Role.REP)), pytest.raises(InvalidInput):
        await mute_notifications(kinds)
