"""What the generator hands to the loader: plain values that name one another by keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Ref:
    """Stands for the id of the record with this key, e.g. "account:17"."""

    key: str


@dataclass(frozen=True)
class Record:
    """A record to create. `values` are its columns; references and child lists hold `Ref`s."""

    entity: str
    key: str
    at: datetime
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Revision:
    """A later change of a record: a stage move, a user who leaves."""

    entity: str
    key: str
    at: datetime
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Handover:
    """A record changes hands. `owner` None: into the pool."""

    entity: str
    key: str
    at: datetime
    owner: str | None
    note: str


@dataclass(frozen=True)
class Label:
    """A tag that a person puts on a record, with the reason."""

    tag: str
    entity: str
    key: str
    at: datetime
    actor: str
    why: str


@dataclass
class Story:
    """One tenant's content. Keys are unique; records stand in an order in which references point backwards.

    Attributes:
        reference: the day before which everything happened.
        leads: rows of the lead file, by its headers, in the tenant's language.
        lead_columns: which field each of those headers means.
        tenant: arguments of `create_tenant`.
    """

    seed: int
    reference: date
    tenant: Mapping[str, str]
    records: list[Record] = field(default_factory=list, repr=False)
    revisions: list[Revision] = field(default_factory=list, repr=False)
    handovers: list[Handover] = field(default_factory=list, repr=False)
    labels: list[Label] = field(default_factory=list, repr=False)
    leads: Sequence[Mapping[str, str]] = field(default=(), repr=False)
    lead_columns: Mapping[str, str] = field(default_factory=dict)

    def of(self, entity: str) -> list[Record]:
        """The records of one entity, in order."""
        return [record for record in self.records if record.entity == entity]
