"""A virtual environment as a customer has it: with wheels of ours, and nothing of this source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx


def build_wheel(source: Path, into: Path) -> Path:
    """The wheel of a distribution, made anew."""
    before = set(into.glob("*.whl"))
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)], cwd=source)
    (made,) = set(into.glob("*.whl")) - before
    return made


def _run(words: list[str], code: int = 0, **options: Any) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, **options)
    output = str(done.stdout) + str(done.stderr)
    assert done.returncode == code, output[-6000:]
    return output


@dataclass
class Environment:
    """A virtual environment and the variables that its commands get."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path) -> Environment:
        """Make one. The packages of others are those of this environment, linked: they need no network."""
        venv.create(folder, with_pip=False, symlinks=True)
        made = cls(folder)
        site = Path(made.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if "evenhand" not in entry.name and entry.suffix != ".pth" and not (site / entry.name).exists():
                os.symlink(entry, site / entry.name)
        for module in ("pip", "pytest"):
            script = folder / "bin" / module
            script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m {module} "$@"\n')
            script.chmod(0o755)
        return made

    def install(self, *wheels: Path) -> None:
        """Install wheels; fails when something that they need is missing."""
        self._pip("install", "--quiet", "--no-index", "--no-deps", *(str(wheel) for wheel in wheels))
        problems = [line for line in self._pip("check", check=False).splitlines() if line.startswith("evenhand")]
        assert problems == []

    def uninstall(self, distribution: str) -> None:
        """Take a distribution out again."""
        self._pip("uninstall", "--quiet", "--yes", distribution)

    def _pip(self, *words: str, check: bool = True) -> str:
        command = [sys.executable, "-m", "pip", "--python", str(self.folder / "bin" / "python"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def run(self, command: str, *words: str, code: int = 0) -> str:
        """What a command of the environment says."""
        return _run([str(self.folder / "bin" / command), *words], code, env=self._variables(), cwd=self.folder)

    def shell(self, script: str, folder: Path) -> str:
        """What lines of a shell say, in a folder, with the environment's commands first."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return _run(["bash", "-euo", "pipefail", "-c", script], env={**self._variables(), "PATH": path}, cwd=folder)

    def _variables(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EVENHAND"))}
        return {**outside, "NO_COLOR": "1", "COLUMNS": "300", **self.variables}

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The server and a worker run inside the block. Yields: the server's address."""
        evenhand = str(self.folder / "bin" / "evenhand")
        log = (self.folder / "server.log").open("ab")
        options: dict[str, Any] = {"env": self._variables(), "cwd": self.folder, "stderr": log}
        server = subprocess.Popen([evenhand, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, **options)
        worker = subprocess.Popen([evenhand, "worker"], stdout=log, **options)
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert "GraphQL on " in line, (self.folder / "server.log").read_text()[-3000:]
            yield line.split("GraphQL on ")[1].split("/graphql")[0]
        finally:
            for process in (server, worker):
                process.terminate()
            for process in (server, worker):
                try:
                    process.communicate(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
            log.close()


@dataclass(frozen=True)
class Client:
    """Asks a running server with one API key."""

    address: str
    key: str

    def body(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        answer = httpx.post(
            f"{self.address}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
        )
        found: dict[str, Any] = answer.json()
        return found

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        found = self.body(query, **variables)
        assert "errors" not in found, found["errors"]
        data: dict[str, Any] = found["data"]
        return data

    def code(self, query: str, **variables: Any) -> str:
        """The code of the first error."""
        found: str = self.body(query, **variables)["errors"][0]["extensions"]["code"]
        return found
