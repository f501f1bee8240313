"""How much each role sees: defaults, and what a tenant's rules make of them. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evenhand.entities.enums import VisibilityLevel as Level
from evenhand.errors import Problem, Refusals
from evenhand.tenancy.context import Role

HELD = ("Account", "Lead", "Opportunity")
"""Kinds of records that have a holder; all others are seen with them, by their people, or by everybody."""

ORDER = (Level.NONE, Level.OWN, Level.TEAM, Level.REGION, Level.ALL)
"""The levels; each has all that the one before it has."""

DEFAULTS: Mapping[Role, tuple[Level, Level]] = {
    Role.ADMIN: (Level.ALL, Level.ALL),
    Role.MANAGER: (Level.TEAM, Level.TEAM),
    Role.REP: (Level.OWN, Level.OWN),
    Role.READ_ONLY: (Level.ALL, Level.NONE),
}
"""What a role sees and edits without a rule. A role that is not here sees nothing."""


def least(one: Level, other: Level) -> Level:
    """The narrower of two levels."""
    return min(one, other, key=ORDER.index)


@dataclass(frozen=True)
class Sight:
    """How much a user sees and may change, by the kind of records; a part of the key of compiled reads.

    Attributes:
        role: None for the system.
        rules: the text that the tenant's rules were read as, see `RULES`; the same text means the same sight.
    """

    role: Role | None
    rules: str
    sees: tuple[Level, ...]
    edits: tuple[Level, ...]

    def level(self, entity: str, *, edits: bool = False) -> Level:
        """The level for one of `HELD`."""
        return (self.edits if edits else self.sees)[HELD.index(entity)]

    @property
    def unlimited(self) -> bool:
        """Whether everything is seen."""
        return all(level is Level.ALL for level in self.sees)

    @property
    def fixed(self) -> bool:
        """Whether no rule can change it: the system and admins, who could lock themselves out."""
        return self.role is None or self.role is Role.ADMIN


_EVERYTHING = (Level.ALL,) * len(HELD)
EVERYTHING = Sight(None, "", _EVERYTHING, _EVERYTHING)
"""What the system sees."""

RULES = (
    "(SELECT coalesce(string_agg(concat_ws(' ', r.entity, r.sees, r.edits), ',' ORDER BY r.entity COLLATE \"C\"), '') "
    "FROM visibility_rules AS r WHERE r.tenant_id = $1 AND r.role = {role} AND r.archived_at IS NULL)"
)
"""SQL: a role's rules as one text, over the tenant as `$1`. Whoever remembers the text compares it in a later
statement, so that a changed rule counts with the next request in every process."""


@lru_cache(maxsize=1_000)
def sight_of(role: Role, rules: str) -> Sight:
    """What users of a role see under these rules.

    Args:
        rules: as `RULES` reads them, e.g. "Account region team,Lead all own".
    """
    sees, edits = DEFAULTS.get(role, (Level.NONE, Level.NONE))
    levels = dict.fromkeys(HELD, (sees, edits))
    if role is not Role.ADMIN:
        for rule in filter(None, rules.split(",")):
            entity, more, less = rule.split(" ")
            if entity in levels:
                levels[entity] = (Level(more), least(Level(more), Level(less)))
    return Sight(role, rules, tuple(one for one, _ in levels.values()), tuple(two for _, two in levels.values()))


def check_rules(cleaned: Sequence[Mapping[str, Any]], refusals: Refusals) -> None:
    """Refuse rules for what has no holder, for admins, and those that let somebody change more than they let see."""
    for row, values in enumerate(cleaned):
        if values["entity"] not in HELD:
            message = f"entity: {values['entity']!r} has no visibility of its own."
            hint = f"Use one of: {', '.join(HELD)}; all other records are seen with them."
            refusals.add(row, Problem("entity", "NOT_HELD", message, hint))
        if values["role"] is Role.ADMIN:
            message = "role: admins see everything, so that nobody can lock all of them out."
            refusals.add(row, Problem("role", "ADMIN_SEES_ALL", message, "Give the person another role."))
        if least(values["sees"], values["edits"]) is not values["edits"]:
            message = f"edits: {values['edits'].value} is more than {values['sees'].value}, which is seen."
            refusals.add(row, Problem("edits", "MORE_THAN_SEEN", message, "Let the role see as much, or edit less."))
