"""Do what a rule says, through the same actions that people use; and say what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.assignment import assign_records
from evenhand.actions.journal import writing
from evenhand.actions.notifications import notify
from evenhand.actions.owners import set_owner
from evenhand.actions.records import create_record, update_record
from evenhand.actions.tags import tag_records, untag_records
from evenhand.automation import definitions as d
from evenhand.automation.checking import column_of
from evenhand.automation.templates import choose, render, written
from evenhand.automation.views import Happened, Surroundings, View, columns_of
from evenhand.automation.webhooks import endpoints_there, send_event
from evenhand.entities import Tag, Task, Ticket, User
from evenhand.entities.registry import Entity
from evenhand.ownership.models import Pool
from evenhand.tenancy.context import Role
from evenhand.tenancy.models import RecordModel

NOTIFICATION = "automation"
"""The kind of notifications that rules make."""
Written = str | Mapping[Any, str]
"""A text of a rule: one, or one for each language."""
Sentence = Mapping[str, str]
"""What was done or would be, in English and Chinese."""


@dataclass(frozen=True)
class Case:
    """A rule's event with everything around it.

    Attributes:
        key: tells this rule and this event from all others.
    """

    kind: Entity
    event: Happened
    view: View
    around: Surroundings
    key: str

    def text(self, texts: Written, language: str | None = None) -> str:
        """A text of the rule with the record's values, by default in the tenant's language."""
        chosen = language or self.around.language
        return render(choose(texts, chosen), self.view, chosen, self.around.zone)

    def both(self, texts: Written) -> dict[str, str]:
        """A text of the rule in both languages."""
        return {language: self.text(texts, language) for language in ("en", "zh")}

    @property
    def owner_id(self) -> UUID | None:
        """Who is responsible: the owner, or the assignee, or the owner of the account."""
        record = self.view["record"]
        found = record.get("ownerId") or record.get("assigneeId") or (self.view.get("account") or {}).get("ownerId")
        return found if isinstance(found, UUID) else None


async def people(case: Case, words: list[str]) -> list[User]:
    """The active users that words stand for, each once."""
    found: dict[UUID, User] = {}
    for word in words:
        for user in await _people(case, word):
            if user.is_active and user.archived_at is None:
                found.setdefault(user.id, user)
    return list(found.values())


async def _people(case: Case, word: str) -> list[User]:
    name, _, reference = word.partition(":")
    match name:
        case "owner":
            return await _user(case.owner_id)
        case "owner_manager":
            return [one for owner in await _user(case.owner_id) for one in await _user(owner.manager_id)]
        case "actor":
            return await _user(case.event.user_id)
        case "user":
            return await _user(UUID(reference))
        case "team":
            return list(await User.filter(team_id=UUID(reference), archived_at=None).order_by("name"))
    return list(await User.filter(role=Role.ADMIN, archived_at=None).order_by("name"))


async def _user(user_id: UUID | None) -> list[User]:
    return list(await User.filter(id=user_id)) if user_id is not None else []


def _about(case: Case, model: type[RecordModel]) -> dict[str, UUID]:
    """The references by which a new task or ticket is about the record."""
    found: dict[str, UUID] = {}
    for name in ("account", "contact", "lead", "opportunity", "ticket"):
        column = f"{name}_id"
        if column not in columns_of(model):
            continue
        value = case.event.record_id if case.kind.name.lower() == name else case.view["record"].get(f"{name}Id")
        if value is not None:
            found[column] = value
    return found


def due_moment(action: d.CreateTask, around: Surroundings) -> datetime | None:
    """When the task is due, in the tenant's time zone."""
    if action.due_in_days is None:
        return None
    day = around.today + timedelta(days=action.due_in_days)
    return datetime.combine(day, time.fromisoformat(action.due_time), around.zone)


async def _assignee(case: Case, word: str | None) -> User | None:
    found = await people(case, [word]) if word else []
    return found[0] if found else None


def _task(case: Case, action: d.CreateTask, assignee: User | None) -> dict[str, Any]:
    return {
        "subject": case.text(action.subject)[:300],
        "notes": case.text(action.notes) if action.notes else None,
        "priority": action.priority,
        "assignee_id": assignee.id if assignee else None,
        "due_at": due_moment(action, case.around),
        **_about(case, Task),
    }


def _ticket(case: Case, action: d.CreateTicket, assignee: User | None) -> dict[str, Any]:
    return {
        "subject": case.text(action.subject)[:300],
        "description": case.text(action.description) if action.description else None,
        "priority": action.priority,
        "category": action.category,
        "assignee_id": assignee.id if assignee else None,
        **_about(case, Ticket),
    }


def _new_value(case: Case, action: d.SetField) -> dict[str, Any]:
    value = case.text(action.value) if isinstance(action.value, str) else action.value
    if action.field.startswith("custom."):
        return {"custom": {action.field.removeprefix("custom."): value}}
    return {str(column_of(case.kind, action.field)): value}


async def perform(action: d.Action, case: Case, number: int) -> None:
    """Do one action, as the actor who is set.

    Raises:
        EvenhandError: the record cannot take it; e.g. a required field is emptied, or the pool is gone.
    """
    name, record_id = case.kind.name, case.event.record_id
    match action:
        case d.CreateTask():
            await create_record("Task", _task(case, action, await _assignee(case, action.assignee)))
        case d.CreateTicket():
            await create_record("Ticket", _ticket(case, action, await _assignee(case, action.assignee)))
        case d.Notify():
            users = await people(case, action.to)
            async with writing("notify_by_rule") as journal:
                await notify(
                    journal,
                    [user.id for user in users],
                    kind=NOTIFICATION,
                    title=case.both(action.title),
                    body=case.both(action.body) if action.body else None,
                    entity=name,
                    record_id=record_id,
                    key=f"{case.key}:{number}",
                )
        case d.SetField():
            await update_record(name, record_id, _new_value(case, action))
        case d.AddTag():
            await tag_records(name, [record_id], action.tag, why=case.text(action.why) if action.why else None)
        case d.RemoveTag():
            await untag_records(name, [record_id], action.tag)
        case d.Assign():
            await assign_records(name, [record_id], policy=action.policy)
        case d.MoveToPool():
            note = case.text(action.note) if action.note else None
            await set_owner(name, [record_id], pool_id=action.pool, note=note)
        case d.CallWebhook():
            await send_event(action.endpoint, case.event.id)


async def describe(action: d.Action, case: Case) -> Sentence:
    """What an action does, as a sentence."""
    match action:
        case d.CreateTask():
            return await _describe_task(action, case)
        case d.CreateTicket():
            subject = case.both(action.subject)
            return {
                "en": f"Creates the service request “{subject['en']}”.",
                "zh": f"创建工单“{subject['zh']}”。",
            }
        case d.Notify():
            names = [user.name for user in await people(case, action.to)]
            title = case.both(action.title)
            if not names:
                return {"en": "Notifies nobody: there is no such person.", "zh": "没有可通知的人。"}
            return {
                "en": f"Notifies {', '.join(names)}: “{title['en']}”.",
                "zh": f"通知{'、'.join(names)}：“{title['zh']}”。",
            }
        case d.SetField():
            (value,) = _new_value(case, action).values()
            value = next(iter(value.values())) if isinstance(value, dict) else value
            words = {language: written(value, language, case.around.zone) for language in ("en", "zh")}
            return {"en": f"Sets {action.field} to “{words['en']}”.", "zh": f"将 {action.field} 设为“{words['zh']}”。"}
        case d.AddTag() | d.RemoveTag():
            tag = await _name(Tag, action.tag)
            if isinstance(action, d.AddTag):
                return {"en": f"Puts the tag “{tag}” on it.", "zh": f"添加标签“{tag}”。"}
            return {"en": f"Takes the tag “{tag}” off it.", "zh": f"移除标签“{tag}”。"}
        case d.Assign() if action.policy:
            return {
                "en": f"Lets the policy {action.policy} decide who gets it.",
                "zh": f"按分配规则“{action.policy}”分配负责人。",
            }
        case d.Assign():
            return {"en": "Lets the tenant's policy decide who gets it.", "zh": "按分配规则分配负责人。"}
        case d.MoveToPool():
            pool = await _name(Pool, action.pool)
            return {"en": f"Puts it into the pool “{pool}”.", "zh": f"移入公海“{pool}”。"}
        case d.CallWebhook():
            url = (await endpoints_there([action.endpoint])).get(action.endpoint, str(action.endpoint))
            return {"en": f"Sends the event to {url}.", "zh": f"将事件发送到 {url}。"}


async def _describe_task(action: d.CreateTask, case: Case) -> Sentence:
    assignee = await _assignee(case, action.assignee)
    subject, due = case.both(action.subject), due_moment(action, case.around)
    for_en = f" for {assignee.name}" if assignee else ", for nobody yet"
    for_zh = f"，负责人：{assignee.name}" if assignee else "，暂无负责人"
    on = due.strftime("%Y-%m-%d %H:%M") if due else ""
    return {
        "en": f"Creates the task “{subject['en']}”{for_en}{f', due {on}' if on else ''}.",
        "zh": f"创建任务“{subject['zh']}”{for_zh}{f'，截止：{on}' if on else ''}。",
    }


async def _name(model: type[RecordModel], record_id: UUID) -> str:
    found: Any = await model.get_or_none(id=record_id)
    return str(found.name) if found is not None else str(record_id)


__all__ = ["NOTIFICATION", "Case", "Sentence", "describe", "due_moment", "people", "perform"]
