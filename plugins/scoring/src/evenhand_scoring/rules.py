"""Key figures over closed deals. Pure: the same deals always give the same figures, in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from evenhand.api import Deal, Kpi, Measurement, Outcome

HUNDREDTH = Decimal("0.01")


def _won(deals: Sequence[Deal]) -> list[Deal]:
    return [deal for deal in deals if deal.outcome is Outcome.WON]


def revenue(deals: Sequence[Deal]) -> list[Measurement]:
    """Sum of the amounts of won deals, one measurement per currency by its letters; empty when nothing was won."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for deal in _won(deals):
        sums[deal.currency] += deal.amount
    return [Measurement(sums[currency], currency) for currency in sorted(sums)]


def win_rate(deals: Sequence[Deal]) -> list[Measurement]:
    """Won deals in percent of won and lost ones, to a hundredth; empty when nothing was closed."""
    if not deals:
        return []
    percent = Decimal(100 * len(_won(deals))) / len(deals)
    return [Measurement(percent.quantize(HUNDREDTH, rounding=ROUND_HALF_UP), "percent")]


def sales_cycle(deals: Sequence[Deal]) -> list[Measurement]:
    """Mean days from opening to winning, to a hundredth; empty when the first day of no won deal is known."""
    days = [(deal.closed_on - deal.opened_on).days for deal in _won(deals) if deal.opened_on is not None]
    if not days:
        return []
    mean = Decimal(sum(days)) / len(days)
    return [Measurement(mean.quantize(HUNDREDTH, rounding=ROUND_HALF_UP), "days")]


KPIS: Sequence[Kpi] = (
    Kpi(
        key="revenue",
        titles={"en": "Revenue won", "zh": "赢单金额"},
        formula=(
            "Sum of the amounts of opportunities won in the period, by the day they closed; each currency on its own, "
            "nothing is converted. Bookings at the time of winning, not revenue as IFRS 15 recognises it."
        ),
        calculate=revenue,
    ),
    Kpi(
        key="win_rate",
        titles={"en": "Win rate", "zh": "赢单率"},
        formula=(
            "100 × won / (won + lost), by number of opportunities closed in the period; open ones do not count. "
            "As defined in ShareCRM's glossary (sharecrm.com/glossary/win-rate)."
        ),
        calculate=win_rate,
    ),
    Kpi(
        key="sales_cycle",
        titles={"en": "Sales cycle", "zh": "销售周期"},
        formula=(
            "Mean of calendar days from the day opened to the day won, over opportunities won in the period whose "
            "first day is known; 0 when opened and won on one day. The time term of sales velocity."
        ),
        calculate=sales_cycle,
    ),
)
"""The calculators, in the order in which people read them."""
