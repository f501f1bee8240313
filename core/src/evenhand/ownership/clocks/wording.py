"""Deadlines in words, English and Chinese. No I/O here."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.ownership.clocks.rules import Clock, Deadline

_EN = {"call": "call", "email": "e-mail", "meeting": "meeting", "visit": "visit", "message": "message", "note": "note"}
_ZH = {"call": "电话", "email": "邮件", "meeting": "会议", "visit": "拜访", "message": "消息", "note": "备注"}
_NAMES_EN = {
    Clock.PROTECTION: "protection",
    Clock.IDLE: "idle",
    Clock.STAGE: "no step forward",
    Clock.DEAL: "no deal",
    Clock.MAXIMUM: "at most",
}
_NAMES_ZH = {
    Clock.PROTECTION: "保护期",
    Clock.IDLE: "未跟进",
    Clock.STAGE: "阶段无进展",
    Clock.DEAL: "未成交",
    Clock.MAXIMUM: "最长持有",
}


def explain(deadline: Deadline) -> dict[str, str]:
    """Why a record is reclaimed at its deadline, by language: "en" and "zh"."""
    return {"en": _english(deadline), "zh": _chinese(deadline)}


def english_list(words: Sequence[str]) -> str:
    """A list as English has it: visit; visit or call; call, e-mail or visit."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _english(one: Deadline) -> str:
    rule = f"rule '{one.rule.name}'"
    if one.clock in (Clock.PROTECTED, Clock.EXTENDED):
        what = "protection by the holder" if one.clock is Clock.PROTECTED else "the time granted"
        return f"{what} ends; {rule}"
    unit = "working day" if one.rule.working_days else "day"
    counted = f"{_NAMES_EN[one.clock]} {one.days} {unit}{'' if one.days == 1 else 's'}"
    return f"{_reason_en(one)} {one.since}{_note_en(one)}; {rule}, {counted}"


def _reason_en(one: Deadline) -> str:
    kinds = [_EN.get(kind, kind) for kind in one.kinds]
    match one.clock:
        case Clock.MAXIMUM:
            return "held since"
        case Clock.STAGE:
            return "no step forward since"
        case Clock.DEAL:
            return "no deal won since"
        case _ if kinds:
            return f"no {english_list(kinds)} since"
        case _:
            return "held since"


def _note_en(one: Deadline) -> str:
    if one.begun:
        return " (the day from which the rule counts)"
    return " (the day the holder got it)" if one.held and one.clock is not Clock.MAXIMUM and one.kinds else ""


def _chinese(one: Deadline) -> str:
    rule = f"规则“{one.rule.name}”"
    if one.clock in (Clock.PROTECTED, Clock.EXTENDED):
        return f"{'自主保护' if one.clock is Clock.PROTECTED else '延期'}到期；{rule}"
    unit = "个工作日" if one.rule.working_days else "天"
    note = "（规则起算日）" if one.begun else "（获得之日）" if one.held and one.kinds else ""
    return f"自 {one.since}{note} 起{_reason_zh(one)}；{rule}，{_NAMES_ZH[one.clock]} {one.days} {unit}"


def _reason_zh(one: Deadline) -> str:
    kinds = [_ZH.get(kind, kind) for kind in one.kinds]
    match one.clock:
        case Clock.STAGE:
            return "商机阶段无推进"
        case Clock.DEAL:
            return "未成交"
        case Clock.IDLE | Clock.PROTECTION if kinds:
            return f"没有{'、'.join(kinds)}"
        case _:
            return "一直持有"
