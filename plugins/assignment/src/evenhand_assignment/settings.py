"""What a tenant can set about assignment."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from evenhand.api import setting

WEIGHT_UNIT = 1000
"""Weights have three decimals; the rules count in thousandths."""

Weight = Annotated[Decimal, Field(gt=0, le=1000, max_digits=7, decimal_places=3)]
EligibleRole = Literal["admin", "manager", "rep"]
"""A read-only user can hold no customers, so that role is not offered."""


ROUND_ROBIN = "round_robin"
"""The name of the usual policy, whose rules stand in the settings themselves."""

PolicyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class TurnRules(BaseModel):
    """Who takes part in turns, and with what share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[UUID, Weight] = setting(
        default_factory=dict,
        title={"en": "Weights", "zh": "权重"},
        help={
            "en": "Share of each user, by user id: above 0, at most 1000. Whoever is not named has weight 1.",
            "zh": "按用户 ID 设置份额，大于 0，最大 1000；未列出的用户为 1。",
        },
    )
    roles: Annotated[frozenset[EligibleRole], Field(min_length=1)] = setting(
        frozenset({"rep"}),
        title={"en": "Roles", "zh": "参与角色"},
        help={"en": "Users of these roles take part.", "zh": "这些角色的用户参与分配。"},
        choices={
            "admin": {"en": "Admins", "zh": "管理员"},
            "manager": {"en": "Managers", "zh": "经理"},
            "rep": {"en": "Reps", "zh": "销售"},
        },
    )
    team_ids: Annotated[frozenset[UUID], Field(min_length=1)] | None = setting(
        None,
        title={"en": "Teams", "zh": "参与团队"},
        help={
            "en": "Only members of these teams take part; empty means everybody.",
            "zh": "只有这些团队的成员参与；留空表示全部。",
        },
    )
    absences: Literal["skip", "ignore"] = setting(
        "skip",
        title={"en": "Absences", "zh": "缺勤处理"},
        help={"en": "What happens with people who are absent today.", "zh": "当天缺勤者如何处理。"},
        choices={
            "skip": {"en": "They get nothing", "zh": "不分配"},
            "ignore": {"en": "Absences make no difference", "zh": "不考虑缺勤"},
        },
    )

    def weight_of(self, user_id: UUID) -> int:
        """The user's share in thousandths."""
        return int(self.weights.get(user_id, Decimal(1)) * WEIGHT_UNIT)


class NamedPolicy(TurnRules):
    """Turns of their own that a rule or a person can choose by name, e.g. for one region."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] = setting(
        title={"en": "Title", "zh": "名称"},
        help={"en": "What people call this policy.", "zh": "该策略的显示名称。"},
    )


class AssignmentSettings(TurnRules):
    """The usual turns, and others by name."""

    policies: Annotated[dict[PolicyName, NamedPolicy], Field(max_length=50)] = setting(
        default_factory=dict,
        title={"en": "Named policies", "zh": "命名策略"},
        help={
            "en": "Further turns with people and shares of their own, by a short name such as east.",
            "zh": "另有人员和份额的轮流方式，以 east 之类的短名称标识。",
        },
    )

    on_create: bool = setting(
        False,
        title={"en": "Assign new leads", "zh": "自动分配新线索"},
        help={
            "en": "Leads that wait in a pool when they are created get an owner at once.",
            "zh": "创建时进入公海的线索会立即分配负责人。",
        },
    )

    @field_validator("policies")
    @classmethod
    def _usual_name_is_taken(cls, value: dict[str, NamedPolicy]) -> dict[str, NamedPolicy]:
        if ROUND_ROBIN in value:
            raise ValueError(f"{ROUND_ROBIN} is the name of the usual policy; choose another name")
        return value

    def rules_of(self, policy: str | None) -> TurnRules | None:
        """The rules of a policy, the usual one for None; None when there is none of this name."""
        return self if policy in (None, ROUND_ROBIN) else self.policies.get(policy or "")

    def all_rules(self) -> dict[str, TurnRules]:
        """The rules of every policy by name, the usual one first."""
        return {ROUND_ROBIN: self, **self.policies}
