"""The embedded server: joined by a second process, and not stopped by what `kill -9` leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evenhand.db.embedded import remove_stale_lock

START = """
import asyncio, sys, time
from pathlib import Path
from evenhand.db.embedded import start_embedded
from evenhand.db.migrate import connect
server, config = start_embedded(Path(sys.argv[1]))
async def ask():
    connection = await connect(config.named("postgres"))
    pid = await connection.fetchval("SELECT pg_postmaster_start_time()")
    await connection.close()
    return pid
print(server.get_pid(), asyncio.run(ask()), flush=True)
time.sleep(float(sys.argv[2]))
"""


def start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", START, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.timeout(120)
def test_processes_share_one_server_and_survive_kill_9(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    first = start(folder, 600)
    running = answer(first)
    assert running
    try:
        with start(folder, 0) as second:
            assert answer(second) == running
        assert first.poll() is None, "the second process must not stop the server under the first"
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert first.stdout is not None
        first.stdout.close()
    with start(folder, 0) as third:
        assert answer(third) == running
    postmaster = int(running.split()[0])
    deadline = time.monotonic() + 30
    while (folder / "postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not (folder / "postmaster.pid").exists(), "the last process stops the server"

    # A server killed outright leaves its lock, whose number now belongs to this very process.
    with start(folder, 0) as fourth:
        assert answer(fourth).split()[0] != str(postmaster)
    lock = folder / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{folder}\n1\n5432\n{folder}\n\n1 1\nready   \n")
    with start(folder, 0) as fifth:
        assert answer(fifth)


@pytest.mark.parametrize(
    "content", ["", "abc", "999999999\n", f"{os.getpid()}\n/somewhere\n"], ids=["empty", "text", "gone", "another"]
)
def test_a_lock_of_nobody_is_removed(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content)
    assert remove_stale_lock(tmp_path) is True
    assert remove_stale_lock(tmp_path) is False
