"""Check a rule before it is saved: its events, its condition, and that all it names is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.actions.custom_values import check_custom
from evenhand.actions.records import check_draft
from evenhand.automation import definitions as d
from evenhand.automation.rules import check
from evenhand.automation.shapes import Shape
from evenhand.automation.templates import check_template
from evenhand.automation.triggers import events_of
from evenhand.automation.views import TAGGED, camel, columns_of, custom_fields, shape_of_entity
from evenhand.automation.webhooks import endpoints_there
from evenhand.entities import CustomField, Tag, Team, Tenant, User
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.errors import Problem
from evenhand.ownership.models import Pool
from evenhand.plugins.context import tenant_context
from evenhand.plugins.host import current_host
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import RecordModel


async def check_rule(values: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with a rule.

    Args:
        values: `entity`, `events`, `condition` and `actions` as they are to be.
    """
    kind = ENTITIES.get(values["entity"])
    if kind is None:
        message = f"entity: there is no entity {str(values['entity'])[:80]!r}."
        return [Problem("entity", "UNKNOWN_ENTITY", message, f"Use one of: {', '.join(ENTITIES)}.")]
    problems = _check_events(kind, values["events"])
    custom = await custom_fields(kind)
    shape = shape_of_entity(kind, custom)
    tenant = await Tenant.get(id=current_tenant())
    problems += check(values["condition"], shape, ZoneInfo(tenant.time_zone))
    actions, wrong = d.parse_actions(values["actions"])
    problems += wrong
    if not values["actions"]:
        hint = 'Say what is to be done, e.g. {do: "notify", to: ["owner"], title: "…"}.'
        problems.append(Problem("actions", "REQUIRED", "actions: there is none.", hint))
    for number, action in enumerate(actions):
        problems += _check_action(kind, action, f"actions.{number}", shape, custom)
    return problems + await _check_references(actions) + await _check_policies(kind, actions)


def _check_events(kind: Entity, events: Sequence[str]) -> list[Problem]:
    known = events_of(kind)
    if not events:
        return [Problem("events", "REQUIRED", "events: there is none.", f"Use some of: {', '.join(known)}.")]
    return [
        Problem(
            "events",
            "UNKNOWN_EVENT",
            f"events: {kind.name} records have no event {one[:80]!r}.",
            f"Use some of: {', '.join(known)}.",
        )
        for one in events
        if one not in known
    ]


def _check_action(
    kind: Entity, action: d.Action, where: str, shape: Shape, custom: Sequence[CustomField]
) -> list[Problem]:
    problems = [
        problem
        for name, text in d.texts_of(action).items()
        for problem in check_template(text, shape, f"{where}.{name}")
    ]
    match action:
        case d.SetField():
            problems += _check_field(kind, action, where, custom)
        case d.AddTag() | d.RemoveTag() if kind.name not in TAGGED:
            message = f"{where}: {kind.name} records have no tags."
            problems.append(Problem(where, "NOT_TAGGABLE", message, f"Tags are for {', '.join(TAGGED)}."))
        case d.Assign() | d.MoveToPool() if not kind.ownable:
            message = f"{where}: {kind.name} records have no owner."
            problems.append(Problem(where, "NOT_OWNABLE", message, "Accounts, leads and opportunities have owners."))
        case d.CreateTicket() if kind.name != "Account" and "account_id" not in columns_of(kind.model):
            message = f"{where}: {kind.name} records belong to no account."
            problems.append(Problem(where, "NO_ACCOUNT", message, "Create a task instead."))
    return problems


def column_of(kind: Entity, name: str) -> str | None:
    """The column that the API calls so; None when there is none."""
    return next((column for column in columns_of(kind.model) if camel(column) == name), None)


def _check_field(kind: Entity, action: d.SetField, where: str, custom: Sequence[CustomField]) -> list[Problem]:
    name, value = action.field, action.value
    templated = isinstance(value, str) and "{" in value
    if name.startswith("custom."):
        key = name.removeprefix("custom.")
        if templated and any(one.key == key for one in custom):
            return []
        found = check_custom({one.key: one for one in custom}, {key: value})
    else:
        column = column_of(kind, name)
        if column is None or column not in kind.changeable:
            usable = sorted(camel(one) for one in kind.changeable if one in columns_of(kind.model))
            message = f"{where}.field: rules cannot set {name}."
            return [Problem(f"{where}.field", "UNKNOWN_FIELD", message, f"Use one of: {', '.join(usable)}.")]
        if templated:
            return []
        _, found = check_draft(kind, {column: value}, partial=True)
    return [Problem(f"{where}.value", one.code, f"{where}.value: {one.message}", one.hint) for one in found]


async def _check_references(actions: Sequence[d.Action]) -> list[Problem]:
    wanted: dict[str, dict[UUID, str]] = {"User": {}, "Team": {}, "Tag": {}, "Pool": {}}
    for number, action in enumerate(actions):
        where = f"actions.{number}"
        match action:
            case d.AddTag() | d.RemoveTag():
                wanted["Tag"].setdefault(action.tag, f"{where}.tag")
            case d.MoveToPool():
                wanted["Pool"].setdefault(action.pool, f"{where}.pool")
            case d.CreateTask() | d.CreateTicket() if action.assignee:
                _note_person(wanted, action.assignee, f"{where}.assignee")
            case d.Notify():
                for place, word in enumerate(action.to):
                    _note_person(wanted, word, f"{where}.to.{place}")
    models: dict[str, type[RecordModel]] = {"User": User, "Team": Team, "Tag": Tag, "Pool": Pool}
    problems = []
    for name, ids in wanted.items():
        there = {one.id for one in await models[name].filter(id__in=list(ids), archived_at=None)} if ids else set()
        for one in ids.keys() - there:
            message = f"{ids[one]}: there is no {name} {one} here."
            problems.append(Problem(ids[one], "REFERENCE_NOT_FOUND", message, f"Use the id of a {name} in use."))
    return problems + await _check_endpoints(actions)


async def _check_endpoints(actions: Sequence[d.Action]) -> list[Problem]:
    wanted = {
        action.endpoint: f"actions.{number}.endpoint"
        for number, action in enumerate(actions)
        if isinstance(action, d.CallWebhook)
    }
    there = await endpoints_there(wanted) if wanted else {}
    hint = "Use the id of a webhook endpoint in use."
    return [
        Problem(where, "REFERENCE_NOT_FOUND", f"{where}: there is no webhook endpoint {one} here.", hint)
        for one, where in wanted.items()
        if one not in there
    ]


async def _check_policies(kind: Entity, actions: Sequence[d.Action]) -> list[Problem]:
    wanted = {
        f"actions.{number}.policy": action.policy
        for number, action in enumerate(actions)
        if isinstance(action, d.Assign) and action.policy
    }
    if not wanted:
        return []
    offered = await current_host().assignment_policies(await tenant_context())
    names = sorted(f"{slug}:{policy.name}" for slug, policy in offered if kind.name in policy.entities)
    hint = f"Use one of: {', '.join(names)}." if names else "Enable a plugin that has policies, or leave it out."
    return [
        Problem(where, "UNKNOWN_POLICY", f"{where}: no enabled plugin has the policy {name} for {kind.name}.", hint)
        for where, name in wanted.items()
        if name not in names
    ]


def _note_person(wanted: dict[str, dict[UUID, str]], person: str, where: str) -> None:
    word, _, reference = person.partition(":")
    if word in ("user", "team"):
        wanted[word.capitalize()].setdefault(UUID(reference), where)
