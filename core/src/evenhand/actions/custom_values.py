"""Values of a tenant's own fields: checked against the tenant's definitions, merged into what is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from evenhand.actions.values import shown, unstorable
from evenhand.entities import CustomField
from evenhand.entities.enums import CustomFieldType
from evenhand.entities.registry import Entity
from evenhand.errors import Problem, Refusals
from evenhand.tenancy.models import RecordModel

_HINTS = {
    CustomFieldType.TEXT: "Give a text.",
    CustomFieldType.NUMBER: "Give a number such as 12.5.",
    CustomFieldType.BOOLEAN: "Give true or false.",
    CustomFieldType.DATE: "Give a date such as 2026-05-31.",
}


_LONGEST_NUMBER = 300
_NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?")
"""What the database's `evenhand_number` takes for a number; filters would not find any other."""


def _is_number(value: int | float | str | Decimal) -> bool:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return False
    if not number.is_finite():
        return False
    kept = str(number) if isinstance(value, str) else f"{number:f}"
    return len(kept) <= _LONGEST_NUMBER and _NUMBER.fullmatch(kept) is not None


def _fits(kind: CustomFieldType, options: Sequence[str], value: Any) -> bool:
    match kind:
        case CustomFieldType.TEXT:
            return isinstance(value, str) and unstorable(value) is None
        case CustomFieldType.NUMBER:
            if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
                return False
            return _is_number(value) and unstorable(value) is None
        case CustomFieldType.BOOLEAN:
            return isinstance(value, bool)
        case CustomFieldType.DATE:
            try:
                return isinstance(value, str) and bool(date.fromisoformat(value))
            except ValueError:
                return False
        case CustomFieldType.CHOICE:
            return value in options


def canonical(kind: CustomFieldType, value: Any) -> Any:
    """A value that fits, as it is kept: dates as 2026-05-31, numbers that came as texts in plain digits."""
    if not isinstance(value, str):
        return value
    if kind is CustomFieldType.DATE:
        return date.fromisoformat(value).isoformat()
    return str(Decimal(value)) if kind is CustomFieldType.NUMBER else value


def check_custom(definitions: Mapping[str, CustomField], custom: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with values of custom fields; None removes a value and always fits."""
    problems = []
    for key, value in custom.items():
        where = f"custom.{key}"
        definition = definitions.get(key)
        if definition is None:
            known = ", ".join(sorted(definitions)) or "none yet"
            hint = f"Define it as a custom field first. Defined: {known}."
            problems.append(Problem(where, "UNKNOWN_CUSTOM_FIELD", f"{where}: there is no such custom field.", hint))
        elif value is not None and not _fits(definition.type, definition.options, value):
            choices = f"Use one of: {', '.join(definition.options)}."
            hint = _HINTS.get(definition.type, choices)
            message = f"{where}: {shown(value)} is no {definition.type.value}."
            problems.append(Problem(where, "BAD_CUSTOM_VALUE", message, hint))
    return problems


async def settle_custom(
    kind: Entity, drafts: Sequence[tuple[RecordModel | None, dict[str, Any]]], refusals: Refusals
) -> None:
    """Check the custom values of drafts, and merge those of changes into the record's (None removes one).

    Args:
        drafts: (the record as it is, or None when new; its checked values).
        refusals: gets keys that the tenant has not defined, and values that do not fit their type.
    """
    given = [(row, record, values) for row, (record, values) in enumerate(drafts) if "custom" in values]
    if not given:
        return
    asked = any(values["custom"] for _, _, values in given)
    rows = await CustomField.filter(entity=kind.name, archived_at=None) if asked else []
    definitions = {row.key: row for row in rows}
    for row, record, values in given:
        custom = values["custom"]
        wrong = check_custom(definitions, custom)
        if wrong:
            refusals.add(row, *wrong)
            continue
        custom = {key: canonical(definitions[key].type, value) for key, value in custom.items()}
        merged = {**(record.custom if record is not None else {}), **custom}
        values["custom"] = {key: value for key, value in merged.items() if value is not None}
