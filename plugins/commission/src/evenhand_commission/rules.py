"""The flat-percent plan. Pure: the same deals, period and plan always give the same lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from evenhand.api import (
    CommissionLine,
    Deal,
    FieldProblem,
    Finding,
    Outcome,
    Period,
    RecordChange,
    Shares,
    divide,
)
from evenhand_commission.settings import CommissionSettings

CENT = Decimal("0.01")


def lines_for(
    deals: Iterable[Deal], period: Period, plan: CommissionSettings, shares: Mapping[UUID, Shares] | None = None
) -> list[CommissionLine]:
    """The lines for every deal that somebody won in the period while the plan was in effect, in order of winning.

    The amount is basis × percent / 100, rounded half up to hundredths of the deal's currency. A deal with a team has
    one line for each share: amount and basis are divided by largest remainder, so that the lines make
    exactly the whole.

    Args:
        shares: who has which share, by deal; its owner has a deal without any wholly.
    """
    earning = [deal for deal in deals if _earns(deal, period, plan)]
    earning.sort(key=lambda deal: (deal.closed_on, deal.opportunity_id))
    found = shares or {}
    return [line for deal in earning for line in _lines(deal, plan, found.get(deal.opportunity_id))]


def _earns(deal: Deal, period: Period, plan: CommissionSettings) -> bool:
    return (
        deal.outcome is Outcome.WON
        and period.first <= deal.closed_on <= period.last
        and (plan.effective_from is None or plan.effective_from <= deal.closed_on)
        and (plan.effective_to is None or deal.closed_on <= plan.effective_to)
    )


def _lines(deal: Deal, plan: CommissionSettings, shares: Shares | None) -> list[CommissionLine]:
    if deal.owner_id is None:
        return []
    shares = shares or Shares(deal.owner_id, {})
    amount = (deal.amount * plan.percent / 100).quantize(CENT, rounding=ROUND_HALF_UP)
    amounts, bases = divide(amount, shares, CENT), divide(deal.amount, shares, _step(deal.amount))
    return [
        _line(deal, plan, amount, user_id, amounts[user_id], bases[user_id], shares)
        for user_id, share in shares.items()
        if share
    ]


def _step(amount: Decimal) -> Decimal:
    """The last decimal of an amount, at least the fourth."""
    exponent = amount.as_tuple().exponent
    return Decimal(1).scaleb(min(exponent, -4) if isinstance(exponent, int) else -4)


def _line(
    deal: Deal,
    plan: CommissionSettings,
    whole: Decimal,
    user_id: UUID,
    amount: Decimal,
    basis: Decimal,
    shares: Shares,
) -> CommissionLine:
    percent, of_all = _short(plan.percent), f"{_money(deal.amount)} {deal.currency}"
    earned = f"{_money(whole)} {deal.currency}"
    explanation = {
        "en": f"{plan.plan}: {percent}% of {of_all} for “{deal.name}”, won on {deal.closed_on}, = {earned} "
        "(rounded half up to hundredths).",
        "zh": f"{plan.plan}：“{deal.name}”于 {deal.closed_on} 赢单，{of_all} × {percent}% = {earned}（四舍五入到分）。",
    }
    if len(shares) > 1:
        share, part = _short(shares[user_id]), f"{_money(amount)} {deal.currency}"
        case = shares.case_id
        explanation["en"] += f" Share of {share}%{f' by the ruling of conflict case {case}' if case else ''}: {part}."
        explanation["zh"] += f"分成 {share}%{f'（依据归属争议 {case} 的裁决）' if case else ''}：{part}。"
    return CommissionLine(
        opportunity_id=deal.opportunity_id,
        user_id=user_id,
        plan=plan.plan,
        basis=basis,
        amount=amount,
        currency=deal.currency,
        earned_on=deal.closed_on,
        explanation=explanation,
    )


def idle_plan(plan: CommissionSettings, today: date) -> list[Finding]:
    """Why the plan pays nothing for what is won today; empty when it pays."""
    if plan.percent == 0:
        why = {"en": f"{plan.plan} pays 0%.", "zh": f"{plan.plan} 的提成比例为 0%。"}
        return [Finding("PLAN_PAYS_NOTHING", why, {"en": "Set a percentage.", "zh": "请设置提成比例。"})]
    late = plan.effective_to is not None and plan.effective_to < today
    if not late and (plan.effective_from is None or plan.effective_from <= today):
        return []
    day = plan.effective_to if late else plan.effective_from
    why = {
        "en": f"{plan.plan} {'ended on' if late else 'begins on'} {day}.",
        "zh": f"{plan.plan} {'已于' if late else '将于'} {day} {'失效' if late else '生效'}。",
    }
    return [Finding("PLAN_NOT_IN_EFFECT", why, {"en": "Change its days.", "zh": "请调整生效与失效日期。"})]


def totals(lines: Sequence[CommissionLine]) -> dict[str, Decimal]:
    """What the lines add up to, by currency; the sum of what is on the lines, never rounded again."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.currency] += line.amount
    return {currency: sums[currency] for currency in sorted(sums)}


def _short(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _money(amount: Decimal) -> str:
    """At least two decimals, more when there are more."""
    short = _short(amount)
    decimals = len(short.partition(".")[2])
    return f"{amount:,.{max(decimals, 2)}f}"


def lacks_amount(change: RecordChange) -> bool:
    """Whether a deal is closed, or closed already and changed in its amount, without an amount to compute from.

    Deals that had none before anybody asked for one can go on being changed.
    """
    touched = {"stage_id", "amount", "closed_on"} & change.changed
    return bool(touched) and change.after["closed_on"] is not None and not change.after["amount"]


def no_amount(change: RecordChange) -> FieldProblem:
    """Why such a deal cannot be won."""
    message = "amount: a won deal needs one, or its commission cannot be computed."
    return FieldProblem(change.record_id, "amount", "AMOUNT_REQUIRED", message, "Give the amount.")
