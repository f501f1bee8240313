"""Deals: opportunities on their way through the stages, quotes, orders and payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from evenhand.actions.orders import line_amount
from evenhand.demo.lexicon import Item
from evenhand.demo.plot import Colleague, Customer, Deal, Plot
from evenhand.demo.story import Handover, Ref

STAGE_DAYS = (9, 20, 16, 11)
"""Usual days in each open stage of the default pipeline."""
LOSS = (0.12, 0.16, 0.18, 0.2)
"""Share of deals that are lost when they leave each open stage."""
WON, LOST = 5, 6
CENT = Decimal("0.01")
PROPOSAL = 3
Line = dict[str, Any]


def write_deals(plot: Plot) -> None:
    """Opportunities of all customers who have an owner; better tiers buy more often."""
    rng = plot.chance("deals")
    counts = {"a": (2, 3, 4, 5, 6), "b": (1, 2, 2, 3, 4), "c": (0, 1, 1, 2, 2)}
    for customer in plot.customers:
        for _ in range(rng.choice(counts[customer.tier])):
            known = customer.created + timedelta(days=1)
            if not plot.span.holds(known):
                continue
            opened = plot.span.after(rng, known, 730)
            owner = customer.holder(opened)
            if owner is not None:
                _deal(plot, rng, customer, owner, opened)
    _number_orders(plot)
    for customer in plot.customers:
        if customer.first_win is not None:
            plot.revise("Account", customer.key, customer.first_win, lifecycle_stage="customer")


def _deal(plot: Plot, rng: Random, customer: Customer, owner: Colleague, opened: datetime) -> None:
    lexicon, span = plot.lexicon, plot.span
    lines, discount, item = _lines(plot, rng, customer.tier)
    amount = sum((line["amount"] for line in _order_lines(lines, discount, plot.lexicon.currency)), Decimal(0))
    opened_on = span.local_day(opened)
    expected = opened_on + timedelta(days=rng.randint(40, 90))
    rivals = rng.sample(range(1, len(lexicon.rivals) + 1), k=rng.choice((0, 0, 0, 1, 1, 2)))
    values: dict[str, Any] = {
        "name": lexicon.deal.format(company=customer.name, item=item.name),
        "account_id": Ref(customer.key),
        "contact_id": Ref(customer.contacts[0]),
        "stage_id": Ref("stage:1"),
        "amount": amount,
        "currency": lexicon.currency,
        "opened_on": opened_on,
        "expected_close": expected,
        "source": rng.choice(lexicon.sources),
        "owner_id": Ref(owner.key),
        "lines": [{name: line[name] for name in ("product_id", "quantity", "unit_price")} for line in lines],
        "competitors": [
            {"competitor_id": Ref(f"competitor:{number}"), "threat": rng.choice(("low", "medium", "high"))}
            for number in rivals
        ],
    }
    key = plot.add("Opportunity", opened, **values)
    reached, moments = _walk(plot, rng, key, opened)
    closed = moments[-1] if reached in (WON, LOST) else None
    deal = Deal(key, customer, owner, item.name, opened, closed, reached == WON)
    plot.deals.append(deal)
    if closed is None:
        step = span.last + timedelta(days=rng.randint(-3, 14))
        plot.complete(key, next_step=rng.choice(lexicon.next_steps), next_step_on=step)
    _follow_holder(plot, deal)
    if len(moments) >= PROPOSAL:
        _quote(plot, rng, deal, lines, discount, moments[PROPOSAL - 1])
    if deal.won and closed is not None:
        customer.first_win = min(customer.first_win or closed, closed)
        _order(plot, rng, deal, lines, discount, closed)


def _lines(plot: Plot, rng: Random, tier: str) -> tuple[list[Line], Decimal, Item]:
    """What is offered: lines with list prices, one discount for all of them, and the main item."""
    numbers = rng.sample(range(len(plot.lexicon.items)), k=rng.choice((1, 1, 2, 2, 3)))
    discount = Decimal(rng.choice((0, 0, 5, 8, 10) if tier != "a" else (5, 8, 10, 12, 15)))
    items = [plot.lexicon.items[number] for number in numbers]
    lines = [
        {
            "product_id": Ref(f"product:{number + 1}"),
            "quantity": Decimal(rng.randint(1, item.most)),
            "unit_price": item.price,
        }
        for number, item in zip(numbers, items, strict=True)
    ]
    return lines, discount, items[0]


def _walk(plot: Plot, rng: Random, key: str, opened: datetime) -> tuple[int, list[datetime]]:
    """Move a deal through the stages until it closes or the story ends.

    Returns: the stage reached, and when each stage was entered.
    """
    span = plot.span
    moments = [opened]
    for stage, (days, loss) in enumerate(zip(STAGE_DAYS, LOSS, strict=True), start=1):
        day = span.local_day(moments[-1]) + timedelta(days=round(days * rng.uniform(0.3, 2.2)))
        lost = rng.random() < loss
        if day > span.last:
            return stage, moments
        at = max(span.at(rng, day), moments[-1] + timedelta(minutes=rng.randint(5, 25)))
        target = LOST if lost else stage + 1
        moments.append(at)
        values: dict[str, Any] = {"stage_id": Ref(f"stage:{target}")}
        if target in (WON, LOST):
            values["closed_on"] = span.local_day(at)
        if lost:
            values["lost_reason"] = rng.choice(plot.lexicon.lost_reasons)
        plot.revise("Opportunity", key, at, **values)
        if lost:
            return LOST, moments
    return WON, moments


def _follow_holder(plot: Plot, deal: Deal) -> None:
    """While it is open, a deal goes with its customer to another owner."""
    for since, colleague in deal.customer.holders:
        if since > deal.opened and (deal.closed is None or since < deal.closed):
            owner = colleague.key if colleague else None
            note = next(h.note for h in plot.story.handovers if h.key == deal.customer.key and h.at == since)
            plot.story.handovers.append(Handover("Opportunity", deal.key, since, owner, note))


def _order_lines(lines: Sequence[Line], discount: Decimal, currency: str) -> list[Line]:
    return [
        {
            **line,
            "discount_percent": discount,
            "amount": line_amount(line["quantity"], line["unit_price"], discount, currency),
        }
        for line in lines
    ]


def _quote(plot: Plot, rng: Random, deal: Deal, lines: Sequence[Line], discount: Decimal, at: datetime) -> None:
    day = plot.span.local_day(at)
    valid_until = day + timedelta(days=rng.choice((30, 45, 60)))
    if deal.won:
        status = "accepted"
    elif deal.closed is not None:
        status = "cancelled"
    else:
        status = "issued" if valid_until > plot.span.last else "expired"
    full = _order_lines(lines, discount, plot.lexicon.currency)
    key = _document(plot, deal, "quote", status, full, at, valid_until)
    if status == "issued":
        _attach_quote(plot, deal, key, full, at)


def _attach_quote(plot: Plot, deal: Deal, quote: str, lines: Sequence[Line], at: datetime) -> None:
    """The quote as the customer got it, as a small text file; `content` becomes size and hash when it is stored."""
    products = plot.lexicon.items
    rows = [deal.customer.name, ""]
    for line in lines:
        item = products[int(line["product_id"].key.partition(":")[2]) - 1]
        rows.append(f"{item.code}  {item.name}  {line['quantity']} x {line['unit_price']} = {line['amount']}")
    rows.append(f"{plot.lexicon.currency} {sum(line['amount'] for line in lines)}")
    plot.add(
        "Attachment",
        at,
        file_name=f"{quote.replace(':', '-')}.txt",
        media_type="text/plain",
        content="\n".join(rows),
        author_id=Ref(deal.owner.key),
        order_id=Ref(quote),
    )


def _order(plot: Plot, rng: Random, deal: Deal, lines: Sequence[Line], discount: Decimal, won: datetime) -> None:
    at = plot.span.after(rng, won, 10)
    full = _order_lines(lines, discount, plot.lexicon.currency)
    total: Decimal = sum((line["amount"] for line in full), Decimal(0))
    kind = "contract" if deal.customer.tier == "a" else "order"
    paid = _installments(plot, rng, at, total)
    done = sum((amount for _, amount in paid), Decimal(0)) == total
    key = _document(plot, deal, kind, "fulfilled" if done else "accepted", full, at, None)
    method = rng.choice(plot.lexicon.payment_methods)
    if done and rng.random() < 0.08:
        back = -(total * rng.randint(5, 20) / 100).quantize(CENT, rounding=ROUND_HALF_UP)
        paid.append((plot.span.after(rng, paid[-1][0], 40), back))
    for number, (moment, amount) in enumerate(paid, start=1):
        plot.add(
            "Payment",
            moment,
            order_id=Ref(key),
            amount=amount,
            currency=plot.lexicon.currency,
            paid_at=moment,
            method=method,
            reference=f"P-{key.partition(':')[2]}-{number}",
        )


def _installments(plot: Plot, rng: Random, placed: datetime, total: Decimal) -> list[tuple[datetime, Decimal]]:
    """Payments that were made before the story's end, in time order; together at most the total."""
    shares = rng.choice(((100,), (100,), (50, 50), (30, 60, 10)))
    amounts = [(total * share / 100).quantize(CENT, rounding=ROUND_HALF_UP) for share in shares[:-1]]
    amounts.append(total - sum(amounts, Decimal(0)))
    moment, paid = placed, []
    for amount in amounts:
        day = plot.span.local_day(moment) + timedelta(days=rng.randint(1, 45))
        if day > plot.span.last:
            break
        moment = plot.span.at(rng, day)
        paid.append((moment, amount))
    return paid


def _document(
    plot: Plot, deal: Deal, kind: str, status: str, lines: list[Line], at: datetime, valid_until: object
) -> str:
    day = plot.span.local_day(at)
    return plot.add(
        "Order",
        at,
        kind=kind,
        status=status,
        account_id=Ref(deal.customer.key),
        contact_id=Ref(deal.customer.contacts[0]),
        opportunity_id=Ref(deal.key),
        currency=plot.lexicon.currency,
        placed_on=day,
        valid_from=day if valid_until else None,
        valid_until=valid_until,
        lines=lines,
        total=sum((line["amount"] for line in lines), Decimal(0)),
    )


def _number_orders(plot: Plot) -> None:
    """Numbers in the order in which the papers were written."""
    letters = {"quote": "Q", "contract": "C", "order": "O"}
    ordered = sorted(plot.story.of("Order"), key=lambda record: (record.at, record.key))
    for number, record in enumerate(ordered, start=1):
        plot.complete(record.key, number=f"{letters[record.values['kind']]}{record.at:%y%m}-{number:04}")
