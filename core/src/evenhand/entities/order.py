"""Order: quotes, contracts and orders with their lines and payments."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from tortoise import fields
from tortoise.validators import MaxValueValidator, MinValueValidator

from evenhand.entities.columns import choice, count, currency, long_text, money, short_text
from evenhand.entities.enums import OrderKind, OrderStatus
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class Order(RecordModel):
    """A quote, contract or order; `kind` says which."""

    number = fields.CharField(max_length=100)
    kind = choice(OrderKind, default=OrderKind.ORDER)
    status = choice(OrderStatus, default=OrderStatus.DRAFT)
    account = ref("core.Account")
    account_id: UUID
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    opportunity = ref("core.Opportunity", null=True)
    opportunity_id: UUID | None
    total = money(null=False)
    currency = currency(null=False)
    placed_on = fields.DateField(null=True)
    valid_from = fields.DateField(null=True)
    valid_until = fields.DateField(null=True)
    notes = long_text()

    search: ClassVar[Searchable] = Searchable(names=("number",), named_by=(("account_id", "Account"),))

    class Meta:
        app = "core"
        table = "orders"
        unique_together = (("tenant_id", "number"),)
        indexes = (("tenant_id", "created_at", "id"), ("tenant_id", "account_id", "created_at", "id"))


class OrderLine(TenantModel):
    """One position of an order."""

    order = ref("core.Order")
    order_id: UUID
    position = count(null=False, minimum=1)
    product = ref("core.Product", null=True)
    product_id: UUID | None
    description = short_text(500)
    quantity = fields.DecimalField(max_digits=14, decimal_places=3, validators=[MinValueValidator(Decimal(0))])
    unit_price = money(null=False)
    discount_percent = fields.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )
    amount = money(null=False)
    """Quantity times unit price less the discount, rounded half up to the currency's smallest unit."""

    class Meta:
        app = "core"
        table = "order_lines"
        unique_together = (("tenant_id", "order_id", "position"),)


class Payment(RecordModel):
    """Money received for an order; a refund is a negative payment."""

    order = ref("core.Order")
    order_id: UUID
    amount = money(signed=True, null=False)
    currency = currency(null=False)
    paid_at = fields.DatetimeField()
    method = short_text(50)
    reference = short_text(200)

    class Meta:
        app = "core"
        table = "payments"
