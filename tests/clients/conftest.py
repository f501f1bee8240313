"""A tenant, its key, and `evenhand serve` as a process of its own, for clients that others wrote."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from evenhand.auth.keys import create_api_key
from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

COMMAND = [sys.executable, "-c", "from evenhand.cli.main import main; main()", "serve", "--port", "0"]


@dataclass(frozen=True)
class Served:
    """Where the API is, and a key of the tenant's manager."""

    address: str
    key: str
    tenant: SomeTenant


@pytest_asyncio.fixture(loop_scope="session")
async def served(database: DatabaseConfig, tenant: SomeTenant) -> AsyncIterator[Served]:
    """The running server."""
    with acting_as(tenant.system):
        key = await create_api_key(tenant.users[Role.MANAGER], "client")
    secret = f":{database.password}" if database.password else ""
    url = f"postgresql://{database.user}{secret}@/{database.database}?host={database.host}&port={database.port}"
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        env={**os.environ, "DATABASE_URL": url, "NO_COLOR": "1", "COLUMNS": "300"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield Served(line.split("GraphQL on http://")[1].split("/graphql")[0], key, tenant)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
