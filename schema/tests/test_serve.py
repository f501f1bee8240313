"""`evenhand serve` as a process: it starts, answers, refuses in words, and stops cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.http.server import CannotListen, PortTaken, listen
from evenhand_schema.testing import Api

COMMAND = [sys.executable, "-c", "from evenhand.cli.main import main; main()", "serve"]


def _url(database: DatabaseConfig, name: str | None = None) -> str:
    secret = f":{database.password}" if database.password else ""
    return (
        f"postgresql://{database.user}{secret}@/{name or database.database}?host={database.host}&port={database.port}"
    )


def _environment(database: DatabaseConfig, name: str | None = None) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": _url(database, name), "NO_COLOR": "1", "COLUMNS": "300"}


@asynccontextmanager
async def _serving(database: DatabaseConfig, key: str) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    """The server on a free port, and a client of it."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--port", "0", env=_environment(database), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert "http://127.0.0.1:" in line
        address = line.split("GraphQL on ")[1].split("/graphql")[0]
        headers = {"Authorization": f"Bearer {key}"}
        # The port is open from the start; the first request waits until the server is up.
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as http:
            yield process, http
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_and_stops_cleanly(
    api: Api, tenant: SomeTenant, database: DatabaseConfig, stop: signal.Signals
) -> None:
    key = await api.key(tenant, Role.REP)
    async with _serving(database, key) as (process, http):
        for _ in range(3):
            response = await http.post("/graphql", json={"query": "{ me { role } }"})
            assert response.json() == {"data": {"me": {"role": "REP"}}}
            assert "server" not in response.headers
        assert (await http.get("/readyz")).json() == {"status": "ready"}
        process.send_signal(stop)
        output, errors = await asyncio.wait_for(process.communicate(), timeout=30)
    assert process.returncode == 0, errors
    assert b"Traceback" not in errors
    assert key.encode() not in output + errors


async def _backends(connection: asyncpg.Connection) -> set[int]:
    rows = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    return {row["pid"] for row in rows}


async def test_it_comes_back_when_the_database_does(api: Api, tenant: SomeTenant, database: DatabaseConfig) -> None:
    key = await api.key(tenant)
    connection = await asyncpg.connect(**database.connect_arguments())
    try:
        others = await _backends(connection)
        async with _serving(database, key) as (_, http):
            asked = {"query": "{ me { role } accounts { nodes { id } } }"}
            assert (await http.post("/graphql", json=asked)).status_code == 200
            lost = await _backends(connection) - others
            assert lost
            for pid in lost:
                await connection.execute("SELECT pg_terminate_backend($1)", pid)
            answers = [await http.post("/graphql", json=asked) for _ in range(len(lost) + 2)]
    finally:
        await connection.close()
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert "INTERNAL_ERROR" not in "".join(answer.text for answer in answers)
    assert answers[-1].json()["data"]["me"] == {"role": "ADMIN"}


def _refused(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_taken_port_is_named(database: DatabaseConfig) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = _refused(_environment(database), "--port", str(port))
    assert f"Port {port} on 127.0.0.1 is taken" in said
    assert f"evenhand serve --port {port + 1}" in said


async def test_an_outdated_database_is_refused(database: DatabaseConfig) -> None:
    name = f"evenhand_empty_{os.getpid()}"
    connection = await asyncpg.connect(**database.named("postgres").connect_arguments())
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        assert "Run: evenhand migrate" in _refused(_environment(database.named(name)), "--port", "0")
    finally:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.close()


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": f"postgresql://nobody@/evenhand?host={tmp_path}", "COLUMNS": "300"}
    said = _refused(environment, "--port", "0")
    assert str(tmp_path) in said
    assert "DATABASE_URL" in said


def test_the_port_is_taken_before_anything_starts() -> None:
    first = listen("127.0.0.1", 0)
    try:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            listen("127.0.0.1", port)
    finally:
        first.close()
    listen("127.0.0.1", port).close()


def test_an_address_of_another_machine_cannot_be_listened_at() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)
