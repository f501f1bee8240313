"""What the key figures keep."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.api import Deal, Measurement, Outcome
from evenhand_scoring.rules import KPIS, revenue, sales_cycle, win_rate

CLOSED = date(2026, 5, 31)
AMOUNTS = st.decimals("0", "99999999999999.9999", places=4)
DEALS = st.lists(
    st.builds(
        lambda number, outcome, amount, currency, days: Deal(
            opportunity_id=UUID(int=number),
            name="年度续约",
            account_id=None,
            owner_id=None,
            outcome=outcome,
            amount=amount,
            currency=currency,
            opened_on=None if days is None else CLOSED - timedelta(days=days),
            closed_on=CLOSED,
        ),
        st.integers(0, 2**100),
        st.sampled_from(Outcome),
        AMOUNTS,
        st.sampled_from(["CNY", "EUR", "USD"]),
        st.none() | st.integers(0, 3000),
    )
)


def deal(outcome: Outcome, amount: str = "0", currency: str = "CNY", days: int | None = None) -> Deal:
    opened = None if days is None else CLOSED - timedelta(days=days)
    return Deal(UUID(int=1), "Deal", None, None, outcome, Decimal(amount), currency, opened, CLOSED)


WON, LOST = Outcome.WON, Outcome.LOST


def test_revenue_is_told_per_currency_and_counts_only_what_was_won() -> None:
    found = revenue([deal(WON, "10.50"), deal(WON, "0.25"), deal(LOST, "99"), deal(WON, "7", "USD")])
    assert found == [Measurement(Decimal("10.75"), "CNY"), Measurement(Decimal(7), "USD")]


def test_win_rate_is_rounded_half_up_to_a_hundredth() -> None:
    assert win_rate([deal(WON), deal(WON), deal(LOST)]) == [Measurement(Decimal("66.67"), "percent")]
    assert win_rate([deal(WON)] + [deal(LOST)] * 799) == [Measurement(Decimal("0.13"), "percent")]


def test_sales_cycle_is_the_mean_of_won_deals_with_a_known_first_day() -> None:
    deals = [deal(WON, days=10), deal(WON, days=21), deal(LOST, days=500), deal(WON)]
    assert sales_cycle(deals) == [Measurement(Decimal("15.50"), "days")]
    assert sales_cycle([deal(WON, days=0)]) == [Measurement(Decimal("0.00"), "days")]


@pytest.mark.parametrize("deals", [[], [deal(LOST, days=3)], [deal(WON)]])
def test_what_is_undefined_is_left_out(deals: list[Deal]) -> None:
    assert bool(win_rate(deals)) is bool(deals)
    assert sales_cycle(deals) == []
    assert bool(revenue(deals)) is any(one.outcome is WON for one in deals)


@given(DEALS, st.randoms(use_true_random=False))
def test_order_does_not_matter(deals: list[Deal], random: Random) -> None:
    shuffled = sorted(deals, key=lambda _: random.random())
    for kpi in KPIS:
        assert list(kpi.calculate(deals)) == list(kpi.calculate(shuffled))


@given(DEALS, DEALS)
def test_revenue_of_two_parts_adds_up(one: list[Deal], two: list[Deal]) -> None:
    whole: defaultdict[str, Decimal] = defaultdict(Decimal)
    for part in (one, two):
        for measured in revenue(part):
            whole[measured.unit] += measured.value
    assert {measured.unit: measured.value for measured in revenue([*one, *two])} == dict(whole)


@given(DEALS)
def test_win_rate_is_the_share_of_what_was_won(deals: list[Deal]) -> None:
    measured = win_rate(deals)
    assert len(measured) == bool(deals)
    if deals:
        rate = measured[0].value
        assert 0 <= rate <= 100
        won = sum(one.outcome is WON for one in deals)
        assert abs(rate * len(deals) - 100 * won) <= Decimal("0.005") * len(deals)


@given(DEALS)
def test_the_mean_cycle_lies_between_the_shortest_and_the_longest(deals: list[Deal]) -> None:
    days = [(one.closed_on - one.opened_on).days for one in deals if one.outcome is WON and one.opened_on is not None]
    measured = sales_cycle(deals)
    assert bool(measured) is bool(days)
    if days:
        assert min(days) <= measured[0].value <= max(days)


def test_every_figure_is_documented_in_both_languages() -> None:
    assert [kpi.key for kpi in KPIS] == ["revenue", "win_rate", "sales_cycle"]
    assert all(kpi.titles.keys() == {"en", "zh"} and kpi.formula for kpi in KPIS)
