"""A cluster whose making was cut off is made anew; several first starts at a time make one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

START = """
import asyncio, sys
from pathlib import Path
from evenhand.db.embedded import start_embedded
from evenhand.db.migrate import connect
_, config = start_embedded(Path(sys.argv[1]))
async def ask():
    connection = await connect(config.named("postgres"))
    print(await connection.fetchval("SELECT system_identifier FROM pg_control_system()"), flush=True)
    await connection.close()
asyncio.run(ask())
sys.stdin.readline()
"""


def start(folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", START, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )


def identifier(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def leave(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.communicate("\n", timeout=60)


@pytest.mark.timeout(120)
def test_a_start_that_was_killed_while_the_cluster_was_made(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    process = start(folder)
    deadline = time.monotonic() + 60
    while not (folder / "PG_VERSION").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "postgres.unfinished").exists()
    again = start(folder)
    assert identifier(again)
    leave(again)
    assert not (tmp_path / "postgres.unfinished").exists()


@pytest.mark.timeout(120)
def test_parallel_first_starts_make_one_cluster(tmp_path: Path) -> None:
    processes = [start(tmp_path / "postgres") for _ in range(3)]
    found = {identifier(process) for process in processes}
    leave(*processes)
    assert len(found) == 1
    assert "" not in found


@pytest.mark.timeout(120)
def test_a_finished_cluster_is_kept(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        process = start(tmp_path / "postgres")
        found.append(identifier(process))
        leave(process)
    assert found[0] == found[1] != ""


@pytest.mark.timeout(120)
def test_another_users_lock_file_is_no_obstacle(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    (shared / ".lockfile").mkdir(parents=True)  # cannot be opened, like another user's
    process = start(tmp_path / "postgres", TMPDIR=str(shared), XDG_RUNTIME_DIR="")
    assert identifier(process)
    leave(process)
