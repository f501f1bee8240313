"""What a tenant sets about points."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from evenhand.api import setting


class LoyaltySettings(BaseModel):
    """How points are counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    money_per_point: int = setting(
        100,
        title={"en": "Money for a point", "zh": "每积分所需金额"},
        help={"en": "So much of the currency gives one point.", "zh": "每消费该金额可得一个积分。"},
        ge=1,
    )
