"""What the core and plugins hand each other: plain frozen values, no tables, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from evenhand.tenancy.context import Actor


@dataclass(frozen=True)
class TenantContext:
    """First argument of every hook.

    Attributes:
        actor: on whose behalf.
        now: the time of the operation, aware UTC; hooks use it instead of the clock.
        today: the tenant's calendar day at `now`.
        seed: seed for anything random; it is recorded, so that the same call gives the same result.
        settings: this plugin's settings for this tenant, or None when it has none.
        plugins_version: which state of the tenant's plugins the operation began with; the host's own.
    """

    tenant_id: UUID
    slug: str
    locale: str
    time_zone: str
    currency: str
    actor: Actor
    now: datetime
    today: date
    seed: int
    settings: BaseModel | None = None
    plugins_version: str = ""

    def with_settings(self, settings: BaseModel | None) -> TenantContext:
        """The same for a plugin with these settings."""
        # What dataclasses.replace does takes longer than all the rest of asking a plugin.
        copy = object.__new__(TenantContext)
        copy.__dict__.update(self.__dict__)
        copy.__dict__["settings"] = settings
        return copy


@dataclass(frozen=True)
class Candidate:
    """A user who might get a record, with what policies ask about.

    Attributes:
        absent: whether an absence covers the tenant's today.
        open_records: how many open records of the entity the user holds now.
        room: how many more records the user may get, by what they count as (`OpenRecord.counts_as`); what is not
            named has no limit.
    """

    user_id: UUID
    name: str
    role: str
    level: str
    is_active: bool
    absent: bool
    open_records: int = 0
    team_id: UUID | None = None
    regions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    room: Mapping[UUID, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenRecord:
    """A record that needs an owner.

    Attributes:
        values: its columns.
        blocked: candidates who may not get it now, each with the code of the limit: "CAP_REACHED", "COOLING_DOWN",
            "FROZEN", "HELD_BY_CONFLICT". Whoever is chosen all the same does not get it.
        counts_as: takes one from the `room` of whoever gets it and does not hold it yet; None: it takes none.
    """

    entity: str
    record_id: UUID
    values: Mapping[str, Any]
    blocked: Mapping[UUID, str] = field(default_factory=dict)
    counts_as: UUID | None = None


@dataclass(frozen=True)
class Verdict:
    """What a policy found about one candidate for one record.

    Attributes:
        reason: a stable code, e.g. "CHOSEN", "NEXT_IN_TURN_LATER", "ABSENT".
        rank: 1 is first in line; None when not eligible.
        evidence: the numbers behind it, as JSON can hold them.
    """

    candidate_id: UUID
    eligible: bool
    reason: str
    rank: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Resolution:
    """A policy's decision about one record. `owner_id` None: nobody is eligible, it stays where it is."""

    record_id: UUID
    owner_id: UUID | None
    policy: str
    seed: int
    verdicts: Sequence[Verdict]


class Outcome(StrEnum):
    """How a deal ended."""

    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Deal:
    """A closed opportunity, as KPI and commission calculators see it.

    Attributes:
        amount: 0 when none was entered.
        opened_on: None when not known.
    """

    opportunity_id: UUID
    name: str
    account_id: UUID | None
    owner_id: UUID | None
    outcome: Outcome
    amount: Decimal
    currency: str
    opened_on: date | None
    closed_on: date


@dataclass(frozen=True)
class Period:
    """Calendar days from `first` to `last`, both included, in the tenant's time zone."""

    first: date
    last: date


@dataclass(frozen=True)
class Measurement:
    """One value of a KPI. `unit` is a currency ("CNY"), "percent" or "days"."""

    value: Decimal
    unit: str


@dataclass(frozen=True)
class Kpi:
    """A calculator of one key figure: a pure function over deals.

    Attributes:
        key: stable name, e.g. "revenue".
        titles: what people read, by language.
        formula: how it is computed, and its source.
        calculate: closed deals of the period to measurements (money: one per currency); empty when undefined.
    """

    key: str
    titles: Mapping[str, str]
    formula: str
    calculate: Callable[[Sequence[Deal]], Sequence[Measurement]]


@dataclass(frozen=True)
class CommissionLine:
    """What one user earns for one deal under one plan.

    Attributes:
        basis: the amount that it was computed from.
        explanation: how, by language.
    """

    opportunity_id: UUID
    user_id: UUID
    plan: str
    basis: Decimal
    amount: Decimal
    currency: str
    earned_on: date
    explanation: Mapping[str, str]


@dataclass(frozen=True)
class AssignmentPolicy:
    """A way to assign that can be chosen by name.

    Attributes:
        name: stable and unique in its plugin, e.g. "round_robin".
        title: what people read, by language.
        entities: which entities' records it assigns.
    """

    name: str
    title: Mapping[str, str]
    entities: tuple[str, ...] = ("Account", "Lead", "Opportunity")


@dataclass(frozen=True)
class RecordChange:
    """A record that is about to be written.

    Attributes:
        before: its columns as they are; None when it is created.
        after: all its columns as they will be.
    """

    entity: str
    record_id: UUID
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    @property
    def changed(self) -> frozenset[str]:
        """The columns that get another value; all of them when it is created."""
        old = self.before
        if old is None:
            return frozenset(self.after)
        return frozenset(name for name, value in self.after.items() if name not in old or old[name] != value)


@dataclass(frozen=True)
class FieldProblem:
    """Why a record may not be written as it is.

    Attributes:
        field: dotted path of the field; "" for the record as a whole.
        code: stable upper case words for programs.
        message: what is wrong, for people.
        hint: how to mend it.
    """

    record_id: UUID
    field: str
    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class Finding:
    """Something an admin should know about a plugin as it is set up.

    Attributes:
        code: stable upper case words for programs.
        message, hint: what, and what to do, by language ("en", "zh").
    """

    code: str
    message: Mapping[str, str]
    hint: Mapping[str, str]


class HappenedEvent(Protocol):
    """What every event has; `evenhand.events.Event` and its typed subclasses are such.

    Attributes:
        type: past tense, e.g. "LeadCreated".
        payload: what changed, as JSON holds it.
        user_id: on whose behalf; None for the system.
    """

    @property
    def id(self) -> UUID: ...

    @property
    def type(self) -> str: ...

    @property
    def tenant_id(self) -> UUID: ...

    @property
    def entity(self) -> str: ...

    @property
    def record_id(self) -> UUID: ...

    @property
    def payload(self) -> Mapping[str, Any]: ...

    @property
    def user_id(self) -> UUID | None: ...

    @property
    def occurred_at(self) -> datetime: ...
