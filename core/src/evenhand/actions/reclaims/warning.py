"""Warn holders and their managers before records go back to a pool: each step once for each deadline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from evenhand.actions.journal import Journal, writing
from evenhand.actions.notifications import Message, notify_all
from evenhand.actions.reclaims.reclaiming import payload_of
from evenhand.automation.models import Reminder
from evenhand.db.bulk import insert_rows
from evenhand.entities.registry import Entity, entity
from evenhand.ownership.clocks.reading import Held, RuleBook, latest_start, read_held, rule_book
from evenhand.ownership.clocks.rules import Deadline
from evenhand.ownership.clocks.wording import explain
from evenhand.ownership.superiors import superiors_of
from evenhand.tenancy.models import uuid7

BATCH = 1_000


@dataclass(frozen=True)
class Notice:
    """Somebody who is to be warned of one deadline."""

    held: Held
    deadline: Deadline
    user_id: UUID
    step: int
    days: int
    to_manager: bool

    @property
    def key(self) -> str:
        """What makes the step one of its deadline."""
        to = "manager" if self.to_manager else "holder"
        return f"reclaim:{self.held.record_id}:{self.deadline.at.timestamp():.0f}:{to}:{self.step}"


def step_of(steps: Sequence[int], days: int) -> int | None:
    """The step that is reached when so many days are left: the most urgent one; None before the first."""
    return min((step for step in steps if days <= step), default=None)


async def warn_batch(entity_name: str, after: UUID | None = None, *, limit: int = BATCH) -> tuple[UUID | None, int]:
    """Warn of the next records of one kind; one transaction.

    Returns: the last id that was looked at, None when there was nothing more; and how many warnings were given.
    """
    kind = entity(entity_name)
    async with writing("warn_of_reclaim") as journal:
        book = await rule_book(kind.name)
        steps = [step for rule in book.clocks.values() for step in (*rule.warn_days, *rule.manager_warn_days)]
        ahead = max(steps, default=0)
        start = latest_start(book, book.now + timedelta(days=ahead + 1))
        if start is None:
            return None, 0
        page = await read_held(book, after=after, held_before=start, limit=limit)
        wanted = await _warnings(book, page)
        given = await _give(kind, wanted, journal)
        return (page[-1].record_id if len(page) == limit else None), given


async def _warnings(book: RuleBook, page: Sequence[Held]) -> list[Notice]:
    found: list[Notice] = []
    to_managers: list[tuple[Held, Deadline, int, int]] = []
    for held in page:
        deadline = held.deadline
        if deadline is None or deadline.at <= book.now:
            continue
        days = (book.calendars.of(None).day_of(deadline.at) - book.today).days
        step = step_of(deadline.rule.warn_days, days)
        if step is not None:
            found.append(Notice(held, deadline, held.owner_id, step, days, to_manager=False))
        step = step_of(deadline.rule.manager_warn_days, days)
        if step is not None:
            to_managers.append((held, deadline, step, days))
    above: Mapping[UUID, Sequence[UUID]] = (
        await superiors_of({held.owner_id for held, *_ in to_managers}) if to_managers else {}
    )
    for held, deadline, step, days in to_managers:
        managers = list(above.get(held.owner_id, ()))[:1]
        found += [Notice(held, deadline, manager_id, step, days, to_manager=True) for manager_id in managers]
    return found


async def _give(kind: Entity, wanted: Sequence[Notice], journal: Journal) -> int:
    """Tell what was not told yet, once also when two jobs do it at the same time."""
    tenant = journal.actor.tenant_id
    rows = [
        {"id": uuid7(), "tenant_id": tenant, "key": key, "created_at": journal.now}
        for key in sorted({one.key for one in wanted})
    ]
    suffix = "ON CONFLICT (tenant_id, key) DO NOTHING RETURNING key"
    mine = {row["key"] for row in await insert_rows(journal.client, Reminder, rows, suffix=suffix)}
    fresh = [one for one in wanted if one.key in mine]
    for one in fresh:
        payload = payload_of(one.held, one.deadline)
        payload |= {"step": one.step, "days": one.days, "user_id_warned": one.user_id}
        journal.emit("ReclaimWarned", kind.name, one.held.record_id, payload)
    await notify_all(journal, [_message(kind, one) for one in fresh])
    return len(fresh)


def _message(kind: Entity, one: Notice) -> Message:
    day = "1 day" if one.days == 1 else f"{one.days} days"
    whose = (" of a team member", "（团队成员）") if one.to_manager else ("", "")
    title = {
        "en": f"Goes back to the pool in {day}{whose[0]}: {one.held.name}",
        "zh": f"{one.days} 天后将退回公海{whose[1]}：{one.held.name}",
    }
    return Message(
        one.user_id,
        "reclaim_warning",
        title,
        explain(one.deadline),
        entity=kind.name,
        record_id=one.held.record_id,
        key=one.key,
    )
