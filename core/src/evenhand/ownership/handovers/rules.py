"""Who gets what in a hand-over: pure functions, without I/O; all chance comes from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from random import Random
from uuid import UUID

from evenhand.entities.enums import HandoverMethod

Money = Mapping[str, Decimal]
"""Amounts by currency; those of different currencies are never added."""

NO_TIER = ""
"""Counts accounts without a tier."""


@dataclass(frozen=True)
class Target:
    """Who is to get a record: a user, a pool, or nobody (it stays where it is)."""

    user_id: UUID | None = None
    pool_id: UUID | None = None

    def __bool__(self) -> bool:
        return self.user_id is not None or self.pool_id is not None


NOBODY = Target()


@dataclass(frozen=True)
class Item:
    """A record of a book.

    Attributes:
        since: since when it is held.
        account_id: the customer: the account itself, or that of the lead or deal.
        tier: of the customer.
        values: its part of the book value, by currency.
        account_holder: who holds the customer.
        collaborators: of the record, else of its customer; those with the larger shares first.
    """

    entity: str
    record_id: UUID
    since: datetime
    account_id: UUID | None = None
    tier: str | None = None
    region: str | None = None
    source: str | None = None
    values: Money = field(default_factory=dict)
    account_holder: Target = NOBODY
    collaborators: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Where:
    """Which records; an empty part takes any."""

    entities: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    record_ids: frozenset[UUID] = frozenset()
    account_ids: frozenset[UUID] = frozenset()

    def takes(self, item: Item) -> bool:
        """Whether it is about this record."""
        return (
            (not self.entities or item.entity in self.entities)
            and (not self.tiers or item.tier in self.tiers)
            and (not self.regions or item.region in self.regions)
            and (not self.sources or item.source in self.sources)
            and (not self.record_ids or item.record_id in self.record_ids)
            and (not self.account_ids or item.account_id in self.account_ids)
        )


@dataclass(frozen=True)
class Step:
    """One way to choose, for the records that no step before it has chosen for.

    Attributes:
        users: among whom; for `hand` the one who gets all.
        shares: how many parts each of the users gets, in their order; alike when empty.
        pool_id: for `hand`: the pool that gets all.
        policy: "<plugin>:<name>", for `policy`; None for the plugins' usual way.
    """

    method: HandoverMethod
    users: tuple[UUID, ...] = ()
    shares: tuple[int, ...] = ()
    pool_id: UUID | None = None
    policy: str | None = None
    where: Where = Where()


@dataclass
class Book:
    """What somebody holds.

    Attributes:
        values: the book value by currency.
        tiers: accounts by the customer's tier.
    """

    values: dict[str, Decimal] = field(default_factory=dict)
    tiers: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)

    def copy(self) -> Book:
        """The same, to be changed apart."""
        return Book(dict(self.values), Counter(self.tiers), Counter(self.records))

    def add(self, item: Item, sign: int = 1) -> None:
        """Put a record in, or with `sign` -1 take it out."""
        self.records[item.entity] += sign
        if item.entity == "Account":
            self.tiers[item.tier or NO_TIER] += sign
        for currency, value in item.values.items():
            self.values[currency] = self.values.get(currency, Decimal(0)) + sign * value


def total(items: Iterable[Item]) -> dict[str, Decimal]:
    """The values of records together, by currency."""
    found: dict[str, Decimal] = {}
    for item in items:
        for currency, value in item.values.items():
            found[currency] = found.get(currency, Decimal(0)) + value
    return found


def _random(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - draws ties that can be drawn again, keeps no secret


def apportion(count: int, shares: Sequence[int], seed: int) -> list[int]:
    """Split a number by shares with the method of the largest remainder; equal remainders are drawn by the seed.

    Each part is within one of its exact share, and they add up to `count`.

    Raises:
        ValueError: a share is negative, or all are zero.
    """
    whole = sum(shares)
    if whole <= 0 or min(shares) < 0:
        raise ValueError("shares must not be negative, and one must be more than zero")
    exact = [Fraction(count * share, whole) for share in shares]
    parts = [int(value) for value in exact]
    order = list(range(len(shares)))
    _random(seed).shuffle(order)
    order.sort(key=lambda place: exact[place] - parts[place], reverse=True)
    for place in order[: count - sum(parts)]:
        parts[place] += 1
    return parts


def units(items: Iterable[Item]) -> list[list[Item]]:
    """Records that stay together: a customer with its leads and deals; in an order that depends on ids only."""
    found: dict[UUID, list[Item]] = {}
    for item in sorted(items, key=lambda item: item.record_id):
        found.setdefault(item.account_id or item.record_id, []).append(item)
    return list(found.values())


def _shuffled(found: list[list[Item]], seed: int) -> list[list[Item]]:
    _random(seed).shuffle(found)
    return found


def share_out(items: Iterable[Item], users: Sequence[UUID], shares: Sequence[int], seed: int) -> dict[UUID, UUID]:
    """Give each user a number of customers by shares, whatever they are worth; who gets which is drawn.

    Returns: user by record.
    """
    drawn = _shuffled(units(items), seed)
    parts = apportion(len(drawn), shares or [1] * len(users), seed)
    chosen: dict[UUID, UUID] = {}
    start = 0
    for user, part in zip(users, parts, strict=True):
        for unit in drawn[start : start + part]:
            chosen |= {item.record_id: user for item in unit}
        start += part
    return chosen


def balance(
    items: Iterable[Item],
    books: Mapping[UUID, Book],
    users: Sequence[UUID],
    seed: int,
    *,
    currency: str,
    shares: Sequence[int] = (),
) -> dict[UUID, UUID]:
    """Give records so that the books are as even as possible afterwards: the largest first, to the smallest book.

    A customer with its leads and deals stays together. Currencies are balanced one after the other, the tenant's
    first, each customer by the first in which it is worth something; customers worth nothing are balanced by number.

    Args:
        books: what the users hold before; who is not in it holds nothing.
        currency: the tenant's.
        shares: how large the books are to be in relation to each other; alike when empty.

    Returns: user by record.
    """
    weights = dict(zip(users, shares or [1] * len(users), strict=True))
    taking = [user for user in users if weights[user] > 0]
    if not taking:
        return {}
    after = {user: books[user].copy() if user in books else Book() for user in taking}
    # Ties between books are drawn, and those between customers too.
    place = {user: number for number, user in enumerate(_random(seed).sample(sorted(taking), len(taking)))}
    waiting = [(unit, total(unit)) for unit in _shuffled(units(items), seed)]
    chosen: dict[UUID, UUID] = {}

    def give(unit: Sequence[Item], load: Callable[[Book], Decimal | int]) -> None:
        user = min(
            taking,
            key=lambda one: (
                Fraction(load(after[one])) / weights[one],
                Fraction(after[one].records.total(), weights[one]),
                place[one],
            ),
        )
        for item in unit:
            after[user].add(item)
            chosen[item.record_id] = user

    for name in sorted({name for _, values in waiting for name in values}, key=lambda name: (name != currency, name)):
        mine = [one for one in waiting if one[1].get(name, Decimal(0)) > 0]
        waiting = [one for one in waiting if one[1].get(name, Decimal(0)) <= 0]
        for unit, _ in sorted(mine, key=lambda one: one[1][name], reverse=True):
            give(unit, lambda book, name=name: book.values.get(name, Decimal(0)))  # type: ignore[misc]
    for unit, _ in sorted(waiting, key=lambda one: len(one[0]), reverse=True):
        give(unit, lambda book: book.records.total())
    return chosen


def follow_account(
    items: Iterable[Item], accounts: Mapping[UUID, Target], eligible: Collection[UUID], leaver: UUID
) -> dict[UUID, Target]:
    """Where leads and deals go with their customers: as the plan says, else to who holds the customer.

    Args:
        accounts: what the plan has chosen for customers, by account.
        eligible: who can hold records.

    Returns: by record; those without a customer, and of customers that stay, are left out.
    """
    chosen: dict[UUID, Target] = {}
    for item in items:
        if item.entity == "Account" or item.account_id is None:
            continue
        target = accounts.get(item.account_id)
        if target is None and item.account_holder.user_id != leaver and item.account_holder.user_id in eligible:
            target = item.account_holder
        if target:
            chosen[item.record_id] = target
    return chosen


def keep_collaborators(items: Iterable[Item], eligible: Collection[UUID], leaver: UUID) -> dict[UUID, UUID]:
    """Give records to who works on them already, the one with the largest share; user by record."""
    chosen: dict[UUID, UUID] = {}
    for item in items:
        found = next((one for one in item.collaborators if one in eligible and one != leaver), None)
        if found is not None:
            chosen[item.record_id] = found
    return chosen


def over_limit(changes: Mapping[UUID, int], limit: int, moving: Iterable[tuple[UUID, Target]]) -> set[UUID]:
    """Customers that would get another owner more often within a year than they may.

    Args:
        changes: how often each got another owner within the last 365 days.
        moving: customers and who is to get them; a pool is no owner.
    """
    return {
        customer for customer, target in moving if target.user_id is not None and changes.get(customer, 0) + 1 > limit
    }


def books_after(
    before: Mapping[Target, Book], leaver: Target, moves: Iterable[tuple[Item, Target]]
) -> dict[Target, Book]:
    """The books once records have moved from the leaver to their targets."""
    after = {holder: book.copy() for holder, book in before.items()}
    for item, target in moves:
        if target:
            after.setdefault(leaver, Book()).add(item, -1)
            after.setdefault(target, Book()).add(item)
    return after
