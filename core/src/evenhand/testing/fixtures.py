"""The pytest plugin: `database`, `tenant`, `other_tenant`, `actor`, `host` and `clock`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from evenhand.clock import system_clock, use_clock
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import open_database
from evenhand.events.outbox import check_payloads
from evenhand.plugins.host import PluginHost, use_host
from evenhand.tenancy.context import Actor, Role
from evenhand.testing.clock import Clock
from evenhand.testing.server import temporary_database
from evenhand.testing.tenants import SomeTenant, make_tenant


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database() -> AsyncIterator[DatabaseConfig]:
    """A migrated database of this worker's own, open under the application role. Yields: where it is."""
    if os.environ.get("DATABASE_URL"):
        os.environ.setdefault("EVENHAND_SECRET_KEY", Fernet.generate_key().decode())
    check_payloads(True)
    async with temporary_database("test") as config, open_database(config, everywhere=True):
        yield config


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(database: DatabaseConfig) -> SomeTenant:
    """A fresh tenant with one user of each role."""
    return await make_tenant()


@pytest_asyncio.fixture(loop_scope="session")
async def other_tenant(database: DatabaseConfig) -> SomeTenant:
    """Another fresh tenant, which must never see or change the first one's rows."""
    return await make_tenant(name="Other tenant")


@pytest.fixture
def actor(tenant: SomeTenant) -> Callable[[Role], Actor]:
    """Gives the tenant's user of a role: `with acting_as(actor(Role.REP)): …`."""
    return tenant.actor


@pytest.fixture
def host() -> Iterator[PluginHost]:
    """A host without any plugin, whatever is installed; give it those under test: `host.load(manifest, hooks)`."""
    with use_host(PluginHost([])) as empty:
        yield empty


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock that stands still at the present until the test moves it; the whole process goes by it."""
    moved = Clock(system_clock())
    with use_clock(moved.now):
        yield moved
