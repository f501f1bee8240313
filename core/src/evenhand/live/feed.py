"""The feed: one listening connection per process that hands notices to this process's subscribers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

import asyncpg
import structlog

from evenhand.db.config import DatabaseConfig
from evenhand.live.notices import CHANNEL, InvalidNotice, unpack
from evenhand.live.presence import LIFETIME, announce, newest, oldest_running
from evenhand.live.watch import MOST_PENDING, Watch
from evenhand.tenancy.models import uuid7

log = structlog.get_logger(__name__)

SIGN_EVERY = LIFETIME / 4
"""Seconds between two signs of this process."""
SURE_FOR = LIFETIME - 10
"""Seconds after a sign until which writers surely still send."""
EARLY = 2.0
"""Seconds after which subscribers start although transactions from before still run."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_POLL = 0.02
_STATEMENT_TIMEOUT = 10.0

Connect = Callable[[], Awaitable[asyncpg.Connection]]


def listening_connection(config: DatabaseConfig) -> Connect:
    """Makes the feed's own connection, under the application role."""
    settings = dict(config.credentials()["server_settings"])

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            **config.connect_arguments(),
            server_settings={**settings, "application_name": "evenhand listening"},
            timeout=_STATEMENT_TIMEOUT,
            command_timeout=_STATEMENT_TIMEOUT,
        )

    return connect


@dataclass
class _Starting:
    """Tenants that are listened for from now on, while transactions run that do not know of it."""

    tenants: frozenset[UUID]
    number: int
    since: float


class Feed:
    """Hands out watches. The connection is opened with the first watch and kept until `stop`.

    Every watch hears `resync` once it is in force: what its subscriber reads after that, and the changes it takes,
    leave nothing out. It hears it again whenever changes may have been missed.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.listener_id = uuid7()
        self._watches: dict[UUID, set[Watch]] = {}
        self._in_force: frozenset[UUID] = frozenset()
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self.reconnects = 0

    def __len__(self) -> int:
        return sum(len(watches) for watches in self._watches.values())

    @asynccontextmanager
    async def watch(
        self,
        tenant_id: UUID,
        entities: Collection[str],
        record_ids: Collection[UUID] | None = None,
        *,
        most: int = MOST_PENDING,
    ) -> AsyncIterator[Watch]:
        """Watch for the length of the block; see `Watch` for the arguments. Its first `take` says resync."""
        watch = Watch(tenant_id, entities, record_ids, most=most)
        self._watches.setdefault(tenant_id, set()).add(watch)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="evenhand feed")
        if tenant_id in self._in_force:
            watch.resync()
        else:
            self._wake.set()
        try:
            yield watch
        finally:
            watch.close()
            watches = self._watches[tenant_id]
            watches.discard(watch)
            if not watches:
                del self._watches[tenant_id]

    async def stop(self) -> None:
        """Close all watches and the connection."""
        for watches in self._watches.values():
            for watch in watches:
                watch.close()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    def _resync(self, tenants: Collection[UUID], *, only_new: bool = False) -> None:
        for tenant_id in tenants:
            for watch in self._watches.get(tenant_id, ()):
                if not (only_new and watch.started):
                    watch.resync()

    def _heard(self, connection: object, pid: int, channel: str, payload: object) -> None:
        try:
            notice = unpack(str(payload))
        except InvalidNotice as error:
            log.warning("feed.invalid_notice", error=error.message)
            return
        for watch in self._watches.get(notice.tenant_id, ()):
            watch.offer(notice)

    async def _keep(self) -> None:
        """Listen, and listen again after a pause when the connection is lost."""
        pause = _FIRST_PAUSE
        while True:
            started = monotonic()
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("feed.connection_lost", error=str(error) or type(error).__name__)
            except Exception as error:
                log.error("feed.failed", exc_info=error)
            finally:
                self._in_force = frozenset()
            self.reconnects += 1
            pause = _FIRST_PAUSE if monotonic() - started > LIFETIME else min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads processes, keeps no secret

    async def _listen(self) -> None:
        connection = await self._connect()
        try:
            connection.add_termination_listener(lambda _: self._wake.set())
            await connection.add_listener(CHANNEL, self._heard)
            await self._session(connection)
        finally:
            if not connection.is_closed():
                with suppress(Exception):
                    await announce(connection, self.listener_id, ())
            connection.terminate()

    async def _session(self, connection: asyncpg.Connection) -> None:
        """Keep saying for whom this process listens; returns when the connection is gone."""
        announced: frozenset[UUID] = frozenset()
        starting: list[_Starting] = []
        signed = -LIFETIME
        while not connection.is_closed():
            self._wake.clear()
            if announced and monotonic() - signed > SURE_FOR:
                # Nobody may have sent anything for a while: begin anew with all.
                announced = self._in_force = frozenset()
            wanted = frozenset(self._watches)
            if wanted != announced or monotonic() - signed > SIGN_EVERY:
                sign = monotonic()
                await announce(connection, self.listener_id, wanted)
                signed = sign
                self._in_force &= wanted
                if new := wanted - announced:
                    starting.append(_Starting(new, await newest(connection), monotonic()))
                announced = wanted
            if starting:
                starting = await self._started(connection, starting)
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL if starting else SIGN_EVERY / 3):
                    await self._wake.wait()

    async def _started(self, connection: asyncpg.Connection, starting: list[_Starting]) -> list[_Starting]:
        """Tell the subscribers of tenants for whom every writer sends by now. Returns: those that still wait."""
        oldest = await oldest_running(connection)
        left: list[_Starting] = []
        for one in starting:
            if oldest >= one.number:
                self._in_force |= one.tenants & frozenset(self._watches)
                self._resync(one.tenants)
                continue
            left.append(one)
            if monotonic() - one.since > EARLY:
                self._resync(one.tenants, only_new=True)
        return left
