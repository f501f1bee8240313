"""Take records back into their pools when a clock has run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from evenhand import clock
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.notifications import Message, notify_all
from evenhand.actions.owners import Holder, change_holders
from evenhand.automation.views import Surroundings, surroundings
from evenhand.db.session import raw_connection
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity, entity
from evenhand.errors import EvenhandError
from evenhand.ownership.clocks.reading import Held, latest_start, read_held, rule_book
from evenhand.ownership.clocks.rules import Deadline
from evenhand.ownership.clocks.wording import explain

BATCH = 1_000
"""Records that one transaction looks at; so long are those that go back locked."""
_NAMED = 20
"""So many records one notification names."""


@dataclass(frozen=True)
class Taken:
    """What one batch did.

    Attributes:
        after: the last id that was looked at; None when there was nothing more.
        looked: how many records were looked at.
        taken: what went back.
        kept: how many were due but could not go back now.
    """

    after: UUID | None
    looked: int
    taken: Sequence[Held]
    kept: int = 0


def payload_of(held: Held, deadline: Deadline) -> dict[str, Any]:
    """What events about a record that goes back tell."""
    return {
        "owner_id": held.owner_id,
        "pool_id": deadline.rule.pool_id,
        "rule_id": deadline.rule.id,
        "rule": deadline.rule.name,
        "clock": deadline.clock.value,
        "due_at": deadline.at,
        "explanation": explain(deadline),
    }


async def reclaim_batch(entity_name: str, after: UUID | None = None, *, limit: int = BATCH) -> Taken:
    """Look at the next records of one kind, and take back those whose time has come; one transaction.

    Each is decided again when it is locked: a follow-up that was entered meanwhile keeps it.

    Args:
        after: the id after which to look.
    """
    kind = entity(entity_name)
    async with writing("reclaim_records") as journal:
        book = await rule_book(kind.name)
        start = latest_start(book, book.now)
        if start is None:
            return Taken(None, 0, ())
        page = await read_held(book, after=after, held_before=start, limit=limit)
        ids = [one.record_id for one in page if one.deadline is not None and one.deadline.at <= book.now]
        last = page[-1].record_id if len(page) == limit else None
        if not ids:
            return Taken(last, len(page), ())
        await lock_records(kind, ids, journal)
        book = replace(book, now=clock.now())
        due = {
            one.record_id: one
            for one in await read_held(book, ids=ids)
            if one.deadline is not None and one.deadline.at <= book.now
        }
        around = await surroundings()
        moved = await _give_back(kind, due, around, journal)
        taken = [due[record_id] for record_id in moved]
        await _tell(kind, taken, around, journal)
        return Taken(last, len(page), taken, len(due) - len(taken))


async def lock_records(kind: Entity, ids: Sequence[UUID], journal: Journal) -> None:
    """Lock records in the order of their ids, whoever sees them."""
    await raw_connection(journal.client).execute(
        f'SELECT FROM "{kind.model._meta.db_table}" WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) '
        "ORDER BY id FOR NO KEY UPDATE",
        journal.actor.tenant_id,
        list(ids),
    )


async def _give_back(kind: Entity, due: Mapping[UUID, Held], around: Surroundings, journal: Journal) -> list[UUID]:
    """Put records into the pools of their rules; those that a check holds back stay. Returns: ids of those moved."""
    wanted = dict(due)
    while wanted:
        holders: dict[UUID, Holder] = {}
        why: dict[UUID, Why] = {}
        for record_id, held in wanted.items():
            if held.deadline is None:
                continue
            rule = held.deadline.rule
            holders[record_id] = Holder(pool_id=rule.pool_id)
            note = explain(held.deadline)[around.language]
            why[record_id] = Why(OwnershipReason.RECLAIMED, note=note[:500], policy=f"pool_rule:{rule.id}")
        try:
            async with journal.attempt():
                return await change_holders(kind, holders, why, journal=journal)
        except EvenhandError as refused:
            if not refused.rows:
                raise
            ids = list(holders)
            for place in refused.rows:
                del wanted[ids[place]]
    return []


async def _tell(kind: Entity, taken: Sequence[Held], around: Surroundings, journal: Journal) -> None:
    by_owner: dict[UUID, list[Held]] = {}
    for held in taken:
        if held.deadline is not None:
            journal.emit("RecordReclaimed", kind.name, held.record_id, payload_of(held, held.deadline))
            by_owner.setdefault(held.owner_id, []).append(held)
    await notify_all(journal, [_message(kind, owner_id, some) for owner_id, some in by_owner.items()])


def _message(kind: Entity, owner_id: UUID, some: Sequence[Held]) -> Message:
    """What a holder is told about all that went back together."""
    reasons = [(one.name, explain(one.deadline)) for one in some if one.deadline is not None]
    more = len(some) - _NAMED
    body: dict[str, str] = {}
    for language, rest in (("en", f"… and {more} more"), ("zh", f"……另有 {more} 条")):
        lines = [f"{name}: {words[language]}" for name, words in reasons[:_NAMED]]
        body[language] = "\n".join([*lines, rest] if more > 0 else lines)
    if len(some) == 1:
        title = {"en": f"Went back to the pool: {some[0].name}", "zh": f"已退回公海：{some[0].name}"}
        return Message(owner_id, "record_reclaimed", title, body, entity=kind.name, record_id=some[0].record_id)
    labels = kind.labels
    title = {
        "en": f"{len(some)} {labels.get('en', kind.name)} records went back to the pool",
        "zh": f"{len(some)} 条{labels.get('zh', kind.name)}已退回公海",
    }
    return Message(owner_id, "record_reclaimed", title, body, entity=kind.name)


__all__ = ["BATCH", "Taken", "lock_records", "payload_of", "reclaim_batch"]
