"""What is told of the week: each thing with its moment, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evenhand.errors import EvenhandError

TEXTS: Mapping[str, tuple[str, str]] = {
    "warned": (
        "⏰ Warning to {who}: {account} of {holder} goes to {pool} on {due}. {why}",
        "⏰ 提醒 {who}：{holder} 的 {account} 将于 {due} 进入{pool}。{why}",
    ),
    "reclaimed": ("↩ {account} goes from {holder} to {pool}. {why}", "↩ {account} 从 {holder} 回收至{pool}。{why}"),
    "saved": (
        "🤝 {holder} visits {account}; the clock starts again, next deadline {due}",
        "🤝 {holder} 拜访了 {account}，计时重新开始，下一个期限 {due}",
    ),
    "frozen": ("⛔ {who} claims {account} at once: {error}", "⛔ {who} 立即领取 {account}：{error}"),
    "claimed": ("✋ {who} claims {account}", "✋ {who} 领取了 {account}"),
    "raced": (
        "✋ {racers} claim {account} at the same moment: {who} gets it; {others} hear: {error}",
        "✋ {racers} 同时领取 {account}：{who} 成功；{others} 收到：{error}",
    ),
    "refused": ("⛔ {who} claims {account}: {error}", "⛔ {who} 领取 {account}：{error}"),
    "override": (
        "🔑 {who} gives {account} to {holder} in spite of the rule: “{words}” is kept in the ledger",
        "🔑 {who} 越过规则将 {account} 交给 {holder}：“{words}”已记入台账",
    ),
    "duplicate": ("⛔ {who} enters {account} anew: {error}", "⛔ {who} 再次录入 {account}：{error}"),
    "conflict": (
        "⚖ {who} opens case {case} about {account} against {holder}; until the ruling it stays where it is",
        "⚖ {who} 就 {account} 对 {holder} 提出撞单申诉 {case}；裁定前归属冻结",
    ),
    "held": ("⛔ {who} tries to move {account} meanwhile: {error}", "⛔ {who} 试图在此期间转移 {account}：{error}"),
    "ruled": (
        "⚖ {who} rules: {holder} keeps {account}, shares {shares}. “{words}”",
        "⚖ {who} 裁定：{account} 归 {holder}，分成 {shares}。“{words}”",
    ),
    "plan": (
        "📋 {who} plans the hand-over of {holder}, who leaves: {count} records worth {value}",
        "📋 {who} 为离职的 {holder} 制定交接方案：{count} 条记录，价值 {value}",
    ),
    "share": (
        "   {holder}: {before} → {after} records, {value_before} → {value_after}",
        "   {holder}：{before} → {after} 条，{value_before} → {value_after}",
    ),
    "handed_over": (
        "📋 The hand-over is executed in one transaction: {count} records, {tasks} open tasks go along",
        "📋 交接一次性执行完成：{count} 条记录，{tasks} 项未完成任务随之移交",
    ),
    "left": ("🚪 {holder} has left; nothing is without a holder", "🚪 {holder} 已离职；没有无主客户"),
    "signal": ("🔎 For a look, not a verdict: {title}", "🔎 供人工核查，不作结论：{title}"),
}


@dataclass(frozen=True)
class Told:
    """One thing that happened. `values` are words for both languages; a pair is English and Chinese."""

    at: datetime
    kind: str
    values: Mapping[str, Any]

    def text(self, language: str) -> str:
        """In words; `language` "zh…" or other."""
        chinese = language.startswith("zh")
        words = {name: value[chinese] if isinstance(value, tuple) else value for name, value in self.values.items()}
        return TEXTS[self.kind][chinese].format(**words)


@dataclass(frozen=True)
class Balance:
    """What one holder had before the week and has after it."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Report:
    """The week.

    Attributes:
        slug: of the tenant in which it happened.
        told: in the order in which it happened.
        lines: how many lines the ledger got in the week.
        sealed: how many entries of journal and ledger the verified chain has.
        broken: what is wrong with the chain; None when all is as it was written.
        wrong: records whose column and ledger disagree, or that have no holder; there are none.
    """

    slug: str
    first: datetime
    told: Sequence[Told]
    balances: Sequence[Balance]
    lines: int
    sealed: int
    broken: str | None
    wrong: int
    time_zone: str = field(default="UTC")


def said(error: EvenhandError | None) -> str:
    """The words of a refusal."""
    return "" if error is None else error.message
