from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from evenhand.audit.models import AuditEntry
from evenhand.auth.fields.rules import DEFAULTS, export_by_default
from evenhand.auth.keys import Unauthenticated, authenticate, create_api_key, hash_key, revoke_api_key
from evenhand.auth.models import ApiKey
from evenhand.auth.permissions import Operation, PermissionDenied, may
from evenhand.db.session import reading, transaction
from evenhand.entities import User
from evenhand.entities.registry import ENTITIES
from evenhand.errors import InvalidInput, NotFound
from evenhand.tenancy.context import Actor, Role, Scope, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


async def test_a_key_opens_its_users_door(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.ADMIN)):
        key = await create_api_key(tenant.users[Role.REP], "dialer", scopes=[Scope.READ])
    actor = await authenticate(key)
    scopes = frozenset({Scope.READ})
    assert actor == Actor(tenant.id, tenant.users[Role.REP], Role.REP, "graphql", scopes, actor.hidden)
    assert {(one.entity, one.field) for one in actor.hidden} == set(DEFAULTS)
    with acting_as(tenant.system):
        async with reading():
            row = await ApiKey.get(hash=hash_key(key))
    assert row.last_used_at is not None
    assert key.startswith(row.prefix)
    assert key not in str(row.columns())


@pytest.mark.parametrize("change", ["wrong secret", "other tenant", "no tenant", "short", "empty", "sql"])
async def test_wrong_keys_open_nothing(tenant: SomeTenant, other_tenant: SomeTenant, change: str) -> None:
    with acting_as(tenant.system):
        key = await create_api_key(tenant.users[Role.REP], "dialer")
    secret = key.removeprefix(f"evh_{tenant.slug}_")
    wrong = {
        "wrong secret": key[:-1] + ("a" if key[-1] != "a" else "b"),
        "other tenant": f"evh_{other_tenant.slug}_{secret}",
        "no tenant": f"evh_nobody-{uuid7().hex[:8]}_{secret}",
        "short": key[:-1],
        "empty": "",
        "sql": f"evh_x' OR '1'='1_{secret}",
    }[change]
    with pytest.raises(Unauthenticated) as refused:
        await authenticate(wrong)
    assert "evh_" not in refused.value.message


async def test_keys_end_by_expiry_revocation_and_with_their_user(tenant: SomeTenant) -> None:
    now = datetime.now(UTC)
    with acting_as(tenant.system):
        expired = await create_api_key(tenant.users[Role.REP], "old", expires_at=now - timedelta(seconds=1))
        revoked = await create_api_key(tenant.users[Role.REP], "lost")
        leaver = await create_api_key(tenant.users[Role.MANAGER], "leaver")
        async with transaction():
            await ApiKey.filter(hash=hash_key(revoked)).update(revoked_at=now)
            await User.filter(id=tenant.users[Role.MANAGER]).update(is_active=False)
    for key in (expired, revoked, leaver):
        with pytest.raises(Unauthenticated):
            await authenticate(key)


async def test_only_admins_make_keys_and_only_for_their_users(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
        with acting_as(tenant.actor(role)), pytest.raises(PermissionDenied):
            await create_api_key(tenant.users[role], "mine")
    with acting_as(tenant.actor(Role.ADMIN)), pytest.raises(NotFound):
        await create_api_key(other_tenant.users[Role.REP], "theirs")


def actor(role: Role, *scopes: Scope) -> Actor:
    return Actor(uuid7(), uuid7(), role, scopes=frozenset(scopes or Scope))


def test_without_a_scope_nothing_is_allowed() -> None:
    for role in Role:
        for name in ENTITIES:
            reader = actor(role, Scope.READ)
            allowed = [operation for operation in Operation if may(reader, operation, name)]
            exporting = [Operation.EXPORT] if export_by_default(role) and Operation.READ in allowed else []
            assert allowed == [Operation.READ, *exporting], (role, name)
            assert not any(
                may(Actor(uuid7(), uuid7(), role, scopes=frozenset()), operation, name) for operation in Operation
            )


def test_read_only_changes_nothing_and_reps_set_up_nothing() -> None:
    for name in ENTITIES:
        assert [operation for operation in Operation if may(actor(Role.READ_ONLY), operation, name)] == [Operation.READ]
    for name in ("User", "Team", "Pool", "TenantPlugin", "Product"):
        assert not may(actor(Role.REP), Operation.UPDATE, name)
    assert not may(actor(Role.REP), Operation.ASSIGN, "Lead")
    assert not may(actor(Role.MANAGER), Operation.CONFIGURE, "TenantPlugin")
    assert not may(actor(Role.REP), Operation.READ, "ApiKey")


async def test_a_new_key_is_in_the_journal_without_its_secret(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        key = await create_api_key(tenant.users[Role.REP], "报表")
        async with reading():
            entry = await AuditEntry.get(entity="ApiKey")
    assert (entry.action, entry.after["name"], entry.after["user_id"]) == (
        "create_api_key",
        "报表",
        str(tenant.users[Role.REP]),
    )
    secret = key.removeprefix(f"evh_{tenant.slug}_")
    assert secret[6:] not in str(entry.after)


@pytest.mark.parametrize("name", ["", "长" * 101, "\x00"])
async def test_keys_need_a_name_that_can_be_kept(tenant: SomeTenant, name: str) -> None:
    with acting_as(tenant.system), pytest.raises(InvalidInput):
        await create_api_key(tenant.users[Role.REP], name)


async def test_the_end_of_a_key_needs_a_time_zone(tenant: SomeTenant) -> None:
    naive = datetime(2030, 1, 1)  # noqa: DTZ001 - the point of the test
    with acting_as(tenant.system), pytest.raises(InvalidInput):
        await create_api_key(tenant.users[Role.REP], "report", expires_at=naive)


async def test_a_revoked_key_opens_nothing_and_the_others_go_on(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.ADMIN)):
        lost, kept = [await create_api_key(tenant.users[Role.REP], name) for name in ("lost", "kept")]
        with pytest.raises(InvalidInput, match="2 keys"):
            await revoke_api_key(f"evh_{tenant.slug}_")
        for wrong in ("", f"evh_{other_tenant.slug}_"):
            with pytest.raises(NotFound):
                await revoke_api_key(wrong)
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(PermissionDenied):
        await revoke_api_key(lost)
    with acting_as(tenant.actor(Role.ADMIN)):
        for _ in range(2):
            await revoke_api_key(lost)
        async with reading():
            assert await AuditEntry.filter(action="revoke_api_key").count() == 1
    with pytest.raises(Unauthenticated):
        await authenticate(lost)
    assert (await authenticate(kept)).user_id == tenant.users[Role.REP]
