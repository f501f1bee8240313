"""Orders and their money: lines add up, payments are in the order's currency, nothing is paid back twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from babel.numbers import get_currency_precision
from tortoise.functions import Sum

from evenhand.entities import Order, OrderLine, Payment
from evenhand.errors import Problem, Refusals
from evenhand.tenancy.models import RecordModel

Plans = Sequence[tuple[RecordModel, dict[str, Any]]]
_TOO_MUCH = Decimal(10) ** 14
"""Amounts have fourteen digits before the point."""
_MONEY = ("order_id", "amount", "currency")
"""Columns of a payment that the rules about money look at."""


def line_amount(quantity: Decimal, unit_price: Decimal, discount_percent: Decimal, currency: str) -> Decimal:
    """Quantity times price less the discount, rounded half up to the currency's smallest unit (ISO 4217)."""
    unit = Decimal(1).scaleb(-get_currency_precision(currency))
    return (quantity * unit_price * (100 - discount_percent) / 100).quantize(unit, rounding=ROUND_HALF_UP)


def _total_lines(values: dict[str, Any], currency: str) -> list[Problem]:
    """Fill in the amounts of the lines and their total."""
    lines = values.get("lines")
    if lines is None or (not lines and values.get("total") is not None):
        return []
    for line in lines:
        amount = line_amount(line["quantity"], line["unit_price"], line["discount_percent"], currency)
        line.setdefault("amount", amount)
    values["total"] = sum((line["amount"] for line in lines), Decimal(0))
    if values["total"] >= _TOO_MUCH:
        return [Problem("lines", "TOO_LARGE", f"lines: their sum {values['total']} is too large.", "Split the order.")]
    return []


def total_new(cleaned: Sequence[dict[str, Any]], refusals: Refusals) -> None:
    """Complete new orders: the total is the sum of the lines, or stated."""
    for row, values in enumerate(cleaned):
        refusals.add(row, *_total_lines(values, values["currency"]))
        if values["total"] is None:
            message = "total: is required for an order without lines."
            refusals.add(row, Problem("total", "REQUIRED", message, "Give the total or the lines."))


async def total_changes(plans: Plans, refusals: Refusals) -> None:
    """Complete changes of locked orders; a total that is not the sum of the lines is refused."""
    await _require_sums(plans, refusals)
    await _refuse_other_currencies(plans, refusals)
    for row, (record, values) in enumerate(plans):
        refusals.add(row, *_total_lines(values, values.get("currency", record.columns()["currency"])))


async def _require_sums(plans: Plans, refusals: Refusals) -> None:
    stated = {
        record.id: (row, values["total"])
        for row, (record, values) in enumerate(plans)
        if "total" in values and "lines" not in values
    }
    if not stated:
        return
    sums: dict[UUID, Decimal] = {}
    for line in await OrderLine.filter(order_id__in=list(stated)):
        sums[line.order_id] = sums.get(line.order_id, Decimal(0)) + line.amount
    for order_id, total in sums.items():
        row, given = stated[order_id]
        if given != total:
            message = f"total: {given} is not the sum of the lines, {total}."
            refusals.add(row, Problem("total", "NOT_THE_SUM", message, "Change the lines."))


async def _refuse_other_currencies(plans: Plans, refusals: Refusals) -> None:
    """An order that was paid keeps the currency in which it was paid."""
    given = {
        record.id: (row, values["currency"])
        for row, (record, values) in enumerate(plans)
        if values.get("currency", record.columns()["currency"]) != record.columns()["currency"]
    }
    if not given:
        return
    paid = await Payment.filter(order_id__in=list(given), archived_at=None).distinct().values("order_id", "currency")
    for item in paid:
        row, currency = given[item["order_id"]]
        if item["currency"] != currency:
            message = f"currency: the order was paid in {item['currency']}."
            hint = "Archive its payments first, or make another order."
            refusals.add(row, Problem("currency", "PAID_IN_OTHER_CURRENCY", message, hint))


async def currency_of_orders(payments: Sequence[dict[str, Any]]) -> None:
    """Payments that name no currency are in that of their order."""
    unsaid = [values for values in payments if values["currency"] is None]
    if unsaid:
        orders = await Order.filter(id__in=list({values["order_id"] for values in unsaid}))
        currencies = {order.id: order.currency for order in orders}
        for values in unsaid:
            values["currency"] = currencies.get(values["order_id"])


@dataclass(frozen=True)
class Effect:
    """What a write of a payment does to its order.

    Attributes:
        row: the payment's place among those that are written.
        currency: the payment's, when it has to be checked.
        amount: by how much more is paid afterwards, less when negative.
    """

    row: int
    order_id: UUID
    amount: Decimal
    currency: str | None = None


def effects_of_new(cleaned: Sequence[Mapping[str, Any]]) -> list[Effect]:
    """What new payments do."""
    return [Effect(row, values["order_id"], values["amount"], values["currency"]) for row, values in enumerate(cleaned)]


def effects_of_changes(plans: Plans) -> list[Effect]:
    """What changes of payments do; other columns than those of money do nothing."""
    found: list[Effect] = []
    for row, (record, values) in enumerate(plans):
        before = record.columns()
        after = {**before, **values}
        if any(before[name] != after[name] for name in _MONEY):
            if before["order_id"] == after["order_id"]:
                found.append(Effect(row, after["order_id"], after["amount"] - before["amount"], after["currency"]))
            else:
                found.append(Effect(row, before["order_id"], -before["amount"]))
                found.append(Effect(row, after["order_id"], after["amount"], after["currency"]))
    return found


def effects_of_archiving(records: Sequence[RecordModel], *, archive: bool) -> list[Effect]:
    """What it does to put payments away or bring them back."""
    found = []
    for row, record in enumerate(records):
        values = record.columns()
        amount = -values["amount"] if archive else values["amount"]
        found.append(Effect(row, values["order_id"], amount, None if archive else values["currency"]))
    return found


async def settle_payments(effects: Sequence[Effect], refusals: Refusals) -> None:
    """Refuse payments in another currency than their order's, and paying back more than was paid.

    The orders stay locked, so that two refunds cannot both take the last of what was paid. Of payments that are
    written together, those that add are counted before those that take away.
    """
    if not effects:
        return
    ids = list({effect.order_id for effect in effects})
    locked = await Order.filter(id__in=ids).order_by("id").select_for_update(no_key=True)
    orders = {order.id: order for order in locked}
    sums = Payment.filter(order_id__in=ids, archived_at=None).annotate(paid=Sum("amount")).group_by("order_id")
    paid: dict[UUID, Decimal] = {item["order_id"]: item["paid"] for item in await sums.values("order_id", "paid")}
    for effect in sorted(effects, key=lambda effect: effect.amount < 0):
        order = orders.get(effect.order_id)
        if order is None or effect.row in refusals:
            continue
        if effect.currency is not None and effect.currency != order.currency:
            message = f"currency: {effect.currency} is not {order.currency}, in which order {order.number} is."
            hint = f"Give the amount in {order.currency}."
            refusals.add(effect.row, Problem("currency", "OTHER_CURRENCY", message, hint))
            continue
        before = paid.get(order.id, Decimal(0))
        after = before + effect.amount
        if effect.amount < 0 and after < 0:
            message = f"amount: {-effect.amount} cannot be taken back from order {order.number}: {before} was paid."
            hint = f"Pay back at most {max(before, Decimal(0))}."
            refusals.add(effect.row, Problem("amount", "REFUND_TOO_LARGE", message, hint))
            continue
        paid[order.id] = after
