"""Lots: claims of a record are collected for a while, then one of them is drawn."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.notifications import Message, notify_all
from evenhand.actions.pools.errors import DrawPending
from evenhand.actions.pools.items import ClaimItem, ClaimStatus, refused
from evenhand.actions.pools.taking import lock_records, take_out
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity, entity
from evenhand.errors import NotFound
from evenhand.live.notices import ChangeOperation
from evenhand.ownership.holders import ineligible_owners
from evenhand.ownership.pools.lots import draw
from evenhand.ownership.pools.members import pool_roles
from evenhand.ownership.pools.models import PoolDraw, PoolDrawEntry, PoolDrawResult
from evenhand.ownership.pools.reading import Rule
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

BATCH = 200
WON, BEHIND, NOT_ELIGIBLE, GONE = "WON", "BEHIND", "OWNER_NOT_ELIGIBLE", "RECORD_GONE"

_OPENED = """
SELECT draw.id, draw.record_id, result.id IS NOT NULL AS drawn FROM pool_draws AS draw
LEFT JOIN pool_draw_results AS result ON result.tenant_id = $1 AND result.draw_id = draw.id
WHERE draw.tenant_id = $1 AND draw.record_id = ANY ($2::uuid[]) AND draw.opened_at = ANY ($3::timestamptz[])
"""
_DUE = """
SELECT draw.id, draw.entity, draw.record_id, draw.pool_id, draw.opened_at FROM pool_draws AS draw
WHERE draw.tenant_id = $1 AND draw.closes_at <= $2 AND NOT EXISTS (
    SELECT FROM pool_draw_results AS result WHERE result.tenant_id = $1 AND result.draw_id = draw.id)
ORDER BY draw.entity, draw.closes_at, draw.id LIMIT $3
"""


async def enter_draws(
    kind: Entity,
    waiting: Mapping[UUID, tuple[Mapping[str, Any], Rule]],
    user_id: UUID,
    journal: Journal,
) -> dict[UUID, ClaimItem]:
    """Let a person take part in the draws of locked records that came to their pools a short while ago.

    Args:
        waiting: columns and rule of each record whose rule asks for lots.

    Returns: what became of those for which lots are drawn; the others can be claimed at once.
    """
    if not waiting:
        return {}
    windows = {
        record_id: columns["held_since"] + timedelta(minutes=rule.draw_minutes or 0)
        for record_id, (columns, rule) in waiting.items()
    }
    opened = await _opened(waiting, journal)
    items: dict[UUID, ClaimItem] = {}
    draws: list[dict[str, Any]] = []
    entering: list[tuple[UUID, UUID]] = []
    for record_id, (columns, rule) in waiting.items():
        known = opened.get(record_id)
        if known is not None and known[1]:
            continue
        if windows[record_id] <= journal.now:
            if known is not None:
                words = f"Lots are being drawn for {columns['name']}."
                items[record_id] = refused(record_id, DrawPending(words, hint="Look again in a minute."))
            continue
        draw_id = known[0] if known is not None else uuid7()
        if known is None:
            draws.append(_draw_row(draw_id, kind, record_id, columns, rule, windows[record_id], journal))
        entering.append((record_id, draw_id))
        pool_id = columns["pool_id"]
        items[record_id] = ClaimItem(record_id, ClaimStatus.ENTERED, pool_id=pool_id, until=windows[record_id])
    await insert_rows(journal.client, PoolDraw, draws)
    for row in draws:
        journal.record("PoolDraw", row["id"], before=None, after=row)
    entries = [
        {
            "id": uuid7(),
            "tenant_id": journal.actor.tenant_id,
            "draw_id": draw_id,
            "user_id": user_id,
            "entered_at": journal.now,
        }
        for _, draw_id in entering
    ]
    await insert_rows(
        journal.client, PoolDrawEntry, entries, suffix="ON CONFLICT (tenant_id, draw_id, user_id) DO NOTHING"
    )
    return items


async def _opened(
    waiting: Mapping[UUID, tuple[Mapping[str, Any], Rule]], journal: Journal
) -> dict[UUID, tuple[UUID, bool]]:
    """The draws that are open for records since they came to their pools, and whether lots were drawn."""
    moments = [columns["held_since"] for columns, _ in waiting.values()]
    rows = await raw_connection(journal.client).fetch(_OPENED, journal.actor.tenant_id, list(waiting), moments)
    return {row["record_id"]: (row["id"], row["drawn"]) for row in rows}


def _draw_row(
    draw_id: UUID,
    kind: Entity,
    record_id: UUID,
    columns: Mapping[str, Any],
    rule: Rule,
    closes_at: datetime,
    journal: Journal,
) -> dict[str, Any]:
    return {
        "id": draw_id,
        "tenant_id": journal.actor.tenant_id,
        "entity": kind.name,
        "record_id": record_id,
        "pool_id": columns["pool_id"],
        "rule_id": rule.id,
        "opened_at": columns["held_since"],
        "closes_at": closes_at,
    }


@dataclass
class _Lots:
    """One draw while it is decided."""

    id: UUID
    record_id: UUID
    seed: int
    order: list[UUID]
    outcomes: dict[UUID, str] = field(default_factory=dict)
    winner: UUID | None = None

    def next(self) -> UUID | None:
        """Who is next in the order drawn, while nobody has won."""
        left = [user for user in self.order if user not in self.outcomes]
        return left[0] if left and self.winner is None else None


async def settle_draws() -> int:
    """Draw lots wherever a window has ended, in batches; each once, however often it is run. Returns: how many."""
    settled = 0
    while True:
        async with writing("settle_draws") as journal:
            rows = await raw_connection(journal.client).fetch(_DUE, journal.actor.tenant_id, journal.now, BATCH)
            by_entity: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for row in rows:
                by_entity[row["entity"]].append(dict(row))
            for name, due in by_entity.items():
                settled += await _settle(entity(name), due, journal)
        if len(rows) < BATCH:
            return settled


async def _settle(kind: Entity, due: Sequence[Mapping[str, Any]], journal: Journal) -> int:
    locked = await lock_records(kind, [row["record_id"] for row in due], journal)
    # Whoever had the locks before may have drawn these lots.
    drawn = set(await PoolDrawResult.filter(draw_id__in=[row["id"] for row in due]).values_list("draw_id", flat=True))
    lots = await _lots([row for row in due if row["id"] not in drawn])
    here: dict[UUID, _Lots] = {}
    for row in due:
        if row["id"] in drawn:
            continue
        now = locked.get(row["record_id"])
        still = now is not None and now["archived_at"] is None and now["pool_id"] == row["pool_id"]
        if still and now is not None and now["held_since"] == row["opened_at"]:
            here[row["record_id"]] = lots[row["id"]]
        else:
            one = lots[row["id"]]
            one.outcomes = dict.fromkeys(one.order, GONE)
    await _leave_out(here, locked)
    while True:
        taking = {
            record_id: (locked[record_id], chosen, Why(OwnershipReason.DRAWN, note=f"draw {one.id}"))
            for record_id, one in here.items()
            if (chosen := one.next()) is not None
        }
        if not taking:
            break
        for record_id, item in (await take_out(kind, taking, journal)).items():
            chosen = taking[record_id][1]
            here[record_id].outcomes[chosen] = WON if item.error is None else item.error.code
            if item.error is None:
                here[record_id].winner = chosen
    await _conclude(kind, list(lots.values()), journal)
    return len(lots)


async def _lots(due: Sequence[Mapping[str, Any]]) -> dict[UUID, _Lots]:
    entered: dict[UUID, list[UUID]] = defaultdict(list)
    for entry in await PoolDrawEntry.filter(draw_id__in=[row["id"] for row in due]):
        entered[entry.draw_id].append(entry.user_id)
    found: dict[UUID, _Lots] = {}
    for row in due:
        seed = secrets.randbits(62)
        found[row["id"]] = _Lots(row["id"], row["record_id"], seed, draw(entered[row["id"]], seed))
    return found


async def _leave_out(here: Mapping[UUID, _Lots], locked: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Pass over who left, or may not claim from the pool any more, since entering."""
    people = {user for one in here.values() for user in one.order}
    if not people:
        return
    bad = await ineligible_owners(people)
    roles = await pool_roles(people, {locked[record_id]["pool_id"] for record_id in here})
    for record_id, one in here.items():
        pool_id = locked[record_id]["pool_id"]
        one.outcomes = {user: NOT_ELIGIBLE for user in one.order if user in bad or (user, pool_id) not in roles}


async def _conclude(kind: Entity, lots: Sequence[_Lots], journal: Journal) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": uuid7(),
            "tenant_id": journal.actor.tenant_id,
            "draw_id": one.id,
            "seed": one.seed,
            "winner_id": one.winner,
            "places": [{"user": user, "outcome": one.outcomes.get(user, BEHIND)} for user in one.order],
            "drawn_at": journal.now,
        }
        for one in lots
    ]
    await insert_rows(journal.client, PoolDrawResult, rows)
    messages: list[Message] = []
    for row, one in zip(rows, lots, strict=True):
        journal.tell("PoolDrawResult", row["id"], ChangeOperation.CREATED)
        after = {name: row[name] for name in ("seed", "winner_id", "places")}
        journal.record("PoolDraw", one.id, before={}, after=after)
        payload = {"draw_id": one.id, "winner_id": one.winner, "entries": len(one.order)}
        journal.emit("LotsDrawn", kind.name, one.record_id, payload)
        messages += [_message(kind, one, user) for user in one.order]
    await notify_all(journal, messages)


def _message(kind: Entity, one: _Lots, user: UUID) -> Message:
    zh = kind.labels.get("zh", kind.name)
    if user == one.winner:
        title = {"en": f"You drew the lot for a {kind.labels.get('en', kind.name)}", "zh": f"您抽中了一个{zh}"}
    else:
        title = {
            "en": f"Another one drew the lot for a {kind.labels.get('en', kind.name)}",
            "zh": f"您申领的{zh}未抽中",
        }
    return Message(user, "lots_drawn", title, entity=kind.name, record_id=one.record_id, key=f"draw:{one.id}")


@dataclass(frozen=True)
class Replay:
    """A draw, drawn again from what was stored.

    Attributes:
        order: everybody who entered, as the seed orders them.
        same: whether that is the order that was recorded.
    """

    draw_id: UUID
    seed: int
    order: Sequence[UUID]
    winner_id: UUID | None
    same: bool


async def replay_draw(draw_id: UUID) -> Replay:
    """Draw lots again from the entries and the seed, and compare; changes nothing.

    Raises:
        NotFound: there is no such draw, or lots were not drawn yet. PermissionDenied.
    """
    require(current_actor(), Operation.READ, "PoolDraw")
    async with reading():
        result = await PoolDrawResult.filter(draw_id=draw_id).first()
        entries: Collection[Any] = await PoolDrawEntry.filter(draw_id=draw_id).values_list("user_id", flat=True)
    if result is None:
        raise NotFound("PoolDrawResult", draw_id)
    order = draw(entries, result.seed)
    recorded = [UUID(place["user"]) for place in result.places]
    return Replay(draw_id, result.seed, order, result.winner_id, order == recorded)
