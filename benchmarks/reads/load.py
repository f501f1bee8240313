"""A lean load generator: a few connections in a process of its own, each sending the next request on every answer."""

from __future__ import annotations

import asyncio
import itertools
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

PATIENCE = 30.0
"""Seconds that the last answers may take."""


@dataclass(frozen=True)
class Job:
    """What to send.

    Attributes:
        requests: whole HTTP requests, sent in turn.
        seconds: how long; requests on their way are waited for.
        limit: how many at most; 0 for any number.
    """

    port: int
    requests: Sequence[bytes]
    concurrency: int
    seconds: float
    limit: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came back.

    Attributes:
        latencies: seconds from the first byte sent to the last received, per request.
        seconds: from the first request to the last answer.
        cpu_seconds: what the generator itself used.
        failures: answers that were no success; `failure` is the start of the first.
    """

    latencies: array[float]
    seconds: float
    cpu_seconds: float
    bytes_received: int
    failures: int = 0
    failure: str = ""


class Failed(Exception):
    """The connection was lost or the answer cannot be read."""


class Connection(asyncio.Protocol):
    """One keep-alive connection; understands answers with Content-Length and chunked ones."""

    def __init__(self, feed: Iterator[bytes], until: float, limit: int, latencies: array[float]) -> None:
        self._feed = feed
        self._until = until
        self._limit = limit
        self._latencies = latencies
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""
        self._needed = 0
        self._started = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received = 0
        self.failures = 0
        self.failure = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(Failed(f"the server closed the connection: {exc or 'no reason given'}"))

    def _next(self) -> None:
        assert self._transport is not None
        self._buffer, self._needed = b"", 0
        self._started = time.perf_counter()
        enough = self._limit and len(self._latencies) >= self._limit
        if enough or self._started >= self._until:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._transport.write(next(self._feed))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if not self._needed:
            self._needed = _length(buffer)
        complete = len(buffer) >= self._needed if self._needed > 0 else buffer.endswith(b"0\r\n\r\n")
        if not self._needed or not complete:
            return
        self._latencies.append(time.perf_counter() - self._started)
        self.received += len(buffer)
        if not buffer.startswith(b"HTTP/1.1 200") or b'"errors"' in buffer:
            self.failures += 1
            self.failure = self.failure or buffer[-600:].decode(errors="replace")
        self._next()


def _length(buffer: bytes) -> int:
    """Bytes of the whole answer; 0 while its head is not complete, -1 when it comes in chunks."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = buffer[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        if b"transfer-encoding: chunked" in head:
            return -1
        raise Failed(f"an answer without a length: {head[:200]!r}")
    return end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])


async def _run(job: Job) -> Outcome:
    latencies: array[float] = array("d")
    feed = itertools.cycle(job.requests)
    loop = asyncio.get_running_loop()
    cpu, started = time.process_time(), time.perf_counter()
    until = started + job.seconds
    connections = []
    for _ in range(job.concurrency):
        _, connection = await loop.create_connection(
            lambda: Connection(feed, until, job.limit, latencies), "127.0.0.1", job.port
        )
        connections.append(connection)
    async with asyncio.timeout(job.seconds + PATIENCE):
        await asyncio.gather(*(connection.done for connection in connections))
    failure = next((connection.failure for connection in connections if connection.failure), "")
    return Outcome(
        latencies,
        time.perf_counter() - started,
        time.process_time() - cpu,
        sum(connection.received for connection in connections),
        sum(connection.failures for connection in connections),
        failure,
    )


def send(job: Job) -> Outcome:
    """Do a job; called in a process of its own.

    Raises:
        Failed: the server closed a connection.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(job))


def ready(port: int) -> bool:
    """Called once, so that the first job need not wait for the process to start."""
    return port >= 0
