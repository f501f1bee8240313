"""What people read about a decision."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from evenhand.api import Verdict
from evenhand_assignment.rules import explain

WANG, ANNA, LI, OMAR, ZOE, MAX = (UUID(int=number) for number in range(1, 7))
NAMES = {WANG: "王芳", ANNA: "Anna Schmidt", LI: "李雷", OMAR: "Omar", ZOE: "Zoë"}
VERDICTS = (
    Verdict(WANG, True, "CHOSEN", 1, {"weight": 1.5, "received": 5, "due": 5.333}),
    Verdict(ANNA, True, "LATER_IN_TURN", 2, {"weight": 1.0, "received": 6, "due": 5.0}),
    Verdict(LI, False, "ABSENT"),
    Verdict(OMAR, False, "ROLE_NOT_ELIGIBLE", evidence={"role": "manager", "eligible_roles": ["admin", "rep"]}),
    Verdict(ZOE, False, "NOT_IN_TEAM", evidence={"team": None}),
    Verdict(MAX, False, "INACTIVE"),
)


def test_english() -> None:
    found = explain(VERDICTS, WANG, NAMES, "en-GB")
    assert found.sentence == (
        "Given to 王芳, first in turn of 2 eligible out of 6 candidates: 5.33 due, 5 received before (weight 1.5)."
    )
    assert found.candidates == {
        WANG: "王芳 is next in turn: 5.33 due, 5 received before (weight 1.5).",
        ANNA: "Anna Schmidt is later in turn (place 2): 5 due, 6 received (weight 1).",
        LI: "李雷 is absent today.",
        OMAR: "Omar has the role manager; only these roles take part: admin, rep.",
        ZOE: "Zoë is in none of the teams that take part.",
        MAX: "somebody who is gone is inactive.",
    }


def test_chinese() -> None:
    found = explain(VERDICTS, WANG, NAMES, "zh-CN")
    assert found.sentence == ("分配给王芳：6 位候选人中 2 位可分配，轮到此人；应得 5.33，此前已得 5（权重 1.5）。")
    assert found.candidates == {
        WANG: "王芳轮到：应得 5.33，此前已得 5（权重 1.5）。",
        ANNA: "Anna Schmidt排在第 2 位：应得 5，已得 6（权重 1）。",
        LI: "李雷今天缺勤。",
        OMAR: "Omar的角色是 manager，只有这些角色参与：admin、rep。",
        ZOE: "Zoë不在参与分配的团队中。",
        MAX: "已不存在的用户已停用。",
    }


def test_limits() -> None:
    codes = ("CAP_REACHED", "COOLING_DOWN", "FROZEN", "HELD_BY_CONFLICT")
    verdicts = [Verdict(user, False, code) for user, code in zip((WANG, ANNA, LI, OMAR), codes, strict=True)]
    english = explain(verdicts, None, NAMES, "en").candidates
    assert english[WANG] == "王芳 holds as many such records as a rule allows."
    assert english[OMAR] == "Omar does not get it: it waits for the ruling of a conflict case."
    chinese = explain(verdicts, None, NAMES, "zh").candidates
    assert chinese[ANNA] == "Anna Schmidt不久前持有过该记录，仍在冷却期内，暂不能再次获得。"
    assert chinese[LI] == "李雷不能获得：该记录刚退回公海，仍在冻结期内。"
    assert not any(code in sentence for code in codes for sentence in [*english.values(), *chinese.values()])


def test_nobody() -> None:
    assert explain(VERDICTS[2:], None, NAMES, "en").sentence == (
        "Nobody of 4 candidates is eligible, so it stays where it is."
    )
    assert explain(VERDICTS[2:], None, NAMES, "zh").sentence == "4 位候选人中无人可分配，保持原状。"


@given(st.text(), st.text(), st.sampled_from(["en", "zh"]))
def test_any_name_and_reason_can_be_said(name: str, reason: str, locale: str) -> None:
    found = explain([Verdict(WANG, False, reason)], None, {WANG: name}, locale)
    assert name in found.candidates[WANG]
