"""Check members and rules of pools before they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.entities.enums import ActivityKind, Tier
from evenhand.errors import Problem, Refusals
from evenhand.ownership.pools.rules import CONDITIONS

_ALL_CONDITIONS = ("tiers", "sources", "product_lines", "regions")
_ONE_OF = ("user_id", "team_id", "region", "product_line")
LONGEST = 36500
"""So many days at most, as in the columns."""


def check_pool_members(members: Sequence[Mapping[str, Any]], refusals: Refusals) -> None:
    """Refuse members that name nobody, or several."""
    for row, values in enumerate(members):
        named = [name for name in _ONE_OF if values.get(name) is not None]
        if len(named) != 1:
            message = f"user_id: {' and '.join(named) if named else 'nobody'} is named."
            hint = "Give exactly one of user_id, team_id, region and product_line."
            refusals.add(row, Problem("user_id", "ONE_MEMBER", message, hint))


def check_pool_rules(rules: Sequence[Mapping[str, Any]], refusals: Refusals) -> None:
    """Refuse rules about what has no owner, with conditions that no record can meet, or with days below one."""
    for row, values in enumerate(rules):
        entity = values["entity"]
        if entity not in CONDITIONS:
            message = f"entity: {str(entity)[:80]!r} has no owner."
            refusals.add(row, Problem("entity", "NOT_OWNABLE", message, f"Use one of: {', '.join(CONDITIONS)}."))
            continue
        for name in _ALL_CONDITIONS:
            if values[name] and name not in CONDITIONS[entity]:
                message = f"{name}: {entity} records have none."
                refusals.add(row, Problem(name, "NOT_OF_ENTITY", message, "Leave the list empty."))
        tiers = [tier.value for tier in Tier]
        for tier in values["tiers"]:
            if tier not in tiers:
                message = f"tiers: {tier[:80]!r} is no tier."
                refusals.add(row, Problem("tiers", "NOT_A_CHOICE", message, f"Use some of: {', '.join(tiers)}."))
        refusals.add(row, *_refresh_problems(values["refresh"]))
        for name in ("warn_days", "manager_warn_days"):
            if not all(0 <= days <= LONGEST for days in values[name]):
                message = f"{name}: {values[name]} has days out of range."
                refusals.add(row, Problem(name, "OUT_OF_RANGE", message, f"Use 0 to {LONGEST}."))


def _refresh_problems(refresh: Mapping[str, Any]) -> list[Problem]:
    kinds = [kind.value for kind in ActivityKind]
    problems = []
    for kind, days in refresh.items():
        if kind not in kinds:
            message = f"refresh: {kind[:80]!r} is no kind of activity."
            problems.append(Problem("refresh", "NOT_A_CHOICE", message, f"Use some of: {', '.join(kinds)}."))
        elif type(days) is not int or not 0 <= days <= LONGEST:
            message = f"refresh: {kind} has {str(days)[:20]} days."
            problems.append(Problem("refresh", "OUT_OF_RANGE", message, f"Use whole days, 0 to {LONGEST}."))
    return problems
