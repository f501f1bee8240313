"""What a tenant can set about commission."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from evenhand.api import setting


class CommissionSettings(BaseModel):
    """A flat percentage of every won deal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] = setting(
        "Flat percent",
        title={"en": "Plan name", "zh": "方案名称"},
        help={"en": "What the plan is called on statements.", "zh": "对账单上显示的方案名称。"},
    )
    percent: Annotated[Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4)] = setting(
        Decimal(5),
        title={"en": "Percent", "zh": "提成比例"},
        help={
            "en": "Share of a won deal's amount that its owner earns, 0 to 100, up to four decimals.",
            "zh": "赢单金额中归负责人的百分比，0 到 100，最多四位小数。",
        },
    )
    effective_from: date | None = setting(
        None,
        title={"en": "Effective from", "zh": "生效日期"},
        help={"en": "First day of winning that counts; empty: no bound.", "zh": "自该赢单日起计算；留空不限。"},
    )
    effective_to: date | None = setting(
        None,
        title={"en": "Effective to", "zh": "失效日期"},
        help={"en": "Last day of winning that counts; empty: no bound.", "zh": "截至该赢单日；留空不限。"},
    )

    require_amount_when_won: bool = setting(
        False,
        title={"en": "Won deals need an amount", "zh": "赢单必须填写金额"},
        help={
            "en": "A deal cannot be won, or lose its amount afterwards, without an amount to compute commission from.",
            "zh": "没有金额的商机不能赢单，赢单后也不能清空金额，否则无法计算提成。",
        },
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise ValueError(f"effective_to {self.effective_to} is before effective_from {self.effective_from}")
        return self
