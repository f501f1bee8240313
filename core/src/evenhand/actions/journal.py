"""The unit of work: what one use case writes besides the records, flushed set-based before the commit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.models import Model

from evenhand import clock
from evenhand.actions.custom_index import CustomTouched, write_custom_index
from evenhand.actions.duplicates.keys import KeysTouched, write_keys
from evenhand.actions.journal_rows import Changes, write_rows
from evenhand.actions.record_clocks import ClockTouched, write_clocks
from evenhand.actions.search import Touched, write_entries
from evenhand.db.bulk import FEW, update_rows
from evenhand.db.session import transaction
from evenhand.entities.enums import ConflictKind, OwnershipReason
from evenhand.errors import EvenhandError
from evenhand.events.catalogue import check_event
from evenhand.events.cause import handled_event
from evenhand.live.notices import ChangeOperation, notices_of
from evenhand.plugins.contract import TenantContext
from evenhand.tenancy.context import Actor, current_actor
from evenhand.tenancy.models import uuid7


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Column values as JSON can hold them."""
    return {
        name: value.value if isinstance(value, Enum) else value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


class MomentRefused(EvenhandError):
    """A write was to be dated back by somebody who may not, or to a time that cannot be."""

    code = "MOMENT_REFUSED"


@dataclass(frozen=True)
class Why:
    """Why a record changes hands."""

    reason: OwnershipReason
    note: str | None = None
    policy: str | None = None
    decision_id: UUID | None = None


@dataclass
class Journal:
    """Collects the audit entries, ledger lines and events of one use case.

    Everything happens at `now`, unless a write names an earlier moment `at` which it happened: history that is
    brought in from elsewhere keeps its own times in ledger, audit, events and stage history. Only the system may.
    """

    action: str
    actor: Actor
    client: TransactionWrapper
    now: datetime
    hook_context: TenantContext | None = None
    """What plugins are asked with, once the first of them is asked."""
    _audit: list[dict[str, Any]] = field(default_factory=list)
    _events: list[dict[str, Any]] = field(default_factory=list)
    _told: list[dict[str, Any]] = field(default_factory=list)
    _ledger: list[dict[str, Any]] = field(default_factory=list)
    _changes: Changes | None = None
    memory: dict[Any, Any] = field(default_factory=dict)
    """What was read once and holds for the whole use case, such as rules."""
    locked_owners: set[UUID] = field(default_factory=set)
    """Whose records and claims nobody else counts until this transaction ends."""
    _touched: Touched = field(default_factory=Touched)
    _custom: CustomTouched = field(default_factory=CustomTouched)
    _clocks: ClockTouched = field(default_factory=ClockTouched)
    _keys: KeysTouched = field(default_factory=KeysTouched)
    duplicates: dict[tuple[str, UUID], list[EvenhandError]] = field(default_factory=dict)
    """Who else may be the same customer as records that were written all the same, by entity and id."""
    suspicions: dict[tuple[str, UUID], dict[ConflictKind, set[UUID]]] = field(default_factory=dict)
    """Records of the same entity that others may hold although it is one customer, by entity and id, and why."""
    _at_end: dict[Callable[[Journal], Awaitable[None]], None] = field(default_factory=dict)

    def moment(self, at: datetime | None) -> datetime:
        """When a write happened: `at`, or now.

        Raises:
            MomentRefused: `at` is given by a user, has no time zone, or lies in the future.
        """
        if at is None or at == self.now:
            return self.now
        if self.actor.user_id is not None:
            raise MomentRefused("Only the system may date back what it writes.", hint="Leave the moment out.")
        if at.tzinfo is None or at > self.now:
            raise MomentRefused(
                f"{at} {'has no time zone' if at.tzinfo is None else 'lies in the future'}.",
                hint="Give a past moment with its time zone.",
            )
        return at

    def _common(self, entity: str, record_id: UUID) -> dict[str, Any]:
        return {
            "id": uuid7(),
            "tenant_id": self.actor.tenant_id,
            "entity": entity,
            "record_id": record_id,
            "via": self.actor.via,
        }

    def record(
        self,
        entity: str,
        record_id: UUID,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        at: datetime | None = None,
    ) -> None:
        """Note what changed in one record: old and new values of the changed columns.

        By what the record is found and what its clocks count from follow from here too, so that no writer can
        forget it.
        """
        self._touched.note(entity, record_id, before, after)
        self._custom.note(entity, record_id, before, after)
        self._clocks.note(entity, record_id, before, after, self.moment(at))
        self._keys.note(entity, record_id, before, after)
        self._audit.append(
            {
                **self._common(entity, record_id),
                "action": self.action,
                "before": plain(before) if before is not None else None,
                "after": plain(after) if after is not None else None,
                "user_id": self.actor.user_id,
                "occurred_at": self.moment(at),
            }
        )

    def emit(
        self, event: str, entity: str, record_id: UUID, payload: Mapping[str, Any], *, at: datetime | None = None
    ) -> None:
        """Put an event (past tense) into the outbox.

        Args:
            payload: the fields of the event's class.

        Raises:
            UnknownEvent: there is no such type, or it has other fields.
        """
        check_event(event, payload)
        cause = handled_event()
        self._events.append(
            {
                **self._common(entity, record_id),
                "type": event,
                "payload": payload,
                "user_id": self.actor.user_id,
                "occurred_at": self.moment(at),
                "cause": cause.id if cause is not None else None,
                "depth": cause.depth + 1 if cause is not None else 0,
            }
        )

    async def change(self, model: type[Model], rows: Sequence[Mapping[str, Any]], *, late: bool) -> None:
        """Update rows by `id`, all with the same columns.

        Args:
            late: nobody reads them again in this use case: few are then written together with the rest.
        """
        if late and self._changes is None and len(rows) <= FEW:
            self._changes = (model, rows)
        else:
            await update_rows(self.client, model, rows)

    async def settle_changes(self) -> None:
        """Write the late changes now, before something counts the rows all the same."""
        if self._changes is not None:
            model, rows = self._changes
            self._changes = None
            await update_rows(self.client, model, rows)

    def note_duplicate(self, entity: str, record_id: UUID, found: EvenhandError) -> None:
        """Note that a record that is written all the same may be a duplicate; an event tells it at the end.

        Args:
            found: with the details `entity`, `record` and `key` of the other record.
        """
        self.duplicates.setdefault((entity, record_id), []).append(found)

    def at_end(self, step: Callable[[Journal], Awaitable[None]]) -> None:
        """Do something when all that was collected is written, before the commit; what it notes is written, too.

        The same step named twice is done once.
        """
        self._at_end[step] = None

    def tell(self, entity: str, record_id: UUID, operation: ChangeOperation) -> None:
        """Let subscribers know of a change that is neither audited nor an event."""
        before: dict[str, Any] | None = None if operation is ChangeOperation.CREATED else {}
        self._told.append({"entity": entity, "record_id": record_id, "before": before})

    def hold(
        self,
        entity: str,
        record_id: UUID,
        *,
        owner_id: UUID | None,
        pool_id: UUID | None,
        why: Why,
        at: datetime | None = None,
        after: datetime | None = None,
        override: str | None = None,
    ) -> datetime:
        """Add a line to the ledger: from now on this is the record's holder.

        Args:
            after: the start of the record's line before; the new one starts later, also when this transaction
                began earlier and waited for the record, or another machine's clock runs ahead.
            override: why a limit was set aside for it.

        Returns: when the line starts.
        """
        started_at = self.moment(at)
        if after is not None:
            started_at = max(started_at, after + timedelta(microseconds=1))
        self._ledger.append(
            {
                **self._common(entity, record_id),
                "owner_id": owner_id,
                "pool_id": pool_id,
                "started_at": started_at,
                "reason": why.reason,
                "note": why.note,
                "policy": why.policy,
                "decision_id": why.decision_id,
                "actor_id": self.actor.user_id,
                "override": override,
            }
        )
        return started_at

    def new_lines(self, entity: str) -> list[Mapping[str, Any]]:
        """The ledger lines about records of an entity that this use case has added and not written yet, in order."""
        return [line for line in self._ledger if line["entity"] == entity]

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Try something: what it wrote and noted is undone when the block raises, and what was before stays."""
        collected = (self._ledger, self._audit, self._events, self._told)
        lengths = [len(rows) for rows in collected]
        touched, custom, clocks = deepcopy(self._touched), deepcopy(self._custom), deepcopy(self._clocks)
        keys = deepcopy(self._keys)
        duplicates = {record: list(found) for record, found in self.duplicates.items()}
        suspicions = deepcopy(self.suspicions)
        changes, locked = self._changes, set(self.locked_owners)
        try:
            async with transaction():
                yield
        except BaseException:
            for rows, length in zip(collected, lengths, strict=True):
                del rows[length:]
            self._touched, self._custom, self._clocks = touched, custom, clocks
            self._keys, self.duplicates, self.suspicions = keys, duplicates, suspicions
            self._changes, self.locked_owners = changes, locked
            raise

    def _tell_duplicates(self) -> None:
        for (entity, record_id), found in self.duplicates.items():
            keys: dict[tuple[str, str], list[str]] = {}
            for one in found:
                keys.setdefault((one.details["entity"], one.details["record"]), []).append(one.details["key"])
            for (other, other_id), names in keys.items():
                payload = {"of_entity": other, "of_id": other_id, "keys": sorted(set(names))}
                self.emit("DuplicateFound", entity, record_id, payload)

    async def flush(self) -> None:
        """Write all that was collected, then do the steps for the end and write what came of them."""
        self._tell_duplicates()
        await self._write()
        if self._at_end:
            for step in list(self._at_end):
                await step(self)
            self._at_end.clear()
            await self._write()

    async def _write(self) -> None:
        """What records are found by, then all the rest in one statement."""
        actor = self.actor
        notices = notices_of(actor.tenant_id, actor.user_id, self.now, self._events, [*self._audit, *self._told])
        self._told.clear()
        await write_entries(self.client, actor.tenant_id, self._touched)
        await write_custom_index(self.client, actor.tenant_id, self._custom)
        await write_clocks(self.client, actor.tenant_id, self.now, self._clocks)
        await write_keys(self.client, actor.tenant_id, self._keys)
        # Last, so that this transaction has its number when it looks who listens.
        await write_rows(
            self.client,
            actor.tenant_id,
            changes=self._changes,
            ledger=self._ledger,
            audit=self._audit,
            events=self._events,
            notices=notices,
        )
        self._changes = None
        for rows in (self._ledger, self._audit, self._events):
            rows.clear()


@asynccontextmanager
async def writing(action: str, *, few: bool = False) -> AsyncIterator[Journal]:
    """The one transaction of a use case; what the journal collected is written at its end.

    Args:
        action: the use case, as the audit will name it.
        few: it touches few rows, see `transaction`.
    """
    async with transaction(numbered=True, few=few) as client:
        journal = Journal(action, current_actor(), client, clock.now())
        yield journal
        await journal.flush()
