"""The shape of a company's vocabulary; `huaxing` and `brightwell` fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Region:
    """A sales region with the cities of its customers; one sales team each."""

    name: str
    team: str
    country: str
    cities: tuple[str, ...]


@dataclass(frozen=True)
class Industry:
    """An industry, with the trades that company names speak of."""

    name: str
    trades: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """Something to sell: list price in the tenant's currency, and the most that one deal takes."""

    code: str
    name: str
    family: str
    price: Decimal
    most: int


@dataclass(frozen=True)
class Rival:
    """A competitor."""

    name: str
    strengths: str
    weaknesses: str
    prices: str


@dataclass(frozen=True)
class Word:
    """A tag with reasons to put it on a customer."""

    name: str
    color: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """Everything that one made-up company says.

    Attributes:
        tenant: arguments of `create_tenant`.
        foreign: the language of a few of its customers.
        service_team, head_team: teams besides those of the regions.
        activities: subjects by kind of activity; "{}" is what is being sold.
        tickets: subjects by category.
        interests: words for cold, warm and hot in the lead file.
        lead_columns: headers of the lead file, and the field that each means.
    """

    tenant: Mapping[str, str]
    language: str
    foreign: str
    foreign_cities: tuple[str, ...]
    foreign_country: str
    foreign_trades: tuple[str, ...]
    head_team: str
    service_team: str
    mail: str
    staff_titles: Mapping[str, str]
    regions: tuple[Region, ...]
    industries: tuple[Industry, ...]
    items: tuple[Item, ...]
    campaigns: tuple[tuple[str, str, str], ...]
    rivals: tuple[Rival, ...]
    sources: tuple[str, ...]
    contact_titles: tuple[tuple[str, str], ...]
    deal: str
    lost_reasons: tuple[str, ...]
    next_steps: tuple[str, ...]
    activities: Mapping[str, tuple[str, ...]]
    tasks: tuple[str, ...]
    tickets: Mapping[str, tuple[str, ...]]
    praise: tuple[str, ...]
    blame: tuple[str, ...]
    tags: tuple[Word, ...]
    left_note: str
    handover_notes: tuple[str, ...]
    release_note: str
    claim_note: str
    absence_note: str
    payment_methods: tuple[str, ...]
    custom_key: str
    custom_titles: Mapping[str, str]
    lead_notes: tuple[str, ...]
    interests: tuple[str, str, str]
    lead_columns: Mapping[str, str]

    @property
    def currency(self) -> str:
        """The tenant's currency."""
        return self.tenant["currency"]
