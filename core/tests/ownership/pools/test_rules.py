from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from evenhand.ownership.pools.rules import Facts, fits, in_force, matching
from evenhand.tenancy.models import uuid7

DAY = date(2026, 5, 20)
EAST, WEST = uuid7(), uuid7()
WORDS = st.sampled_from(["a", "b", "华东"])
LISTS = st.lists(WORDS, max_size=2, unique=True).map(tuple)


@dataclass(frozen=True)
class Some:
    id: UUID
    pool_id: UUID
    entity: str
    position: int
    tiers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    product_lines: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    is_active: bool = True


DAYS = st.none() | st.integers(-2, 2).map(lambda days: DAY + timedelta(days=days))
RULES = st.builds(
    Some,
    id=st.builds(uuid7),
    pool_id=st.sampled_from([EAST, WEST]),
    entity=st.sampled_from(["Account", "Lead"]),
    position=st.integers(0, 3),
    tiers=LISTS,
    sources=LISTS,
    product_lines=LISTS,
    regions=LISTS,
    valid_from=DAYS,
    valid_until=DAYS,
    is_active=st.booleans(),
)
FACTS = st.builds(
    Facts,
    entity=st.sampled_from(["Account", "Lead"]),
    tier=st.none() | WORDS,
    source=st.none() | WORDS,
    product_line=st.none() | WORDS,
    region=st.none() | WORDS,
)


@given(st.lists(RULES, max_size=6), FACTS, st.sampled_from([None, EAST, WEST]))
def test_the_first_rule_by_position_that_fits_and_holds(rules: list[Some], facts: Facts, pool: UUID | None) -> None:
    found = matching(rules, facts, DAY, pool_id=pool)
    able = [one for one in rules if in_force(one, DAY) and fits(one, facts) and pool in (None, one.pool_id)]
    assert (found is None) == (not able)
    if found is not None:
        assert found in able
        assert (found.position, found.id) == min((one.position, one.id) for one in able)


@given(st.lists(RULES, max_size=6), FACTS, st.randoms(use_true_random=False))
def test_the_order_in_which_rules_come_says_nothing(rules: list[Some], facts: Facts, random: object) -> None:
    shuffled = sorted(rules, key=lambda rule: rule.id.int % 7)
    assert matching(rules, facts, DAY) == matching(shuffled, facts, DAY)


@given(FACTS)
def test_a_rule_without_conditions_is_about_all(facts: Facts) -> None:
    rule = Some(uuid7(), EAST, facts.entity, 0)
    assert matching([rule], facts, DAY) is rule


def test_days_are_included() -> None:
    rule = Some(uuid7(), EAST, "Lead", 0, valid_from=DAY, valid_until=DAY)
    assert matching([rule], Facts("Lead"), DAY) is rule
    for day in (DAY - timedelta(days=1), DAY + timedelta(days=1)):
        assert matching([rule], Facts("Lead"), day) is None


def test_a_record_without_a_value_is_not_of_a_listed_one() -> None:
    rule = Some(uuid7(), EAST, "Account", 0, tiers=("a",))
    assert matching([rule], Facts.of("Account", {"tier": None}), DAY) is None
    assert matching([rule], Facts.of("Account", {"tier": "a"}), DAY) is rule
