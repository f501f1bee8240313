"""Evenhand as a customer installs it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from evenhand.testing.server import server_config

from .environment import Environment, build_wheel

ROOT = Path(__file__).parents[2]


@dataclass
class Installation:
    """An environment with a database of its own."""

    environment: Environment
    url: str

    def sql(self, statement: str) -> Any:
        """One value from the database, as its owner."""

        async def fetch() -> Any:
            connection = await asyncpg.connect(self.url)
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()

        return asyncio.run(fetch())


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Wheels of the core and the schema in a clean environment, and a database that does not exist yet."""
    server = asyncio.run(server_config())
    name = f"evenhand_installed_{os.getpid()}"
    secret = f":{server.password}" if server.password else ""
    url = f"postgresql://{server.user}{secret}@/{{}}?host={server.host}&port={server.port}"
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    made = Environment.create(tmp_path / "environment")
    made.install(build_wheel(ROOT / "core", wheels), build_wheel(ROOT / "schema", wheels))
    made.variables = {"DATABASE_URL": url.format(name), "EVENHAND_DATA": str(tmp_path / "data")}
    try:
        yield Installation(made, url.format(name))
    finally:
        Installation(made, url.format("postgres")).sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
