"""The rules of approvals: never approved without all steps, never two ends, never by who requested it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from evenhand.approvals.facts import PricedLine, discounts, fingerprint
from evenhand.approvals.reading import read_conditions, read_steps
from evenhand.approvals.rules import (
    Case,
    Condition,
    Need,
    Person,
    Refused,
    Step,
    Who,
    applies,
    approvers,
    decide,
    escalated,
    seat_for,
)
from evenhand.entities.enums import ApprovalKind, ApprovalState, ApprovalVerdict
from evenhand.tenancy.context import Role

PEOPLE = [UUID(int=number) for number in range(1, 7)]
users = st.sampled_from(PEOPLE)


class Deciding(RuleBasedStateMachine):
    """Any people decide in any order, for themselves and as deputies of anybody."""

    @initialize(requester=users, needs=st.lists(st.sampled_from(Need), min_size=1, max_size=3), seats=st.data())
    def begin(self, requester: UUID, needs: list[Need], seats: st.DataObject) -> None:
        others = st.sets(users.filter(lambda user: user != requester), min_size=1, max_size=3)
        self.seats = [frozenset(seats.draw(others)) for _ in needs]
        self.case = Case(requester, tuple(needs), waiting=self.seats[0])
        self.approved: list[set[UUID]] = [set() for _ in needs]
        self.deciders: list[set[UUID]] = [set() for _ in needs]
        self.rejected = False

    @rule(actor=users, deputy_of=st.sets(users), verdict=st.sampled_from(ApprovalVerdict))
    def somebody_decides(self, actor: UUID, deputy_of: set[UUID], verdict: ApprovalVerdict) -> None:
        before, step = self.case, self.case.step - 1
        seat = seat_for(before, actor, deputy_of)
        if isinstance(seat, Refused):
            may = before.waiting & ({actor} | deputy_of)
            assert (
                before.state is not ApprovalState.PENDING
                or actor == before.requester
                or actor in self.deciders[step]
                or not may
            )
            return
        assert before.state is ApprovalState.PENDING
        assert actor != before.requester
        assert seat in self.seats[step]
        assert seat == actor or seat in deputy_of
        assert seat not in self.approved[step]
        assert actor not in self.deciders[step]
        after = decide(before, seat, actor, verdict)
        self.deciders[step].add(actor)
        if verdict is ApprovalVerdict.REJECT:
            self.rejected = True
        else:
            self.approved[step].add(seat)
        if after.step != before.step:
            after = Case(after.requester, after.needs, after.step, waiting=self.seats[after.step - 1])
        self.case = after

    @invariant()
    def it_is_approved_with_all_steps_and_only_then(self) -> None:
        if not hasattr(self, "case"):
            return
        done = [
            seats == approved if need is Need.ALL else bool(approved)
            for need, seats, approved in zip(self.case.needs, self.seats, self.approved, strict=True)
        ]
        assert (self.case.state is ApprovalState.APPROVED) == (all(done) and not self.rejected)
        assert (self.case.state is ApprovalState.REJECTED) == self.rejected
        assert all(done[: self.case.step - 1])


TestDeciding = Deciding.TestCase

roles = st.sampled_from(Role)


@st.composite
def companies(draw: st.DrawFn) -> dict[UUID, Person]:
    """Any chain of command, also with loops."""
    above = st.none() | users
    return {
        one: Person(one, draw(roles), draw(above), draw(st.none() | users), able=draw(st.booleans())) for one in PEOPLE
    }


@given(companies(), st.sampled_from(Who), roles, st.sets(users, min_size=1), st.none() | users, st.none() | users)
def test_only_able_others_are_asked(
    people: dict[UUID, Person], who: Who, role: Role, named: set[UUID], requester: UUID | None, owner: UUID | None
) -> None:
    step = Step(who, role=role if who is Who.ROLE else None, users=tuple(named) if who is Who.USERS else ())
    parents: dict[UUID, UUID | None] = {one: person.manager_id for one, person in people.items()}
    found = approvers(step, people, parents, requester=requester, owner=owner)
    assert requester not in found
    assert all(people[one].able for one in found)
    assert len(set(found)) == len(found)
    admins = [one for one, person in people.items() if person.role is Role.ADMIN and person.able and one != requester]
    assert found or not admins


@given(companies(), users, st.none() | users)
def test_it_passes_to_somebody_else(people: dict[UUID, Person], seat: UUID, requester: UUID | None) -> None:
    above = escalated(seat, people, requester)
    assert above is None or (above not in (seat, requester) and people[above].able)


numbers = st.decimals(min_value=-1000, max_value=1000, places=2)


@given(numbers, numbers)
def test_thresholds(least: Decimal, value: Decimal) -> None:
    facts = {"discount_percent": str(value)}
    assert applies([Condition("discount_percent", at_least=least)], facts) == (value >= least)
    assert applies([Condition("discount_percent", more_than=least)], facts) == (value > least)
    assert not applies([Condition("amount", at_least=least)], facts)
    assert applies([], facts)


prices = st.decimals(min_value="0.01", max_value=10_000, places=2)
lines = st.builds(
    PricedLine,
    quantity=st.decimals(min_value=1, max_value=100, places=0),
    unit_price=st.none() | prices,
    list_price=st.none() | prices,
    discount_percent=st.decimals(min_value=0, max_value=100, places=2),
)


@given(st.lists(lines, max_size=5))
def test_discounts_lie_between_nothing_and_all(several: list[PricedLine]) -> None:
    found = discounts(several)
    assert 0 <= found["total_discount_percent"] <= found["discount_percent"] + Decimal("0.0001") <= Decimal("100.0001")


def test_no_discount_stays_under_a_threshold_by_its_last_digits() -> None:
    line = PricedLine(Decimal(1), Decimal("84.99999"), Decimal(100))
    assert discounts([line])["discount_percent"] > 15
    assert discounts([PricedLine(Decimal(2), Decimal(120), Decimal(100))])["discount_percent"] == 0
    unpriced = PricedLine(Decimal(1), None, None)
    both = discounts([PricedLine(Decimal(1), Decimal(90), Decimal(100), Decimal(10)), unpriced])
    assert both["discount_percent"] == 19


def test_the_same_facts_are_known_again() -> None:
    kept = fingerprint({"amount": Decimal("1000.00"), "nested": {"b": 1, "a": None}, "empty": None})
    assert kept == fingerprint({"nested": {"b": Decimal(1)}, "amount": Decimal("1000")})
    assert kept != fingerprint({"amount": Decimal("1000.01"), "nested": {"b": 1}})


@given(st.lists(st.sampled_from([{"approver": "owner_manager"}, {"approver": "role", "role": "admin", "hours": 3}])))
def test_steps_are_read_as_they_are_kept(raw: list[dict[str, Any]]) -> None:
    steps, problems = read_steps(raw)
    assert (problems == []) == (1 <= len(raw) <= 10)
    assert read_steps([step.plain() for step in steps])[0] == steps


@pytest.mark.parametrize(
    "step",
    [
        {},
        {"approver": "boss"},
        {"approver": "role"},
        {"approver": "role", "role": "read_only"},
        {"approver": "users", "users": []},
        {"approver": "users", "users": ["li"]},
        {"approver": "team_lead", "users": [str(PEOPLE[0])]},
        {"approver": "team_lead", "hours": 0},
        {"approver": "team_lead", "hours": True},
        {"approver": "team_lead", "at_deadline": "remind"},
        {"approver": "team_lead", "need": "most"},
        {"approver": "team_lead", "extra": 1},
    ],
)
def test_steps_that_mean_nothing_are_refused(step: dict[str, Any]) -> None:
    _, problems = read_steps([{"approver": "ownerManager"}, step])
    assert [(one.field, one.code) for one in problems] == [("steps.1", "BAD_STEP")]


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("discount", {"fact": "weather", "at_least": 1}),
        ("discount", {"fact": "discount_percent"}),
        ("discount", {"fact": "discount_percent", "at_least": "much"}),
        ("discount", {"fact": "amount", "at_least": 1}),
        ("discount", {"fact": "amount", "at_least": 1, "currency": "yuan"}),
        ("stage_move", {"fact": "stage_id", "at_least": 1}),
        ("stage_move", {"fact": "stage_id", "one_of": []}),
        ("custom", {"at_least": 1}),
    ],
)
def test_conditions_that_mean_nothing_are_refused(kind: str, condition: dict[str, Any]) -> None:
    _, problems = read_conditions([condition], ApprovalKind(kind))
    assert [(one.field, one.code) for one in problems] == [("conditions.0", "BAD_CONDITION")]
