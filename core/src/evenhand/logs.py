"""Logs: a line of JSON for each event on standard error, written by a thread of its own.

A reader of standard error that is slow or gone must not hold up requests: when too many lines wait, new ones are
counted and left out, and the count is logged.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson
import structlog

MOST_WAITING = 10_000
PAUSE = 0.05
"""Seconds; a thread that is woken for each line takes more time from requests than the line does."""


class LineWriter:
    """Writes lines to a stream in a thread of its own, all that came within `PAUSE` at once."""

    def __init__(self, stream: BinaryIO, most: int = MOST_WAITING) -> None:
        self._stream = stream
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._left_out = 0
        self._come = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evenhand-log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Hand over a line without its end."""
        if len(self._waiting) >= self._most:
            self._left_out += 1
            return
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._waiting.append(orjson.dumps({"event": "log.lines_left_out", "level": "warning", "count": left_out}))
        self._waiting.append(line)
        if not self._come.is_set():
            self._come.set()

    def close(self, timeout: float = 1.0) -> None:
        """Write what waits, for at most `timeout` seconds."""
        self._closed.set()
        self._come.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._come.wait()
            self._closed.wait(PAUSE)
            self._come.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not lines:
            return
        try:
            self._stream.write(b"\n".join(lines) + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads the log any more; serving goes on.
            return


class _Logger:
    """What structlog hands finished lines to."""

    def __init__(self, writer: LineWriter) -> None:
        self._write = writer.write

    def msg(self, line: bytes) -> None:
        self._write(line)

    debug = info = warning = error = critical = exception = msg


class _Bridge(logging.Handler):
    """Passes on what a library logs in Python's own way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write it as one of our lines."""
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


LIBRARIES = ("pgqueuer",)
"""Whose warnings and errors belong into our log."""


def _line(event: Any, **options: Any) -> bytes:
    return orjson.dumps(event, default=str)


_writer: LineWriter | None = None


def write_event(event: str, **values: Any) -> bool:
    """Write a line at level "info" as structlog would, without the walk through its processors.

    For what is logged with each request. Returns: False when no writer is configured; structlog has to do it then.
    """
    if _writer is None:
        return False
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    _writer.write(orjson.dumps({**values, "event": event, "level": "info", "timestamp": now}, default=str))
    return True


def configure_logging() -> None:
    """Lines of JSON on standard error; tracebacks without local variables, which may hold keys and customers."""
    global _writer
    writer = _writer = LineWriter(sys.stderr.buffer)
    atexit.register(writer.close)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *names: _Logger(writer),
        cache_logger_on_first_use=True,
    )
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = [_Bridge(logging.WARNING)]
        library.propagate = False
