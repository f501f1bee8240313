"""The rules of hand-overs: apportioning, balancing, following, limits."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.ownership.handovers.rules import (
    NOBODY,
    Book,
    Item,
    Target,
    Where,
    apportion,
    balance,
    books_after,
    follow_account,
    keep_collaborators,
    over_limit,
    share_out,
    units,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def number(value: int) -> UUID:
    return UUID(int=value)


def account(name: int, cny: int = 0, **values: object) -> Item:
    money = {"CNY": Decimal(cny)} if cny else {}
    options: dict[str, object] = {"account_id": number(name), "values": money, **values}
    return Item("Account", number(name), NOW, **options)  # type: ignore[arg-type]


def deal(name: int, of: int | None, cny: int = 0, **values: object) -> Item:
    of_account = number(of) if of is not None else None
    money = {"CNY": Decimal(cny)} if cny else {}
    options: dict[str, object] = {"account_id": of_account, "values": money, **values}
    return Item("Opportunity", number(name), NOW, **options)  # type: ignore[arg-type]


@given(st.integers(0, 5000), st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.integers())
def test_the_largest_remainder_is_within_one_and_adds_up(count: int, shares: list[int], seed: int) -> None:
    if not any(shares):
        with pytest.raises(ValueError, match="shares"):
            apportion(count, shares, seed)
        return
    parts = apportion(count, shares, seed)
    assert sum(parts) == count
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - Fraction(count * share, sum(shares))) < 1
    assert parts == apportion(count, shares, seed)


def test_the_largest_remainders_get_what_is_left() -> None:
    assert apportion(10, [50, 30, 21], 1) == [5, 3, 2]
    assert {tuple(apportion(1, [1, 1], seed)) for seed in range(50)} == {(0, 1), (1, 0)}


amounts = st.lists(st.integers(0, 10_000), max_size=40)
before = st.lists(st.integers(0, 20_000), min_size=1, max_size=6)


@given(amounts, before, st.integers())
def test_nobody_is_ahead_by_more_than_the_last_customer(values: list[int], held: list[int], seed: int) -> None:
    """Whoever got something was the smallest when the smallest of it came: the bound of greedy balancing."""
    users = [number(1000 + place) for place in range(len(held))]
    books = {user: Book({"CNY": Decimal(value)}) for user, value in zip(users, held, strict=True)}
    items = [account(place + 1, value) for place, value in enumerate(values)]
    chosen = balance(items, books, users, seed, currency="CNY")
    assert chosen.keys() == {item.record_id for item in items}
    assert chosen == balance(list(reversed(items)), books, users, seed, currency="CNY")
    worth = {user: books[user].values["CNY"] for user in users}
    least: dict[UUID, Decimal] = {}
    for item in items:
        value = item.values.get("CNY", Decimal(0))
        worth[chosen[item.record_id]] += value
        if value:
            got = chosen[item.record_id]
            least[got] = min(least.get(got, value), value)
    for user, smallest in least.items():
        assert worth[user] - smallest <= min(worth.values())


@given(st.integers(0, 60), st.integers(1, 7), st.integers())
def test_what_is_worth_nothing_is_balanced_by_number(count: int, people: int, seed: int) -> None:
    users = [number(1000 + place) for place in range(people)]
    chosen = balance([account(place + 1) for place in range(count)], {}, users, seed, currency="CNY")
    got = Counter(chosen.values())
    assert max((got[user] for user in users), default=0) - min(got[user] for user in users) <= 1


@given(st.lists(st.integers(1, 8), min_size=1, max_size=30), st.integers(1, 5), st.integers())
def test_a_customer_stays_together(customers: list[int], people: int, seed: int) -> None:
    users = [number(1000 + place) for place in range(people)]
    items: list[Item] = []
    for place, deals in enumerate(customers):
        items.append(account(place + 1, 10 * place))
        items += [deal(10_000 + 100 * place + one, place + 1, one) for one in range(deals)]
    for chosen in (balance(items, {}, users, seed, currency="CNY"), share_out(items, users, (), seed)):
        assert len(chosen) == len(items)
        for unit in units(items):
            assert len({chosen[item.record_id] for item in unit}) == 1


def test_currencies_are_balanced_apart() -> None:
    users = [number(1001), number(1002)]
    items = [
        account(place, 0, values={name: Decimal(100)}) for place, name in enumerate(["USD", "USD", "CNY", "CNY"], 1)
    ]
    chosen = balance(items, {}, users, 7, currency="CNY")
    for name in ("USD", "CNY"):
        assert {chosen[item.record_id] for item in items if name in item.values} == set(users)


def test_larger_shares_make_larger_books() -> None:
    users = [number(1001), number(1002)]
    chosen = balance([account(place + 1, 10) for place in range(90)], {}, users, 3, currency="CNY", shares=(2, 1))
    assert Counter(chosen.values()) == {users[0]: 60, users[1]: 30}
    assert balance([account(1)], {}, users, 3, currency="CNY", shares=(0, 0)) == {}


def test_ties_are_drawn_by_the_seed() -> None:
    users = [number(1001), number(1002)]
    drawn = {balance([account(1, 5)], {}, users, seed, currency="CNY")[number(1)] for seed in range(50)}
    assert drawn == set(users)


def test_deals_follow_their_customers() -> None:
    leaver, heir, other = number(1), number(2), number(3)
    pool = Target(pool_id=number(9))
    items = [
        deal(11, 101),
        deal(12, 102),
        deal(13, 103, account_holder=Target(other)),
        deal(14, 104, account_holder=Target(leaver)),
        deal(15, 105, account_holder=Target(number(7))),
        deal(16, None),
        account(101),
    ]
    chosen = follow_account(items, {number(101): Target(heir), number(102): pool}, {heir, other}, leaver)
    assert chosen == {number(11): Target(heir), number(12): pool, number(13): Target(other)}


def test_the_first_collaborator_who_can_gets_it() -> None:
    leaver, away, mate = number(1), number(2), number(3)
    items = [deal(11, None, collaborators=(leaver, away, mate)), deal(12, None, collaborators=(away,)), deal(13, None)]
    assert keep_collaborators(items, {leaver, mate}, leaver) == {number(11): mate}


@given(st.dictionaries(st.integers(1, 30), st.integers(0, 6)), st.integers(1, 5))
def test_the_limit_is_met_exactly(changes: dict[int, int], limit: int) -> None:
    counted = {number(name): count for name, count in changes.items()}
    over = over_limit(counted, limit, [(one, Target(number(99))) for one in counted])
    assert over == {one for one, count in counted.items() if count >= limit}
    assert over_limit(counted, limit, [(one, Target(pool_id=number(9))) for one in counted]) == set()


@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from([0, 1, 2])), max_size=30))
def test_books_lose_and_gain_alike(moves: list[tuple[int, int]]) -> None:
    leaver = Target(number(1))
    targets = [NOBODY, Target(number(2)), Target(pool_id=number(3))]
    items = [(account(place + 10, value, tier="a"), targets[to]) for place, (value, to) in enumerate(moves)]
    start = Book()
    for item, _ in items:
        start.add(item)
    after = books_after({leaver: start}, leaver, items)
    assert sum((book.values.get("CNY", Decimal(0)) for book in after.values()), Decimal(0)) == sum(
        value for value, _ in moves
    )
    assert sum(book.records["Account"] for book in after.values()) == len(moves)
    assert after[leaver].tiers["a"] == sum(to == 0 for _, to in moves)
    assert start.records.total() == len(moves)


def test_a_condition_takes_what_it_names() -> None:
    item = account(1, tier="a", region="华东", source="web")
    assert Where().takes(item)
    assert Where(tiers=frozenset({"a"}), regions=frozenset({"华东"}), sources=frozenset({"web"})).takes(item)
    assert not Where(entities=frozenset({"Lead"})).takes(item)
    assert not Where(tiers=frozenset({"b"})).takes(item)
    assert not Where(record_ids=frozenset({number(2)})).takes(item)
    assert not Where(account_ids=frozenset({number(2)})).takes(item)
