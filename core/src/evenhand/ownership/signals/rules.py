"""Find patterns that defeat the rules of ownership without breaking them: pure functions over what happened.

A finding is a reason to look, never a proof. What people decided openly (hand-overs, rulings, merges) is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class SignalKind(StrEnum):
    """The pattern that was seen."""

    SHAM_FOLLOW_UP = "sham_follow_up"
    """Follow-ups without substance just before records would have come back to the pool."""
    RETURN_AND_CLAIM = "return_and_claim"
    """The same person gives a record back and takes it again."""
    PARKING = "parking"
    """A colleague holds a record for a while without doing anything, and gives way again."""
    LOOKING_ONLY = "looking_only"
    """Somebody looks into many records of a pool and claims hardly any."""


@dataclass(frozen=True)
class Bounds:
    """From when on a pattern is told.

    Attributes:
        days: how far back is looked.
        loops: so many returns followed by a claim of the same record.
        again_within_days: a claim so soon after the return belongs to it.
        parkings: so many records with the same colleague.
        parked_days: a colleague's holding of at most so many days can be parking.
        shams: so many deadlines that were saved by follow-ups without substance.
        last_hours: a follow-up so short before the deadline can be one.
        thin_characters: text shorter than this says nothing.
        looks: so many records looked into.
        claimed_share: at most this share of them claimed.
    """

    days: int = 90
    loops: int = 2
    again_within_days: int = 30
    parkings: int = 2
    parked_days: int = 60
    shams: int = 3
    last_hours: int = 48
    thin_characters: int = 10
    looks: int = 50
    claimed_share: float = 0.02


@dataclass(frozen=True)
class Holding:
    """One line of the ledger with its end; `owner_id` None is a pool."""

    line_id: UUID
    entity: str
    record_id: UUID
    owner_id: UUID | None
    started_at: datetime
    ended_at: datetime | None
    reason: str


@dataclass(frozen=True)
class Touch:
    """An activity on a record. `characters` of text, `minutes` it took, `met`: a meeting or a visit."""

    activity_id: UUID
    record_id: UUID
    author_id: UUID | None
    at: datetime
    characters: int
    minutes: int
    met: bool


@dataclass(frozen=True)
class Warned:
    """The last warning before a record would have come back to its pool at `due_at`."""

    entity: str
    record_id: UUID
    owner_id: UUID
    warned_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class Look:
    """A record of a pool was looked into."""

    user_id: UUID
    entity: str
    record_id: UUID
    at: datetime


@dataclass(frozen=True)
class Evidence:
    """One thing that a pattern was seen in: a line of the ledger, an activity, a warning or a look."""

    what: str
    id: UUID | None
    entity: str
    record_id: UUID
    at: datetime


@dataclass(frozen=True)
class Finding:
    """A pattern of one person, and of a colleague when it takes two. `times`: how often."""

    kind: SignalKind
    user_id: UUID
    colleague_id: UUID | None
    times: int
    evidence: tuple[Evidence, ...] = field(default=())

    @property
    def first_at(self) -> datetime:
        """When the first of it happened."""
        return min(one.at for one in self.evidence)

    @property
    def last_at(self) -> datetime:
        """When the last of it happened."""
        return max(one.at for one in self.evidence)


TAKEN = frozenset({"claimed", "drawn", "offer_accepted"})
"""Reasons by which somebody takes a record out of a pool."""
OPEN_DECISIONS = frozenset({"handed_over", "handover_undone", "merged", "unmerged", "ruled", "appealed", "converted"})
"""Reasons that others decided and can answer for."""


def _by_record(holdings: Iterable[Holding]) -> Iterator[list[Holding]]:
    found: Mapping[UUID, list[Holding]] = defaultdict(list)
    for holding in holdings:
        found[holding.record_id].append(holding)
    for lines in found.values():
        yield sorted(lines, key=lambda line: (line.started_at, line.line_id))


def _line(holding: Holding) -> Evidence:
    return Evidence("line", holding.line_id, holding.entity, holding.record_id, holding.started_at)


def return_and_claim(holdings: Iterable[Holding], bounds: Bounds) -> list[Finding]:
    """Who gave records back and took them again, with nobody else in between."""
    loops: dict[UUID, list[tuple[Evidence, Evidence]]] = defaultdict(list)
    for lines in _by_record(holdings):
        for before, pooled, after in zip(lines, lines[1:], lines[2:], strict=False):
            if before.owner_id is None or pooled.owner_id is not None or before.owner_id != after.owner_id:
                continue
            soon = after.started_at - pooled.started_at <= timedelta(days=bounds.again_within_days)
            if soon and after.reason in TAKEN:
                loops[before.owner_id].append((_line(pooled), _line(after)))
    return [
        Finding(SignalKind.RETURN_AND_CLAIM, user_id, None, len(pairs), tuple(one for pair in pairs for one in pair))
        for user_id, pairs in sorted(loops.items())
        if len(pairs) >= bounds.loops
    ]


def _idle(holding: Holding, worked: Iterable[datetime], bounds: Bounds) -> bool:
    """Whether a holding is over, was short, and its holder did nothing in it."""
    started, ended = holding.started_at, holding.ended_at
    if ended is None or ended - started > timedelta(days=bounds.parked_days):
        return False
    return not any(started <= at < ended for at in worked)


def parking(holdings: Iterable[Holding], touches: Iterable[Touch], bounds: Bounds) -> list[Finding]:
    """Whose records a colleague held for a while, did nothing with, and then they were back."""
    worked: Mapping[tuple[UUID, UUID | None], list[datetime]] = defaultdict(list)
    for touch in touches:
        worked[(touch.record_id, touch.author_id)].append(touch.at)
    parked: dict[tuple[UUID, UUID], list[Evidence]] = defaultdict(list)
    records: dict[tuple[UUID, UUID], set[UUID]] = defaultdict(set)
    for lines in _by_record(holdings):
        owned = [(line.owner_id, line) for line in lines if line.owner_id is not None]
        for (mine, _), (colleague, theirs), (owner, again) in zip(owned, owned[1:], owned[2:], strict=False):
            if mine != owner or mine == colleague or not _idle(theirs, worked[(theirs.record_id, colleague)], bounds):
                continue
            if OPEN_DECISIONS & {theirs.reason, again.reason}:
                continue
            pair = (mine, colleague)
            parked[pair] += [_line(theirs), _line(again)]
            records[pair].add(theirs.record_id)
    return [
        Finding(SignalKind.PARKING, user_id, colleague_id, len(records[user_id, colleague_id]), tuple(evidence))
        for (user_id, colleague_id), evidence in sorted(parked.items())
        if len(records[user_id, colleague_id]) >= bounds.parkings
    ]


def thin(touch: Touch, bounds: Bounds) -> bool:
    """Whether an activity says nothing: no meeting, no time, hardly a word."""
    return not touch.met and touch.minutes == 0 and touch.characters < bounds.thin_characters


def sham_follow_ups(warned: Iterable[Warned], touches: Iterable[Touch], bounds: Bounds) -> list[Finding]:
    """Who saved records from coming back by activities without substance in the last hours, and no others.

    One deadline counts once, however many warnings there were.
    """
    done: Mapping[tuple[UUID, UUID | None], list[Touch]] = defaultdict(list)
    for touch in touches:
        done[(touch.record_id, touch.author_id)].append(touch)
    saved: dict[UUID, dict[tuple[UUID, datetime], list[Evidence]]] = defaultdict(dict)
    for warning in warned:
        since = warning.due_at - timedelta(hours=bounds.last_hours)
        late = [
            touch
            for touch in done[(warning.record_id, warning.owner_id)]
            if min(since, warning.warned_at) <= touch.at <= warning.due_at
        ]
        if late and all(thin(touch, bounds) and touch.at >= since for touch in late):
            saved[warning.owner_id][(warning.record_id, warning.due_at)] = [
                Evidence("activity", touch.activity_id, warning.entity, touch.record_id, touch.at) for touch in late
            ]
    return [
        Finding(
            SignalKind.SHAM_FOLLOW_UP, user_id, None, len(found), tuple(one for some in found.values() for one in some)
        )
        for user_id, found in sorted(saved.items())
        if len(found) >= bounds.shams
    ]


def looking_only(looks: Iterable[Look], claimed: Iterable[tuple[UUID, UUID]], bounds: Bounds) -> list[Finding]:
    """Who looked into many records of pools and claimed hardly any of them.

    Args:
        claimed: user and record of each claim.
    """
    seen: dict[UUID, dict[UUID, Look]] = defaultdict(dict)
    for look in looks:
        seen[look.user_id].setdefault(look.record_id, look)
    took = set(claimed)
    found = []
    for user_id, records in sorted(seen.items()):
        claims = sum((user_id, record_id) in took for record_id in records)
        if len(records) >= bounds.looks and claims <= bounds.claimed_share * len(records):
            evidence = [Evidence("look", None, look.entity, look.record_id, look.at) for look in records.values()]
            found.append(Finding(SignalKind.LOOKING_ONLY, user_id, None, len(records), tuple(evidence)))
    return found


def newest(evidence: Sequence[Evidence], most: int) -> list[Evidence]:
    """The latest evidence, the latest first."""
    return sorted(evidence, key=lambda one: (one.at, str(one.id)), reverse=True)[:most]
