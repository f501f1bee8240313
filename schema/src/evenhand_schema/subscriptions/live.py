"""What all open connections of one process share: the feed, their number, and how they end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from evenhand.auth.keys import Unauthenticated, authenticate, hash_key
from evenhand.db.errors import database_is_gone
from evenhand.errors import EvenhandError
from evenhand.live.feed import Connect, Feed
from evenhand.live.watch import SlowConsumer
from evenhand_schema.subscriptions.limits import LiveLimits

if TYPE_CHECKING:
    from evenhand_schema.execution import Caller

log = structlog.get_logger(__name__)


class TooManyConnections(EvenhandError):
    """More connections than one key or one process may keep open."""

    code = "TOO_MANY_CONNECTIONS"


class LiveUnavailable(EvenhandError):
    """This server does not listen for changes."""

    code = "LIVE_UNAVAILABLE"


class ServerStopping(EvenhandError):
    """The server stops, and all that is open with it."""

    code = "SERVER_STOPPING"


class ClientGone(EvenhandError):
    """The client left, or does not read what it is sent."""

    code = "CLIENT_GONE"


@dataclass
class Figures:
    """Counted since the process started, for metrics."""

    dropped: int = 0
    """Subscriptions that ended because their client was too slow."""
    delivered: int = 0
    """Messages with changes."""


class Session:
    """One open connection: for whom it acts now, and why it must end.

    Attributes:
        caller: renewed whenever the key or its user changed.
        ending: set once it must end; `reason` says why.
    """

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.ending = asyncio.Event()
        self.reason: EvenhandError | None = None

    def end(self, reason: EvenhandError) -> None:
        """Ask it to end; the first reason stays."""
        if self.reason is None:
            self.reason = reason
        self.ending.set()


class Live:
    """The open connections of one server process.

    Args:
        connect: makes the feed's connection; None for a server that does not listen.
    """

    def __init__(self, connect: Connect | None, limits: LiveLimits | None = None) -> None:
        self.limits = limits or LiveLimits()
        self.figures = Figures()
        self.reads = asyncio.Semaphore(self.limits.reads)
        self.subscriptions = 0
        """Open now."""
        self.waiting = 0
        """Connections that did not say yet who they are."""
        self._feed = Feed(connect) if connect is not None else None
        self._sessions: set[Session] = set()
        self._per_key: Counter[str] = Counter()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def feed(self) -> Feed:
        """The changes.

        Raises:
            LiveUnavailable: this server does not listen for them.
        """
        if self._feed is None:
            raise LiveUnavailable("This server does not offer subscriptions.", hint="Ask its operator.")
        return self._feed

    def has_room(self) -> bool:
        """Whether one more connection may be opened at all."""
        return not self._stopping and len(self._sessions) + self.waiting < self.limits.all_connections

    @asynccontextmanager
    async def session(self, caller: Caller) -> AsyncIterator[Session]:
        """Keep a connection open for the length of the block, and its rights up to date.

        Raises:
            TooManyConnections, ServerStopping.
        """
        # The counter must not hold the keys themselves.
        name = hash_key(caller.key)
        if self._stopping:
            raise _stopping()
        if self._per_key[name] >= self.limits.connections or not self.has_room():
            raise TooManyConnections(
                f"{self._per_key[name]} connections with this key are open.",
                hint="Close one, or send several subscriptions over one WebSocket.",
            )
        session = Session(caller)
        self._per_key[name] += 1
        self._sessions.add(session)
        self._idle.clear()
        guard = asyncio.create_task(self._guard(session))
        try:
            yield session
        finally:
            guard.cancel()
            with suppress(asyncio.CancelledError):
                await guard
            self._sessions.discard(session)
            self._per_key[name] -= 1
            if not self._per_key[name]:
                del self._per_key[name]
            if not self._sessions:
                self._idle.set()

    async def _guard(self, session: Session) -> None:
        """End the session when its key opens nothing any more: checks when keys or users changed, and now and then."""
        actor = session.caller.actor
        while self._feed is not None:
            with suppress(SlowConsumer):
                async with self._feed.watch(actor.tenant_id, ("ApiKey", "User")) as changes:
                    while True:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(self.limits.recheck_seconds):
                                if await changes.take(self.limits.pending) is None:
                                    return
                        await self._recheck(session)
        while True:
            await asyncio.sleep(self.limits.recheck_seconds)
            await self._recheck(session)

    async def _recheck(self, session: Session) -> None:
        try:
            async with self.reads:
                actor = await authenticate(session.caller.key)
        except Unauthenticated as refused:
            session.end(refused)
        except Exception as error:
            # Without a database there is nothing to be read with the key either.
            if not database_is_gone(error):
                log.error("live.recheck_failed", exc_info=error)
        else:
            session.caller = replace(session.caller, actor=actor)

    async def stop(self) -> None:
        """Ask all connections to end, wait for them a little, and close the feed."""
        self._stopping = True
        for session in self._sessions:
            session.end(_stopping())
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.stop_seconds):
                await self._idle.wait()
        if self._feed is not None:
            await self._feed.stop()


def _stopping() -> ServerStopping:
    return ServerStopping("The server stops.", hint="Connect again in a moment, and read anew what you show.")
