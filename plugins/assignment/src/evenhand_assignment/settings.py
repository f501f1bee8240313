"""What a tenant can set about assignment."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

WEIGHT_UNIT = 1000
"""Weights have three decimals; the rules count in thousandths."""

Weight = Annotated[Decimal, Field(gt=0, le=1000, max_digits=7, decimal_places=3)]
EligibleRole = Literal["admin", "manager", "rep"]
"""A read-only user can hold no customers, so that role is not offered."""


class AssignmentSettings(BaseModel):
    """Who takes part in the turns, and with what share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[UUID, Weight] = Field(
        default_factory=dict,
        title="Weights",
        description="Share of each user, by user id: above 0, at most 1000. Whoever is not named has weight 1.",
        json_schema_extra={"title_zh": "权重", "description_zh": "按用户 ID 设置份额，大于 0；未列出的用户为 1。"},
    )
    roles: Annotated[frozenset[EligibleRole], Field(min_length=1)] = Field(
        default=frozenset({"rep"}),
        title="Roles",
        description="Users of these roles take part.",
        json_schema_extra={"title_zh": "参与角色", "description_zh": "这些角色的用户参与分配。"},
    )
    team_ids: Annotated[frozenset[UUID], Field(min_length=1)] | None = Field(
        default=None,
        title="Teams",
        description="Only members of these teams take part; empty means everybody.",
        json_schema_extra={"title_zh": "参与团队", "description_zh": "只有这些团队的成员参与；留空表示全部。"},
    )
    absences: Literal["skip", "ignore"] = Field(
        default="skip",
        title="Absences",
        description="skip: who is absent today gets nothing; ignore: absences make no difference.",
        json_schema_extra={"title_zh": "缺勤处理", "description_zh": "skip：当天缺勤者不分配；ignore：不考虑缺勤。"},
    )

    def weight_of(self, user_id: UUID) -> int:
        """The user's share in thousandths."""
        return int(self.weights.get(user_id, Decimal(1)) * WEIGHT_UNIT)
