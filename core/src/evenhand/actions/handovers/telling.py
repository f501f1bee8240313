"""Tell those who take records over, and those who lose them again: one notification each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.actions.notifications import Message, notify_all
from evenhand.entities import User
from evenhand.entities.registry import ENTITIES
from evenhand.ownership.handovers.models import Handover

Lines = Sequence[Mapping[str, Any]]


def _counted(lines: Lines, language: str) -> str:
    counts = Counter(line["entity"] for line in lines)
    if language == "zh":
        return "、".join(f"{ENTITIES[name].labels['zh']} {count} 个" for name, count in sorted(counts.items()))
    words = {"Account": "accounts", "Lead": "leads", "Opportunity": "opportunities"}
    return ", ".join(
        f"{count} {words[name] if count != 1 else ENTITIES[name].labels['en']}"
        for name, count in sorted(counts.items())
    )


def _by_user(lines: Lines) -> dict[UUID, list[Mapping[str, Any]]]:
    found: dict[UUID, list[Mapping[str, Any]]] = {}
    for line in lines:
        if line["to_user_id"] is not None:
            found.setdefault(line["to_user_id"], []).append(line)
    return found


async def tell_receivers(plan: Handover, moving: Lines, journal: Journal) -> None:
    """Tell each who took records over how many, of whom and why."""
    name = (await User.get(id=plan.from_user_id)).name
    note = {"en": f" Note: {plan.note}", "zh": f"备注：{plan.note}"} if plan.note else {"en": "", "zh": ""}
    await notify_all(
        journal,
        [
            Message(
                user,
                "handover_received",
                {"en": f"You take over from {name}", "zh": f"您接手了 {name} 的客户资源"},
                {
                    "en": f"{_counted(lines, 'en')}, with their open tasks.{note['en']}",
                    "zh": f"{_counted(lines, 'zh')}，未完成的任务一并转交。{note['zh']}",
                },
                entity="User",
                record_id=plan.from_user_id,
                key=f"handover_received:{plan.id}",
            )
            for user, lines in _by_user(moving).items()
        ],
    )


async def tell_undone(plan: Handover, returned: Lines, journal: Journal) -> None:
    """Tell each from whom records went back."""
    name = (await User.get(id=plan.from_user_id)).name
    await notify_all(
        journal,
        [
            Message(
                user,
                "handover_undone",
                {"en": f"The hand-over from {name} was undone", "zh": f"{name} 的移交已撤销"},
                {
                    "en": f"{_counted(lines, 'en')} went back.",
                    "zh": f"{_counted(lines, 'zh')}已退回。",
                },
                entity="User",
                record_id=plan.from_user_id,
                key=f"handover_undone:{plan.id}",
            )
            for user, lines in _by_user(returned).items()
        ],
    )
