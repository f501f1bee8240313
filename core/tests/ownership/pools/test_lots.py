from __future__ import annotations

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from evenhand.ownership.pools.lots import draw

PEOPLE = st.lists(st.uuids(), max_size=8, unique=True)
SEEDS = st.integers(-(2**62), 2**62)


@given(PEOPLE, SEEDS, st.randoms(use_true_random=False))
def test_the_same_entries_and_seed_give_the_same_order(people: list[UUID], seed: int, random: object) -> None:
    order = draw(people, seed)
    assert sorted(order) == sorted(people)
    assert draw(reversed(people), seed) == order
    assert draw([*people, *people], seed) == order


@given(PEOPLE.filter(lambda people: len(people) > 1), SEEDS)
def test_who_leaves_moves_nobody_else(people: list[UUID], seed: int) -> None:
    order = draw(people, seed)
    gone = order[0]
    assert draw([one for one in people if one != gone], seed) == order[1:]


def test_everybody_has_the_same_chance() -> None:
    people = [UUID(int=number) for number in range(5)]
    wins = Counter(draw(people, seed)[0] for seed in range(5000))
    assert all(900 <= wins[one] <= 1100 for one in people)
