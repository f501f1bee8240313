"""Payments fit their order: its currency, and never more paid back than was paid."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

ANSWER = "{ __typename ... on Failure { code } ... on InvalidInput { problems { field code message hint } } }"


async def run(api: Api, tenant: SomeTenant, field: str, **arguments: Any) -> Any:
    types = {"id": "ID!", "input": f"{field[0].upper()}{field[1:]}Input!"}
    declared = ", ".join(f"${name}: {types[name]}" for name in arguments)
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    query = f"mutation ({declared}) {{ result: {field}({passed}) {ANSWER} }}"
    return (await api.data(tenant, query, **arguments))["result"]


def problem_of(result: Any) -> tuple[str, str]:
    (problem,) = result["problems"]
    assert problem["hint"]
    return problem["field"], problem["code"]


@pytest.fixture
async def order(tenant: SomeTenant) -> str:
    account = await tenant.create("Account", name="A")
    return str(await tenant.create("Order", number="SO-1", account_id=account, total="100", currency="EUR"))


async def test_all_writes_of_payments_keep_the_rules(api: Api, tenant: SomeTenant, order: str) -> None:
    new = {"orderId": order}
    refused = await run(api, tenant, "createPayment", input={**new, "amount": "10", "currency": "USD"})
    assert problem_of(refused) == ("currency", "OTHER_CURRENCY")
    assert problem_of(await run(api, tenant, "createPayment", input={**new, "amount": "-1"})) == (
        "amount",
        "REFUND_TOO_LARGE",
    )
    paid = str(await tenant.create("Payment", order_id=order, amount="10"))
    refund = str(await tenant.create("Payment", order_id=order, amount="-4"))
    refused = await run(api, tenant, "updatePayment", id=paid, input={"amount": "3"})
    assert problem_of(refused) == ("amount", "REFUND_TOO_LARGE")
    refused = await run(api, tenant, "updatePayment", id=refund, input={"amount": "-11"})
    assert problem_of(refused) == ("amount", "REFUND_TOO_LARGE")
    refused = await run(api, tenant, "updatePayment", id=paid, input={"currency": "USD"})
    assert problem_of(refused) == ("currency", "OTHER_CURRENCY")
    assert problem_of(await run(api, tenant, "archivePayment", id=paid)) == ("amount", "REFUND_TOO_LARGE")
    assert problem_of(await run(api, tenant, "updateOrder", id=order, input={"currency": "USD"})) == (
        "currency",
        "PAID_IN_OTHER_CURRENCY",
    )
    assert (await run(api, tenant, "archivePayment", id=refund))["__typename"] == "Payment"
    assert (await run(api, tenant, "archivePayment", id=paid))["__typename"] == "Payment"
    assert problem_of(await run(api, tenant, "restorePayment", id=refund)) == ("amount", "REFUND_TOO_LARGE")
    assert (await run(api, tenant, "updatePayment", id=paid, input={"method": "x"}))["code"] == "RECORD_ARCHIVED"
    assert (await run(api, tenant, "updateOrder", id=order, input={"currency": "USD"}))["__typename"] == "Order"
    assert problem_of(await run(api, tenant, "restorePayment", id=paid)) == ("currency", "OTHER_CURRENCY")


async def test_a_payment_that_moves_is_checked_at_both_orders(api: Api, tenant: SomeTenant, order: str) -> None:
    account = await tenant.create("Account", name="B")
    other = str(await tenant.create("Order", number="SO-2", account_id=account, total="100", currency="EUR"))
    paid = str(await tenant.create("Payment", order_id=order, amount="10"))
    refund = str(await tenant.create("Payment", order_id=order, amount="-10"))
    refused = await run(api, tenant, "updatePayment", id=paid, input={"orderId": other})
    assert problem_of(refused) == ("amount", "REFUND_TOO_LARGE")
    refused = await run(api, tenant, "updatePayment", id=refund, input={"orderId": other})
    assert problem_of(refused) == ("amount", "REFUND_TOO_LARGE")


async def test_of_many_payments_the_good_ones_are_written(api: Api, tenant: SomeTenant, order: str) -> None:
    query = """mutation ($inputs: [CreatePaymentInput!]!) { result: createPayments(inputs: $inputs) {
        ... on PaymentsWritten { results { status failure { ... on InvalidInput { problems { code } } } } } } }"""
    amounts = ["-8", "10", "-3", "-2"]
    inputs = [{"orderId": order, "amount": amount} for amount in amounts]
    results = (await api.data(tenant, query, inputs=inputs))["result"]["results"]
    assert [one["status"] for one in results] == ["CREATED", "CREATED", "FAILED", "CREATED"]


async def test_archived_records_take_no_tags(api: Api, tenant: SomeTenant) -> None:
    tag = str(await tenant.create("Tag", name="VIP"))
    accounts = [str(await tenant.create("Account", name=name)) for name in ("a", "b")]
    await run(api, tenant, "archiveAccount", id=accounts[1])
    query = """mutation ($ids: [ID!]!, $tag: ID!) { result: tagRecords(entity: ACCOUNT, ids: $ids, tagId: $tag) {
        ... on TagsChanged { count } ... on Failure { code } } }"""
    assert (await api.data(tenant, query, ids=accounts, tag=tag))["result"] == {"code": "RECORD_ARCHIVED"}
    assert (await api.data(tenant, query, ids=accounts[:1], tag=tag))["result"] == {"count": 1}
