"""The story while it is written: keys, the span of time, and who holds what when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from evenhand.demo.lexicon import Lexicon
from evenhand.demo.moments import Span, stream
from evenhand.demo.names import Person
from evenhand.demo.story import Handover, Record, Ref, Revision, Story


@dataclass(frozen=True)
class Colleague:
    """A user of the tenant. `left`: from then on no longer active."""

    key: str
    person: Person
    role: str
    region: int | None
    joined: datetime
    left: datetime | None = None

    def works(self, moment: datetime) -> bool:
        """Whether this person can hold customers at that moment."""
        return self.joined <= moment and (self.left is None or moment < self.left)


@dataclass
class Customer:
    """An account with what the rest of the story needs: who held it from when (None: the pool)."""

    key: str
    name: str
    region: int
    tier: str
    language: str
    domain: str
    created: datetime
    holders: list[tuple[datetime, Colleague | None]]
    contacts: list[str] = field(default_factory=list)
    first_win: datetime | None = None

    def holder(self, moment: datetime) -> Colleague | None:
        """Who held it at that moment."""
        found: Colleague | None = None
        for since, colleague in self.holders:
            if since <= moment:
                found = colleague
        return found


@dataclass
class Deal:
    """An opportunity with what orders and activities need. `closed` None: still open."""

    key: str
    customer: Customer
    owner: Colleague
    item: str
    opened: datetime
    closed: datetime | None
    won: bool


class Plot:
    """Collects one tenant's story."""

    def __init__(self, lexicon: Lexicon, story: Story) -> None:
        self.lexicon = lexicon
        self.story = story
        self.span = Span.before(story.reference, story.tenant["time_zone"])
        self.colleagues: list[Colleague] = []
        self.customers: list[Customer] = []
        self.deals: list[Deal] = []
        self._numbers: Counter[str] = Counter()
        self._values: dict[str, dict[str, Any]] = {}

    def chance(self, part: str) -> Random:
        """The source of chance of one part of this tenant's story."""
        return stream(self.story.seed, self.story.tenant["slug"], part)

    def add(self, entity: str, at: datetime, /, **values: Any) -> str:
        """Add a record that is created at a moment. Returns: its key."""
        self._numbers[entity] += 1
        key = f"{entity.lower()}:{self._numbers[entity]}"
        self._values[key] = values
        self.story.records.append(Record(entity, key, at, values))
        return key

    def complete(self, key: str, /, **values: Any) -> None:
        """Add values to a record that was added before."""
        self._values[key].update(values)

    def revise(self, entity: str, key: str, at: datetime, /, **values: Any) -> None:
        """A record changes later on."""
        self.story.revisions.append(Revision(entity, key, at, values))

    def hand_over(self, customer: Customer, at: datetime, to: Colleague | None, note: str) -> None:
        """A customer changes hands."""
        customer.holders.append((at, to))
        self.story.handovers.append(Handover("Account", customer.key, at, to.key if to else None, note))

    def sellers(self, region: int, moment: datetime) -> list[Colleague]:
        """The reps of a region who work at that moment."""
        return [
            colleague
            for colleague in self.colleagues
            if colleague.role == "rep" and colleague.region == region and colleague.works(moment)
        ]


def ref(key: str | None) -> Ref | None:
    """A reference to the record with this key, or to none."""
    return Ref(key) if key is not None else None
