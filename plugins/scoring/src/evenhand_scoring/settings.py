"""What a tenant can set about key figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from evenhand.api import setting

Figure = Literal["revenue", "win_rate", "sales_cycle"]


class ScoringSettings(BaseModel):
    """Which figures are shown, and over which time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    figures: Annotated[frozenset[Figure], Field(min_length=1)] = setting(
        frozenset({"revenue", "win_rate", "sales_cycle"}),
        title={"en": "Figures", "zh": "指标"},
        help={"en": "Figures that are computed and shown; at least one.", "zh": "计算并显示的指标，至少选择一项。"},
        choices={
            "revenue": {"en": "Revenue won", "zh": "赢单金额"},
            "win_rate": {"en": "Win rate", "zh": "赢单率"},
            "sales_cycle": {"en": "Sales cycle", "zh": "销售周期"},
        },
    )
    period_days: int = setting(
        365,
        title={"en": "Days", "zh": "统计天数"},
        help={
            "en": "Length of the period when a query names no first day, up to its last day; 1 to 3660.",
            "zh": "查询未指定起始日时，截至最后一天的统计天数，1 到 3660。",
        },
        ge=1,
        le=3660,
    )
