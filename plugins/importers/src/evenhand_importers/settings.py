"""What a tenant can set about reading files."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from evenhand.api import setting

AmbiguousDates = Literal["refuse", "day_first", "month_first"]


class ImporterSettings(BaseModel):
    """How values are read that can be understood in two ways."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ambiguous_dates: AmbiguousDates = setting(
        "refuse",
        title={"en": "Ambiguous dates", "zh": "歧义日期"},
        help={
            "en": "How 03/04/2026 is read when no other date of its column tells whether day or month comes first.",
            "zh": "当同一列没有其他日期可供判断时，如何理解 03/04/2026 这样的日期。",
        },
        choices={
            "refuse": {"en": "Refuse the row", "zh": "拒绝该行"},
            "day_first": {"en": "The day comes first", "zh": "日在前"},
            "month_first": {"en": "The month comes first", "zh": "月在前"},
        },
    )
