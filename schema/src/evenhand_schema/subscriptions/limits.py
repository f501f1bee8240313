"""How much one client may keep open, and how long the server waits for it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from evenhand.environment import count, seconds, setting


@dataclass(frozen=True)
class LiveLimits:
    """Limits of WebSocket and event-stream connections; times in seconds. Each is set by `EVENHAND_LIVE_…`.

    Attributes:
        init_seconds: until a WebSocket must have said who it is.
        send_seconds: how long one message may wait for a client that does not read.
        heartbeat_seconds: between signs of life on a silent event stream.
        recheck_seconds: between checks that a key is still good, besides those when a key or user changed.
        stop_seconds: how long open subscriptions have to end when the server stops.
        operations: open at once on one WebSocket.
        connections: open at once with one key.
        all_connections: open at once in one process.
        message_bytes: of one WebSocket message from the client.
        pending: records with changes that wait for one subscription.
        batch: changes in one message.
        linger_seconds: how long the first change of a burst waits for others.
        reads: how many batches read at once in one process; the rest of the pool is for requests.
    """

    init_seconds: float = 10.0
    send_seconds: float = 30.0
    heartbeat_seconds: float = 12.0
    recheck_seconds: float = 30.0
    stop_seconds: float = 5.0
    operations: int = 100
    connections: int = 100
    all_connections: int = 10_000
    message_bytes: int = 1024 * 1024
    pending: int = 10_000
    batch: int = 200
    linger_seconds: float = 0.02
    reads: int = 4


def live_limits_from_environment() -> LiveLimits:
    """The limits with what the environment says, e.g. `EVENHAND_LIVE_CONNECTIONS`.

    Raises:
        InvalidSetting: a variable cannot be understood.
    """
    known = LiveLimits()
    values: dict[str, Any] = {}
    for field in fields(known):
        default = getattr(known, field.name)
        name = f"EVENHAND_LIVE_{field.name.upper()}"
        values[field.name] = setting(name, default, seconds if field.name.endswith("_seconds") else count)
    return LiveLimits(**values)
