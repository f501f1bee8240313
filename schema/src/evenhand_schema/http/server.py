"""Serve the application until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from evenhand.db.config import DatabaseConfig
from evenhand.errors import EvenhandError
from evenhand.logs import configure_logging
from evenhand.worker import worker_from_environment
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import http_from_environment
from evenhand_schema.subscriptions.live import Live

UNREAD_SECONDS = 60
"""How long the kernel keeps data for a client that does not take it."""


class PortTaken(EvenhandError):
    """Another program listens there."""

    code = "PORT_TAKEN"


class CannotListen(EvenhandError):
    """The address cannot be listened at."""

    code = "CANNOT_LISTEN"


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts.

    Raises:
        PortTaken: another program has it. CannotListen: no right to it, or no such address.
    """
    listener: socket.socket | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Whoever reads nothing for so long is gone; what we wrote for them is dropped with the connection.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {port} on {host} is taken by another program.",
                hint=f"Choose another one: evenhand serve --port {port + 1}",
            ) from error
        raise CannotListen(
            f"Nobody can listen at {host}:{port}: {error.strerror or error}.",
            hint="Choose an address of this machine and a port above 1023.",
        ) from error
    return listener


Visit = Callable[[], bool]
"""Called in a thread once the server answers; False ends the serving."""


class Server(uvicorn.Server):
    """A server that ends subscriptions in order, with somebody who may look at it first."""

    def __init__(self, app: Starlette, visit: Visit | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="auto",
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=10,
                ws="websockets-sansio",
                ws_max_size=app.state.live.limits.message_bytes,
                # It takes memory for each connection, and time of everybody.
                ws_per_message_deflate=False,
            )
        )
        self._live: Live = app.state.live
        self._visit = visit
        self.failure: BaseException | None = None
        self.visited = False
        """Whether the visit came to its end."""

    async def main_loop(self) -> None:
        if self._visit is not None:
            visiting = asyncio.create_task(asyncio.to_thread(self._visit))
            visiting.add_done_callback(self._visited)
        await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End subscriptions in order before connections are closed."""
        for listening in self.servers:
            listening.close()
        await self._live.stop()
        await super().shutdown(sockets)

    def _visited(self, visiting: asyncio.Task[bool]) -> None:
        self.failure = None if visiting.cancelled() else visiting.exception()
        self.visited = not visiting.cancelled() and self.failure is None
        if self.failure is not None or visiting.cancelled() or not visiting.result():
            self.should_exit = True


def serve(
    config: DatabaseConfig,
    listener: socket.socket,
    *,
    visit: Visit | None = None,
    access_log: bool | None = None,
    worker: bool = True,
) -> None:
    """Serve on a port that was taken with `listen`, until Ctrl-C or SIGTERM; open requests are finished first.

    Args:
        visit: called once the server answers; when it returns False or raises, the serving ends, and its error is
            raised here. So is Ctrl-C before it came to its end.
        worker: also do jobs, beside the API and on connections of their own.
        access_log: a line for every request; by default what the environment says.
    """
    configure_logging()
    http = http_from_environment()
    if access_log is not None:
        http = replace(http, access_log=access_log)
    server = Server(create_app(config, http=http, worker=worker_from_environment(config) if worker else None), visit)
    # The schema and all modules live as long as the process: the collector need not walk through them again and again.
    gc.collect()
    gc.freeze()
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        # uvicorn has shut down in order and then passes Ctrl-C on.
        if visit is not None and not server.visited:
            raise
        return
    finally:
        signal.signal(signal.SIGTERM, previous)
        listener.close()
    if server.failure is not None:
        raise server.failure


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave through the interpreter's usual end, so that an embedded database is stopped with us."""
    sys.exit(0)
