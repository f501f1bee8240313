"""A subscriber's inbox: what it has not taken yet, one entry per record, and never more than its limit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from evenhand.errors import EvenhandError
from evenhand.live.notices import ChangeOperation, Notice, joined

MOST_PENDING = 10_000
"""Records with changes that a subscriber has not taken."""


class SlowConsumer(EvenhandError):
    """A subscriber that takes its changes more slowly than they come."""

    code = "SLOW_CONSUMER"


@dataclass(frozen=True)
class Change:
    """What became of one record; several changes that wait together are one."""

    entity: str
    record_id: UUID
    operation: ChangeOperation
    actor_id: UUID | None
    at: datetime


@dataclass(frozen=True)
class Changes:
    """What a subscriber takes at once.

    Attributes:
        resync: changes may have been missed; what was read before now is to be read again.
    """

    resync: bool
    changes: tuple[Change, ...]


class Watch:
    """Changes of some entities of one tenant, or of some of their records.

    Args:
        entities: their names.
        record_ids: only these; all by default.
        most: how many records may wait; one more ends it.
    """

    def __init__(
        self,
        tenant_id: UUID,
        entities: Collection[str],
        record_ids: Collection[UUID] | None = None,
        *,
        most: int = MOST_PENDING,
    ) -> None:
        self.tenant_id = tenant_id
        self._entities = frozenset(entities)
        self._only = frozenset(record_ids) if record_ids is not None else None
        self._most = most
        self._pending: dict[tuple[str, UUID], Change] = {}
        self.started = False
        """Whether it was told to read for the first time."""
        self._resync = False
        self._overflowed = False
        self._closed = False
        self._something = asyncio.Event()

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def overflowed(self) -> bool:
        """Whether more came than it could hold."""
        return self._overflowed

    def offer(self, notice: Notice) -> None:
        """Take in a notice; what does not concern the subscriber is dropped."""
        if notice.entity not in self._entities or self._overflowed or self._closed:
            return
        if notice.record_ids is None:
            self.resync()
            return
        ids = notice.record_ids if self._only is None else [one for one in notice.record_ids if one in self._only]
        for record_id in ids:
            key = (notice.entity, record_id)
            change = Change(notice.entity, record_id, notice.operation, notice.actor_id, notice.at)
            before = self._pending.get(key)
            if before is not None:
                change = replace(change, operation=joined(before.operation, change.operation))
            self._pending[key] = change
        if len(self._pending) > self._most:
            self._overflowed = True
            self._pending.clear()
        if ids:
            self._something.set()

    def resync(self) -> None:
        """Tell the subscriber that it may have missed changes."""
        self.started = True
        self._resync = True
        self._something.set()

    def close(self) -> None:
        """End it: what waits is still taken, then there is nothing more."""
        self._closed = True
        self._something.set()

    async def take(self, most: int, *, linger: float = 0.0) -> Changes | None:
        """Wait for changes and take up to `most` of them, in the order they came. None when it is closed and empty.

        Args:
            linger: seconds to wait for more once there is one, so that a burst is taken together.

        Raises:
            SlowConsumer: more came than it could hold.
        """
        while not (self._pending or self._resync or self._overflowed or self._closed):
            self._something.clear()
            await self._something.wait()
        if linger and self._pending and len(self._pending) < most and not (self._resync or self._closed):
            await asyncio.sleep(linger)
        if self._overflowed:
            raise SlowConsumer(
                f"Changes came faster than they were taken; more than {self._most} records were waiting.",
                hint="Subscribe again and read anew what you show; narrow the filter when it happens often.",
            )
        if not (self._pending or self._resync):
            return None
        keys = [key for key, _ in zip(self._pending, range(most), strict=False)]
        taken = Changes(self._resync, tuple(self._pending.pop(key) for key in keys))
        self._resync = False
        return taken
