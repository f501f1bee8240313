"""Tell those whom a conflict case concerns, in their language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.actions.notifications import Message, Texts, notify_all
from evenhand.entities import User
from evenhand.ownership.conflicts.models import ConflictCase
from evenhand.tenancy.context import Role

if TYPE_CHECKING:
    from evenhand.actions.conflicts.cases import Parties

_TITLES: Mapping[str, Texts] = {
    "conflict_opened": {"en": "Conflict case opened: {title}", "zh": "已发起归属争议：{title}"},
    "conflict_judge": {"en": "Please rule on a conflict case: {title}", "zh": "请裁决归属争议：{title}"},
    "conflict_statement": {"en": "New statement in conflict case: {title}", "zh": "归属争议有新的陈述：{title}"},
    "conflict_ruled": {"en": "Conflict case ruled on: {title}", "zh": "归属争议已裁决：{title}"},
    "conflict_appealed": {"en": "Ruling appealed: {title}", "zh": "裁决被申诉：{title}"},
    "conflict_closed": {"en": "Ruling is final: {title}", "zh": "裁决已生效：{title}"},
    "conflict_withdrawn": {"en": "Conflict case withdrawn: {title}", "zh": "归属争议已撤回：{title}"},
    "conflict_due": {"en": "Conflict case is due soon: {title}", "zh": "归属争议即将到期：{title}"},
    "conflict_escalated": {"en": "Conflict case escalated: {title}", "zh": "归属争议已升级：{title}"},
}
TO_JUDGE = frozenset({"conflict_opened", "conflict_appealed", "conflict_escalated", "conflict_statement"})
"""Steps after which whoever is asked to rule is told, too."""


def describe(case: ConflictCase, parties: Parties) -> dict[str, Any]:
    """What every event of a case tells."""
    return {
        "kind": case.kind.value,
        "title": case.title,
        "records": [{"entity": name, "id": str(record_id)} for name, record_id in parties.records],
        "party_ids": [str(user_id) for user_id in parties.users],
    }


async def tell(
    step: str,
    case: ConflictCase,
    parties: Parties,
    journal: Journal,
    *,
    body: Texts | None = None,
    everybody: bool = False,
) -> None:
    """Tell the parties of a step, and whoever is asked to rule where it is on them.

    Args:
        everybody: also who acts, who otherwise knows of the own doing.
    """
    actor = journal.actor.user_id
    people = {} if step in ("conflict_due",) else dict.fromkeys(parties.users, step)
    if step in TO_JUDGE or step == "conflict_due":
        kind = "conflict_judge" if step in ("conflict_opened", "conflict_appealed", "conflict_escalated") else step
        people |= dict.fromkeys(await judges(case), kind)
    if actor is not None and not everybody:
        people.pop(actor, None)
    messages = [
        Message(
            user_id,
            kind,
            {language: text.format(title=case.title) for language, text in _TITLES[kind].items()},
            body,
            "ConflictCase",
            case.id,
        )
        for user_id, kind in people.items()
    ]
    await notify_all(journal, messages)


async def judges(case: ConflictCase) -> list[UUID]:
    """Who is asked to rule: one user, or all admins."""
    if case.judge_id is not None:
        return [case.judge_id]
    return [admin.id for admin in await User.filter(role=Role.ADMIN, is_active=True, archived_at=None)]
