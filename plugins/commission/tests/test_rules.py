"""What the flat-percent plan keeps."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evenhand.api import CommissionLine, Deal, Outcome, Period, Shares
from evenhand_commission.rules import idle_plan, lines_for, totals
from evenhand_commission.settings import CommissionSettings

ANNA = UUID(int=7)
MAY = Period(date(2026, 5, 1), date(2026, 5, 31))
PERCENTS = st.decimals("0", "100", places=4)
DEALS = st.lists(
    st.builds(
        lambda number, outcome, owner, amount, day: deal(
            str(amount), opportunity_id=UUID(int=number), outcome=outcome, owner_id=owner, closed_on=day
        ),
        st.integers(0, 2**100),
        st.sampled_from(Outcome),
        st.none() | st.integers(1, 5).map(lambda number: UUID(int=number)),
        st.decimals("0", "99999999999999.9999", places=4),
        st.dates(date(2026, 4, 1), date(2026, 6, 30)),
    ),
    unique_by=lambda one: one.opportunity_id,
)


def deal(
    amount: str,
    *,
    opportunity_id: UUID = UUID(int=1),  # noqa: B008 - ids never change
    outcome: Outcome = Outcome.WON,
    owner_id: UUID | None = ANNA,
    closed_on: date = date(2026, 5, 20),
) -> Deal:
    return Deal(opportunity_id, "年度续约", None, owner_id, outcome, Decimal(amount), "CNY", None, closed_on)


def test_a_line_says_all_that_is_needed_to_check_it() -> None:
    plan = CommissionSettings(plan="2026 新客", percent=Decimal("7.5"))
    (line,) = lines_for([deal("12345.67")], MAY, plan)
    assert line == CommissionLine(
        opportunity_id=UUID(int=1),
        user_id=ANNA,
        plan="2026 新客",
        basis=Decimal("12345.67"),
        amount=Decimal("925.93"),
        currency="CNY",
        earned_on=date(2026, 5, 20),
        explanation={
            "en": "2026 新客: 7.5% of 12,345.67 CNY for “年度续约”, won on 2026-05-20, = 925.93 CNY "
            "(rounded half up to hundredths).",
            "zh": "2026 新客：“年度续约”于 2026-05-20 赢单，12,345.67 CNY × 7.5% = 925.93 CNY（四舍五入到分）。",
        },
    )


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [("0.10", "5", "0.01"), ("0.09", "5", "0.00"), ("0.30", "5", "0.02"), ("1000", "0", "0.00"), ("3", "100", "3.00")],
)
def test_halves_are_rounded_up(amount: str, percent: str, expected: str) -> None:
    (line,) = lines_for([deal(amount)], MAY, CommissionSettings(percent=Decimal(percent)))
    assert line.amount == Decimal(expected)
    assert line.amount.as_tuple().exponent == -2


@given(DEALS, PERCENTS)
def test_every_deal_won_by_somebody_in_the_period_earns_one_line(deals: list[Deal], percent: Decimal) -> None:
    plan = CommissionSettings(percent=percent)
    lines = lines_for(deals, MAY, plan)
    earning = {
        one.opportunity_id: one
        for one in deals
        if one.outcome is Outcome.WON and one.owner_id is not None and MAY.first <= one.closed_on <= MAY.last
    }
    assert len(lines) == len(earning)
    for line in lines:
        source = earning[line.opportunity_id]
        assert (line.user_id, line.basis, line.earned_on) == (source.owner_id, source.amount, source.closed_on)
        assert abs(line.amount * 100 - source.amount * percent) <= Decimal("0.5")


@given(DEALS, PERCENTS, st.randoms(use_true_random=False))
def test_computing_again_in_any_order_gives_the_same(deals: list[Deal], percent: Decimal, random: Random) -> None:
    plan = CommissionSettings(percent=percent)
    shuffled = sorted(deals, key=lambda _: random.random())
    assert lines_for(shuffled, MAY, plan) == lines_for(deals, MAY, plan)


@given(DEALS, st.dates(MAY.first, MAY.last - timedelta(days=1)))
def test_parts_of_a_period_add_up_to_the_whole(deals: list[Deal], cut: date) -> None:
    plan = CommissionSettings()
    parts = [Period(MAY.first, cut), Period(cut + timedelta(days=1), MAY.last)]
    assert [line for part in parts for line in lines_for(deals, part, plan)] == lines_for(deals, MAY, plan)


def test_a_plan_counts_only_while_it_is_in_effect() -> None:
    plan = CommissionSettings(effective_from=date(2026, 5, 10), effective_to=date(2026, 5, 20))
    days = [date(2026, 5, day) for day in (9, 10, 20, 21)]
    deals = [deal("100", opportunity_id=UUID(int=day.day), closed_on=day) for day in days]
    assert [line.earned_on for line in lines_for(deals, MAY, plan)] == days[1:3]


def test_totals_are_the_sum_of_the_lines_for_each_currency() -> None:
    lines = lines_for([deal("0.10", opportunity_id=UUID(int=number)) for number in range(3)], MAY, CommissionSettings())
    assert totals(lines) == {"CNY": Decimal("0.03")}
    assert totals([]) == {}


@pytest.mark.parametrize(
    "bad",
    [
        {"percent": "100.01"},
        {"percent": "-1"},
        {"percent": "5.12345"},
        {"percent": "much"},
        {"plan": "  "},
        {"effective_from": "2026-05-02", "effective_to": "2026-05-01"},
        {"rate": 5},
    ],
)
def test_bad_settings_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CommissionSettings.model_validate(bad)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, []),
        ({"percent": "0"}, ["Flat percent pays 0%."]),
        ({"effective_from": "2026-05-02"}, ["Flat percent begins on 2026-05-02."]),
        ({"effective_to": "2026-04-30"}, ["Flat percent ended on 2026-04-30."]),
        ({"effective_from": "2026-05-01", "effective_to": "2026-05-01"}, []),
    ],
)
def test_a_plan_that_pays_nothing_today_is_told(facts: dict[str, str], said: list[str]) -> None:
    found = idle_plan(CommissionSettings.model_validate(facts), date(2026, 5, 1))
    assert [one.message["en"] for one in found] == said
    assert all(one.message["zh"] and one.hint["zh"] and one.hint["en"] for one in found)


@given(
    DEALS,
    PERCENTS,
    st.lists(st.decimals("0", "20", places=2), max_size=4),
    st.none() | st.integers(1, 9).map(lambda number: UUID(int=number)),
)
def test_the_lines_of_a_team_make_exactly_the_whole(
    deals: list[Deal], percent: Decimal, parts: list[Decimal], case: UUID | None
) -> None:
    plan = CommissionSettings(percent=percent)
    team = {UUID(int=100 + number): part for number, part in enumerate(parts)}
    shares = {one.opportunity_id: Shares(one.owner_id, team, case) for one in deals if one.owner_id is not None}
    alone = {line.opportunity_id: line for line in lines_for(deals, MAY, plan)}
    divided = lines_for(deals, MAY, plan, shares)
    assert [line.opportunity_id for line in lines_for(deals, MAY, plan)] == list(
        dict.fromkeys(line.opportunity_id for line in divided)
    )
    for opportunity_id, whole in alone.items():
        lines = [line for line in divided if line.opportunity_id == opportunity_id]
        has = shares[opportunity_id]
        assert {line.user_id for line in lines} == {user for user, share in has.items() if share}
        assert sum(line.amount for line in lines) == whole.amount
        assert sum(line.basis for line in lines) == whole.basis
        for line in lines:
            assert abs(line.amount - whole.amount * has[line.user_id] / 100) < Decimal("0.01")
            named = case is not None and len(has) > 1
            assert all((f"{case}" in words) == named for words in line.explanation.values())


def test_a_share_is_explained() -> None:
    plan = CommissionSettings(plan="P", percent=Decimal(10))
    case, other = UUID(int=3), UUID(int=8)
    owners, others = lines_for([deal("100.01")], MAY, plan, {UUID(int=1): Shares(ANNA, {other: Decimal(30)}, case)})
    assert (owners.user_id, owners.amount, owners.basis) == (ANNA, Decimal("7.00"), Decimal("70.007"))
    assert (others.user_id, others.amount, others.basis) == (other, Decimal("3.00"), Decimal("30.003"))
    assert others.explanation["en"].endswith(f" Share of 30% by the ruling of conflict case {case}: 3.00 CNY.")
    assert others.explanation["zh"].endswith(f"分成 30%（依据归属争议 {case} 的裁决）：3.00 CNY。")
