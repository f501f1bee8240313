"""What deals and orders need approvals for: discounts, quotes and contracts, before the customer is bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from evenhand.actions.approvals.requirements import Ask, active_policies, refuse_new, requirements_of, take
from evenhand.actions.journal import Journal
from evenhand.approvals.facts import PricedLine, discounts, kept
from evenhand.approvals.models import ApprovalPolicy
from evenhand.entities import OpportunityLine, OrderLine, Product
from evenhand.entities.enums import ApprovalKind, OrderKind, OrderStatus
from evenhand.errors import Refusals
from evenhand.tenancy.models import RecordModel

COMMITTED = frozenset({OrderStatus.ISSUED, OrderStatus.ACCEPTED, OrderStatus.FULFILLED})
"""The customer has the paper, or agreed to it."""
KINDS: Mapping[OrderKind, tuple[ApprovalKind, ...]] = {
    OrderKind.QUOTE: (ApprovalKind.QUOTE, ApprovalKind.DISCOUNT),
    OrderKind.CONTRACT: (ApprovalKind.CONTRACT, ApprovalKind.DISCOUNT),
    OrderKind.ORDER: (ApprovalKind.DISCOUNT,),
}
_FACTS = frozenset({"lines", "total", "currency", "kind"})

Plan = tuple[RecordModel | None, Mapping[str, Any]]
"""A record, None for a new one, and the values that it gets."""


def _after(plan: Plan) -> dict[str, Any]:
    record, values = plan
    return {**(record.columns() if record is not None else {}), **values}


async def deal_facts(entity: str, plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """The facts about money of opportunities or orders as they will be, in order; at most two statements."""
    lines: list[list[Mapping[str, Any]]] = [list(values.get("lines") or ()) for _, values in plans]
    stored = {record.id: row for row, (record, values) in enumerate(plans) if record and "lines" not in values}
    if stored and entity == "Order":
        for order_line in await OrderLine.filter(order_id__in=list(stored)):
            lines[stored[order_line.order_id]].append(order_line.columns())
    elif stored:
        for line in await OpportunityLine.filter(opportunity_id__in=list(stored)):
            lines[stored[line.opportunity_id]].append(line.columns())
    products = {line["product_id"] for several in lines for line in several if line.get("product_id") is not None}
    prices = {one.id: one for one in await Product.filter(id__in=list(products))} if products else {}
    found = []
    for plan, several in zip(plans, lines, strict=True):
        after = _after(plan)
        priced = [_priced(line, prices, after["currency"]) for line in several]
        money = {"amount": after["total" if entity == "Order" else "amount"], "currency": after["currency"]}
        found.append({**money, **discounts(priced)})
    return found


def _priced(line: Mapping[str, Any], products: Mapping[UUID, Product], currency: str) -> PricedLine:
    product = products.get(line.get("product_id"))  # type: ignore[arg-type]
    listed = product is not None and product.currency == currency
    return PricedLine(
        quantity=line["quantity"],
        unit_price=line["unit_price"],
        list_price=product.list_price if listed and product is not None else None,
        discount_percent=line.get("discount_percent", Decimal(0)),
    )


def _binding(plan: Plan) -> bool:
    """Whether an order binds us afterwards in another way than before."""
    record, values = plan
    after = _after(plan)
    if after["status"] not in COMMITTED:
        return False
    return record is None or record.columns()["status"] not in COMMITTED or bool(_FACTS & values.keys())


def asks_of_order(record_id: UUID | None, after: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Ask]:
    """What it may need to bind ourselves by an order."""
    change = {"status": after["status"].value}
    return [Ask(kind, "Order", record_id, facts, change) for kind in KINDS[after["kind"]]]


async def require_for_orders(plans: Mapping[int, Plan], journal: Journal | None, refusals: Refusals) -> None:
    """Refuse orders that bind us and lack an approval; nothing is asked while the tenant has no such policy.

    Args:
        plans: by place.
        journal: None for new orders, for which no approval can be there.
    """
    binding = [(row, plan) for row, plan in plans.items() if row not in refusals and _binding(plan)]
    if not binding:
        return
    policies = await active_policies({kind for _, plan in binding for kind in KINDS[_after(plan)["kind"]]})
    if not policies:
        return
    facts = await deal_facts("Order", [plan for _, plan in binding])
    there = [plan[0] for _, plan in binding if plan[0] is not None]
    before = dict(zip([one.id for one in there], await deal_facts("Order", [(one, {}) for one in there]), strict=True))
    asks: list[tuple[int, Ask]] = []
    for (row, plan), new in zip(binding, facts, strict=True):
        record, after = plan[0], _after(plan)
        if record is not None and record.columns()["status"] in COMMITTED and _same(record, after, before, new):
            continue
        asks += [(row, ask) for ask in asks_of_order(record.id if record is not None else None, after, new)]
    await settle(asks, policies, journal, refusals)


def _same(
    record: RecordModel, after: Mapping[str, Any], before: Mapping[UUID, Mapping[str, Any]], new: Mapping[str, Any]
) -> bool:
    return record.columns()["kind"] is after["kind"] and kept(before[record.id]) == kept(new)


def discount_of(record_id: UUID | None, after: Mapping[str, Any], facts: Mapping[str, Any]) -> Ask:
    """What it may need to win an opportunity at its prices."""
    return Ask(ApprovalKind.DISCOUNT, "Opportunity", record_id, facts, {"stage_id": str(after["stage_id"])})


async def require_for_wins(plans: Mapping[int, Plan], journal: Journal | None, refusals: Refusals) -> None:
    """Refuse opportunities that are won with a discount that lacks its approval.

    Args:
        plans: by place; those that become won, or are won and get other lines.
        journal: None for new opportunities.
    """
    winning = {row: plan for row, plan in plans.items() if row not in refusals}
    policies = await active_policies({ApprovalKind.DISCOUNT}) if winning else []
    if not policies:
        return
    facts = await deal_facts("Opportunity", list(winning.values()))
    won = [one for one, values in winning.values() if one is not None and _stays(one, values)]
    then = await deal_facts("Opportunity", [(one, {}) for one in won])
    before = {one.id: old for one, old in zip(won, then, strict=True)}
    asks: list[tuple[int, Ask]] = []
    for (row, plan), new in zip(winning.items(), facts, strict=True):
        record_id = plan[0].id if plan[0] is not None else None
        if record_id is None or record_id not in before or kept(before[record_id]) != kept(new):
            asks.append((row, discount_of(record_id, _after(plan), new)))
    await settle(asks, policies, journal, refusals)


def _stays(record: RecordModel, values: Mapping[str, Any]) -> bool:
    return bool(values.get("stage_id", record.columns()["stage_id"]) == record.columns()["stage_id"])


async def settle(
    asks: Sequence[tuple[int, Ask]],
    policies: Sequence[ApprovalPolicy] | None,
    journal: Journal | None,
    refusals: Refusals,
) -> None:
    """Use the approvals that are needed, and refuse the records that lack one."""
    found = await requirements_of([ask for _, ask in asks], policies)
    needed = {place: one for place, one in enumerate(found) if one is not None}
    if not needed:
        return
    refused = await take(journal, needed) if journal is not None else refuse_new(needed)
    for place, error in sorted(refused.items()):
        refusals.refuse(asks[place][0], error)
