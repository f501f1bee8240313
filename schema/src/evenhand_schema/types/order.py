"""Order with its lines and payments."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one
from evenhand_schema.reads.ordering import Order as By
from evenhand_schema.types.approval import approvals
from evenhand_schema.types.shared import external_ids


@bound(models.Order)
class Order:
    """A quote, contract or order; `kind` says which."""

    account = one("Account", "account_id", "The customer.")
    contact = one("Contact", "contact_id", "Who ordered.")
    opportunity = one("Opportunity", "opportunity_id", "The deal it came from.")
    lines = many("OrderLine", "order_id", "Its positions.", By("position"))
    payments = many("Payment", "order_id", "Money received for it, the earliest first.", By("paid_at"))
    attachments = many("Attachment", "order_id", "Files about it.", By("created_at", descending=True))
    external_ids = external_ids("Order")
    approvals = approvals("Order")


@bound(models.OrderLine)
class OrderLine:
    """One position of an order."""

    order = one("Order", "order_id", "The order.")
    product = one("Product", "product_id", "The product.")


@bound(models.Payment)
class Payment:
    """Money received for an order; a refund is a negative payment."""

    order = one("Order", "order_id", "The order it pays.")
