"""Shares: what is left for the owner, and amounts that are divided exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.entities.enums import MemberRole
from evenhand.ownership.members.rules import STEP, WHOLE, Member, divide, owner_share, split_problems, team_problems
from evenhand.tenancy.models import uuid7

SHARES = st.decimals(min_value=0, max_value=100, places=2)


@given(
    amount=st.decimals(min_value=-(10**12), max_value=10**12, places=2),
    shares=st.dictionaries(st.integers(), SHARES, min_size=1, max_size=12),
)
def test_parts_make_exactly_the_amount(amount: Decimal, shares: dict[int, Decimal]) -> None:
    if not sum(shares.values()):
        with pytest.raises(ValueError, match="above zero"):
            divide(amount, shares)
        return
    parts = divide(amount, shares)
    total = sum(shares.values(), Decimal(0))
    assert sum(parts.values(), Decimal(0)) == amount
    assert parts.keys() == shares.keys()
    for key, part in parts.items():
        assert part == part.quantize(STEP)
        assert abs(part * total - amount * shares[key]) < STEP * total


def test_largest_remainders_get_what_is_left() -> None:
    thirds = {"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)}
    assert divide(Decimal("100.00"), thirds) == {"a": Decimal("33.34"), "b": Decimal("33.33"), "c": Decimal("33.33")}
    uneven = {"a": Decimal("33.30"), "b": Decimal("33.30"), "c": Decimal("33.40")}
    assert divide(Decimal("0.01"), uneven) == {"a": Decimal("0"), "b": Decimal("0"), "c": Decimal("0.01")}
    with pytest.raises(ValueError, match="multiple"):
        divide(Decimal("0.005"), thirds)
    with pytest.raises(ValueError, match="negative"):
        divide(Decimal(1), {"a": Decimal(-1), "b": Decimal(3)})


@given(shares=st.lists(SHARES, max_size=8))
def test_owner_and_collaborators_are_a_whole_or_refused(shares: list[Decimal]) -> None:
    owner = uuid7()
    members = [Member(uuid7(), MemberRole.COLLABORATOR, share) for share in shares]
    codes = [problem.code for problem in team_problems(members, owner)]
    assert (codes == ["OVER_WHOLE"]) == (sum(shares) > WHOLE)
    assert codes in ([], ["OVER_WHOLE"])
    assert owner_share(shares) + sum(shares) == WHOLE
    split = {owner: owner_share(shares), **{member.user_id: member.share or Decimal(0) for member in members}}
    assert (split_problems(split, owner) == []) == (sum(shares) <= WHOLE)


def test_every_mistake_is_told() -> None:
    owner, one, two = uuid7(), uuid7(), uuid7()
    members = [
        Member(one, MemberRole.COLLABORATOR),
        Member(one, MemberRole.WATCHER, Decimal(5)),
        Member(owner, MemberRole.COLLABORATOR, Decimal("0.001")),
        Member(two, MemberRole.COLLABORATOR, Decimal("NaN")),
    ]
    found = {(problem.field, problem.code) for problem in team_problems(members, owner)}
    assert found == {
        ("members.0.share", "REQUIRED"),
        ("members.1.user_id", "NAMED_TWICE"),
        ("members.1.share", "NO_SHARE"),
        ("members.2.user_id", "IS_OWNER"),
        ("members.2.share", "BAD_SHARE"),
        ("members.3.share", "BAD_SHARE"),
    }
    assert [one.code for one in team_problems([], None)] == ["NO_OWNER"]
    assert "TOO_MANY" in {one.code for one in team_problems([Member(uuid7(), MemberRole.WATCHER)] * 51, owner)}
    assert [one.code for one in split_problems({one: Decimal(99)}, owner)] == ["NOT_WHOLE", "OWNER_MISSING"]
