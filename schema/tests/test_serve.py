"""`evenhand serve` as a process: it starts, answers, refuses in words, and stops cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def _serving(database: DatabaseConfig) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server on a free port, and its address."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0"],
        env=_environment(database),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.communicate()[1]
        address = line.split("GraphQL on ")[1].split("/graphql")[0]
        for _ in range(300):
            try:
                httpx.get(f"{address}/healthz", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process, address
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_and_stops_cleanly(
    api: Api, tenant: SomeTenant, database: DatabaseConfig, stop: signal.Signals
) -> None:
    key = await api.key(tenant, Role.REP)
    with _serving(database) as (process, address):
        headers = {"Authorization": f"Bearer {key}"}
        asked = {"query": "{ me { role } }"}
        for _ in range(3):
            response = httpx.post(f"{address}/graphql", json=asked, headers=headers, timeout=30)
            assert response.json() == {"data": {"me": {"role": "REP"}}}
        assert httpx.get(f"{address}/readyz", timeout=30).json() == {"status": "ready"}
        assert "server" not in response.headers
        process.send_signal(stop)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert key not in output + errors


async def test_it_comes_back_when_the_database_does(api: Api, tenant: SomeTenant, database: DatabaseConfig) -> None:
    key = await api.key(tenant)
    with _serving(database) as (_, address):
        ask = {"query": "{ me { role } }"}
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.post(f"{address}/graphql", json=ask, headers=headers, timeout=30).status_code == 200
        connection = await asyncpg.connect(**database.connect_arguments())
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() "
                "AND application_name = 'evenhand' AND backend_start > now() - interval '1 minute' "
                "AND state = 'idle'",
                database.database,
            )
        finally:
            await connection.close()
        codes = [httpx.post(f"{address}/graphql", json=ask, headers=headers, timeout=30).status_code for _ in range(12)]
    assert set(codes) <= {200, 503}
    assert codes[-1] == 200


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
