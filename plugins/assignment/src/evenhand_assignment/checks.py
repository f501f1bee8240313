"""Whether the people whom the settings name are there, and whether anybody can be given anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from evenhand.api import Finding, Problem, current_tenant, reading
from evenhand_assignment.settings import ROUND_ROBIN, AssignmentSettings, TurnRules

_KNOWN = {
    "weights": "SELECT id FROM users WHERE tenant_id = $1 AND id = ANY ($2)",
    "team_ids": "SELECT id FROM teams WHERE tenant_id = $1 AND id = ANY ($2)",
}
_PEOPLE = "SELECT role, team_id FROM users WHERE tenant_id = $1 AND is_active AND archived_at IS NULL"
_WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "weights": {
        "en": ("there is no user {id} here.", "Use ids of this tenant's users."),
        "zh": ("没有用户 {id}。", "请使用本租户用户的 ID。"),
    },
    "team_ids": {
        "en": ("there is no team {id} here.", "Use ids of this tenant's teams."),
        "zh": ("没有团队 {id}。", "请使用本租户团队的 ID。"),
    },
}


def _named(settings: AssignmentSettings, kind: str) -> Iterator[tuple[str, UUID]]:
    """The ids that the settings name, each with its path."""
    for policy, rules in settings.all_rules().items():
        path = kind if policy == ROUND_ROBIN else f"policies.{policy}.{kind}"
        for one in getattr(rules, kind) or ():
            yield (f"{path}.{one}" if kind == "weights" else path), one


async def unknown_people(new: AssignmentSettings, old: AssignmentSettings, locale: str) -> list[Problem]:
    """The users and teams that the new settings name and the tenant does not have.

    What stood in the old ones is let be: nobody has to clear up before an unrelated change.
    """
    problems = []
    for kind, statement in _KNOWN.items():
        before = {one for _, one in _named(old, kind)}
        asked = [(path, one) for path, one in _named(new, kind) if one not in before]
        known = {row["id"] for row in await _rows(statement, {one for _, one in asked})} if asked else set()
        message, hint = _WORDS[kind]["zh" if locale.startswith("zh") else "en"]
        problems += [
            Problem(path, "UNKNOWN_ID", f"settings.{path}: {message.format(id=one)}", hint)
            for path, one in asked
            if one not in known
        ]
    return problems


async def idle_policies(settings: AssignmentSettings) -> list[Finding]:
    """One finding for each policy under which no active user could be given a record, whoever is absent."""
    people = await _rows(_PEOPLE)
    return [
        Finding(
            "NOBODY_ELIGIBLE",
            {
                "en": f"Under the policy {name} nobody can be given anything.",
                "zh": f"策略 {name} 下没有任何人可以分配到记录。",
            },
            {
                "en": "Change its roles or teams, or activate users.",
                "zh": "请调整其角色或团队，或启用用户。",
            },
        )
        for name, rules in settings.all_rules().items()
        if not any(_takes_part(rules, person) for person in people)
    ]


def _takes_part(rules: TurnRules, person: Mapping[str, Any]) -> bool:
    return person["role"] in rules.roles and (rules.team_ids is None or person["team_id"] in rules.team_ids)


async def _rows(statement: str, ids: Collection[UUID] | None = None) -> list[dict[str, Any]]:
    async with reading() as client:
        found: list[dict[str, Any]] = await client.execute_query_dict(
            statement, [current_tenant()] if ids is None else [current_tenant(), list(ids)]
        )
    return found
