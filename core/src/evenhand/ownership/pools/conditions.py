"""The conditions of rules as SQL, so that a statement can tell for any number of records which rule is theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evenhand.entities.enums import LeadStatus
from evenhand.ownership.pools.rules import CONDITIONS, Matching

CLOSED_LEADS = (LeadStatus.CONVERTED, LeadStatus.UNQUALIFIED)

COUNTED: Mapping[str, str] = {
    "Account": "{row}.archived_at IS NULL",
    "Lead": "{row}.archived_at IS NULL AND {row}.status NOT IN ("
    + ", ".join(f"'{status.value}'" for status in CLOSED_LEADS)
    + ")",
    "Opportunity": "{row}.archived_at IS NULL AND {row}.closed_on IS NULL",
}
"""Which records count as held: those that are open and not put away."""

COUNTING: Mapping[str, frozenset[str]] = {
    name: frozenset({"archived_at", *columns.values(), *more})
    for (name, columns), more in zip(CONDITIONS.items(), ((), ("status",), ("closed_on",)), strict=True)
}
"""By entity, the columns that decide whether a record counts as held, and by which rule."""


def counted(entity: str, columns: Mapping[str, Any]) -> bool:
    """Whether a record counts as held; the same as `COUNTED` says in SQL."""
    if columns.get("archived_at") is not None:
        return False
    if entity == "Lead":
        return columns.get("status") not in CLOSED_LEADS
    return entity != "Opportunity" or columns.get("closed_on") is None


def number_of_rule(rules: Sequence[Matching], entity: str, row: str, place: Callable[[Any], str]) -> str:
    """SQL: the place in `rules` of the first that is about the record; null when none is.

    Args:
        rules: as `ordered` put them.
        row: the alias of the record's table.
        place: takes a value and gives the parameter that stands for it, e.g. "$3".
    """
    cases = []
    for number, rule in enumerate(rules):
        lists = ((getattr(rule, name), column) for name, column in CONDITIONS[entity].items())
        parts = [f'{row}."{column}" = ANY ({place(list(wanted))}::text[])' for wanted, column in lists if wanted]
        cases.append(f"WHEN {' AND '.join(parts) or 'true'} THEN {number}")
    return f"CASE {' '.join(cases)} END" if cases else "NULL::int"
