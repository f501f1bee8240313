"""Serve the application until it is told to stop."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from types import FrameType

import uvicorn

from evenhand.db.config import DatabaseConfig
from evenhand.errors import EvenhandError
from evenhand_schema.http.app import create_app


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
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
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


def serve(config: DatabaseConfig, listener: socket.socket) -> None:
    """Serve on a port that was taken with `listen`, until Ctrl-C or SIGTERM; open requests are finished first."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            loop="auto",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        # uvicorn has shut down in order and then passes Ctrl-C on.
        return
    finally:
        signal.signal(signal.SIGTERM, previous)
        listener.close()


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave through the interpreter's usual end, so that an embedded database is stopped with us."""
    sys.exit(0)
