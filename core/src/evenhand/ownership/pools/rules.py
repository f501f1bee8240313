"""Which rule of a pool is about a record. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeVar
from uuid import UUID

CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "Account": {
        "tiers": "tier",
        "sources": "source",
        "product_lines": "product_line",
        "regions": "region",
    },
    "Lead": {"sources": "source", "product_lines": "product_line", "regions": "region"},
    "Opportunity": {"sources": "source"},
}
"""By entity: the lists of a rule that can be about it, and the record's column that each looks at."""


class Matching(Protocol):
    """What of a rule says which records it is about; the model has it, and so has any reading of it."""

    @property
    def id(self) -> UUID: ...
    @property
    def pool_id(self) -> UUID: ...
    @property
    def entity(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def tiers(self) -> Sequence[str]: ...
    @property
    def sources(self) -> Sequence[str]: ...
    @property
    def product_lines(self) -> Sequence[str]: ...
    @property
    def regions(self) -> Sequence[str]: ...
    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_until(self) -> date | None: ...
    @property
    def is_active(self) -> bool: ...


@dataclass(frozen=True)
class Facts:
    """What rules look at in one record."""

    entity: str
    tier: str | None = None
    source: str | None = None
    product_line: str | None = None
    region: str | None = None

    @classmethod
    def of(cls, entity: str, columns: Mapping[str, Any]) -> Facts:
        """The facts of a record by its columns; columns that the entity lacks are empty."""
        found = {name: columns.get(name) for name in CONDITIONS.get(entity, {}).values()}
        return cls(entity, **{name: getattr(value, "value", value) for name, value in found.items()})


R = TypeVar("R", bound=Matching)


def in_force(rule: Matching, day: date) -> bool:
    """Whether a rule holds on a day of the tenant."""
    return (
        rule.is_active
        and (rule.valid_from is None or rule.valid_from <= day)
        and (rule.valid_until is None or day <= rule.valid_until)
    )


def fits(rule: Matching, facts: Facts) -> bool:
    """Whether a rule is about such records; an empty list is about any value, also none."""
    return rule.entity == facts.entity and all(
        not wanted or held in wanted
        for wanted, held in (
            (rule.tiers, facts.tier),
            (rule.sources, facts.source),
            (rule.product_lines, facts.product_line),
            (rule.regions, facts.region),
        )
    )


def ordered(rules: Iterable[R], day: date) -> list[R]:
    """The rules that hold on a day, in the order in which they are asked."""
    return sorted((rule for rule in rules if in_force(rule, day)), key=lambda rule: (rule.position, rule.id))


def matching(rules: Iterable[R], facts: Facts, day: date, *, pool_id: UUID | None = None) -> R | None:
    """The rule of a record on a day: the first by position that is about it; None when none is.

    Args:
        pool_id: only rules of this pool, as for a claim from it; by default of any, as for an owned record.
    """
    return first(ordered(rules, day), facts, pool_id=pool_id)


def first(rules: Sequence[R], facts: Facts, *, pool_id: UUID | None = None) -> R | None:
    """As `matching`, among rules that `ordered` put in order, so that many records can share the work."""
    for rule in rules:
        if (pool_id is None or rule.pool_id == pool_id) and fits(rule, facts):
            return rule
    return None


__all__ = ["CONDITIONS", "Facts", "Matching", "first", "fits", "in_force", "matching", "ordered"]
