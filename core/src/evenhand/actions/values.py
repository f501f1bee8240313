"""Check and convert a draft's values against the model: all problems at once, nothing lost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.exceptions import ValidationError
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.models import Model

from evenhand.entities.columns import Pattern, Shape, shape_of
from evenhand.errors import InvalidInput, Problem

_TRUE = frozenset({"true", "yes", "y", "1", "是", "对"})
_FALSE = frozenset({"false", "no", "n", "0", "否", "错"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""Control characters, and halves of characters that no encoding can hold."""
_DEEPEST = 20
"""So deep lists and objects may lie in each other."""
_LONGEST_SHOWN = 100
"""So much of a value is repeated in a message."""


class BadValue(ValueError):
    """A value that cannot be taken; carries what a `Problem` needs besides the field."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def problem(self, field: str) -> Problem:
        return Problem(field, self.code, f"{field}: {self.message}", self.hint)


def shown(value: Any) -> str:
    """A value as messages show it: as it was written, and not endless."""
    written = repr(value)
    return written if len(written) <= _LONGEST_SHOWN else f"{written[:_LONGEST_SHOWN]}…"


def _text(value: Any, field: Field[Any]) -> str:
    if not isinstance(value, str):
        raise BadValue("WRONG_TYPE", f"{shown(value)} is not a text.", "Give a text.")
    if _CONTROL.search(value):
        raise BadValue("CONTROL_CHARACTER", f"{shown(value)} holds control characters.", "Remove them.")
    text = value.strip()
    longest = getattr(field, "max_length", None)
    if longest is not None and len(text) > longest:
        raise BadValue("TOO_LONG", f"has {len(text)} characters.", f"Use at most {longest}.")
    return text


def _decimal(value: Any, field: fields.DecimalField[Any]) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        raise BadValue("WRONG_TYPE", f"{shown(value)} is not a decimal number.", "Give a number such as 1234.50.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise BadValue("NOT_A_NUMBER", f"{shown(value)} is not a number.", "Give a number such as 1234.50.") from None
    if not number.is_finite():
        raise BadValue("NOT_A_NUMBER", f"{shown(value)} is not a finite number.", "Give a number such as 1234.50.")
    places = Decimal(1).scaleb(-field.decimal_places)
    if abs(number) >= Decimal(10) ** (field.max_digits - field.decimal_places):
        raise BadValue("TOO_LARGE", f"{value} is too large.", f"Use fewer than {field.max_digits} digits.")
    rounded = number.quantize(places)
    if rounded != number:
        raise BadValue(
            "TOO_PRECISE", f"{value} has too many decimals.", f"Use at most {field.decimal_places} decimals."
        )
    return rounded


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise BadValue("WRONG_TYPE", f"{shown(value)} is not a whole number.", "Give a whole number.")
    try:
        number = int(value)
    except ValueError:
        raise BadValue("NOT_A_NUMBER", f"{shown(value)} is not a whole number.", "Give a whole number.") from None
    if abs(number) >= 2**31:
        raise BadValue("TOO_LARGE", f"{value} is too large.", "Use at most 2147483647.")
    return number


_FIRST_DAY = date(1, 1, 2)
_LAST_DAY = date(9999, 12, 30)
"""Drivers take the very first and last day and moment for infinity, with which the database cannot reckon; and a moment
must be within the calendar in every time zone."""


def _within_calendar(day: date) -> None:
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise BadValue(
            "OUT_OF_RANGE",
            f"{day} is out of range.",
            f"Use {_FIRST_DAY} to {_LAST_DAY}; leave it empty when there is none.",
        )


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise BadValue("BAD_TIME", f"{shown(value)} is not a time.", "Use 2026-05-31T14:30:00+08:00.") from None
    if not isinstance(value, datetime):
        raise BadValue("WRONG_TYPE", f"{shown(value)} is not a time.", "Use 2026-05-31T14:30:00+08:00.")
    if value.tzinfo is None:
        raise BadValue("NAIVE_TIME", f"{value} has no time zone.", "Add one: 2026-05-31T14:30:00+08:00.")
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise BadValue("BAD_TIME", f"{value} is out of range.", "Use 2026-05-31T14:30:00+08:00.") from None
    _within_calendar(moment.date())
    return moment


def _day(value: Any) -> date:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise BadValue("BAD_DATE", f"{shown(value)} is not a date.", "Use year-month-day: 2026-05-31.") from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise BadValue("WRONG_TYPE", f"{shown(value)} is not a date.", "Use year-month-day: 2026-05-31.")
    _within_calendar(value)
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return value.strip().lower() in _TRUE
    raise BadValue("NOT_A_BOOLEAN", f"{shown(value)} is neither yes nor no.", "Use true or false.")


def _choice(value: Any, kind: type[Enum]) -> Enum:
    if isinstance(value, kind):
        return value
    wanted = str(value.value if isinstance(value, Enum) else value).strip().lower().replace(" ", "_").replace("-", "_")
    for member in kind:
        if wanted in (str(member.value), member.name.lower()):
            return member
    allowed = ", ".join(str(member.value) for member in kind)
    raise BadValue("NOT_A_CHOICE", f"{shown(value)} is not one of the choices.", f"Use one of: {allowed}.")


def _identifier(value: Any) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise BadValue("BAD_ID", f"{shown(value)} is not an id.", "Use the id that the API gave.") from None


def unstorable(value: Any, depth: int = 0) -> str | None:
    """Why a value cannot be kept as JSON, as the end of a sentence; None when it can."""
    match value:
        case str():
            return "holds control characters" if _CONTROL.search(value) else None
        case bool() | None | Decimal() | date() | UUID():
            return None
        case int():
            return None if -(2**63) <= value < 2**63 else "holds a number that is too large"
        case float():
            return None if isfinite(value) else "holds a number that is not finite"
        case list() | dict() if depth == _DEEPEST:
            return "is nested too deeply"
        case list():
            items: list[Any] = value
        case dict():
            if not all(isinstance(key, str) for key in value):
                return "holds a key that is not a text"
            items = [*value, *value.values()]
        case _:
            return f"holds a {type(value).__name__}"
    return next((reason for item in items if (reason := unstorable(item, depth + 1)) is not None), None)


def _json(value: Any, shape: Shape) -> Any:
    match shape:
        case Shape.OBJECT:
            fits = isinstance(value, dict)
        case Shape.TEXTS:
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        case Shape.OBJECTS:
            fits = isinstance(value, list) and all(isinstance(item, dict) for item in value)
        case Shape.NUMBERS:
            fits = isinstance(value, list) and all(type(item) is int for item in value)
    if not fits:
        raise BadValue("WRONG_TYPE", f"{shown(value)} is not {shape.value}.", f"Give {shape.value}.")
    reason = unstorable(value)
    if reason is not None:
        raise BadValue("CANNOT_BE_KEPT", f"{shown(value)} {reason}.", "Give plain texts, numbers, lists and objects.")
    return value


def _convert(field: Field[Any], value: Any) -> Any:
    match field:
        case CharEnumFieldInstance():
            return _choice(value, field.enum_type)
        case fields.JSONField():
            return _json(value, shape_of(field))
        case fields.CharField() | fields.TextField():
            return _text(value, field)
        case fields.DecimalField():
            return _decimal(value, field)
        case fields.DatetimeField():
            return _moment(value)
        case fields.DateField():
            return _day(value)
        case fields.BooleanField():
            return _flag(value)
        case fields.UUIDField():
            return _identifier(value)
        case fields.IntField():
            return _integer(value)
    raise TypeError(f"no conversion for {type(field).__name__}")


def _hint_for_nothing(field: Field[Any]) -> str:
    if not isinstance(field, fields.JSONField):
        return "Give a value."
    return f"Give {'{}' if shape_of(field) is Shape.OBJECT else '[]'} to empty it."


def convert(field: Field[Any], value: Any) -> Any:
    """One value as the field keeps it; raises `BadValue`.

    An empty text means no value where the field may be empty.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.null:
            return None
        raise BadValue("REQUIRED", "must not be empty.", _hint_for_nothing(field))
    converted = _convert(field, value)
    for validator in field.validators:
        try:
            validator(converted)
        except ValidationError as error:
            if isinstance(validator, Pattern):
                raise BadValue(validator.code, f"{shown(value)} {validator.message}", validator.hint) from None
            raise BadValue("OUT_OF_RANGE", f"{value} cannot be taken: {error}.", "Give a value in range.") from None
    return converted


def require_value(model: type[Model], column: str, value: Any) -> Any:
    """One value as the model's column keeps it.

    Raises:
        InvalidInput.
    """
    try:
        return convert(model._meta.fields_map[column], value)
    except BadValue as bad:
        raise InvalidInput([bad.problem(column)]) from None


def clean(
    model: type[Model],
    draft: Mapping[str, Any],
    *,
    allowed: frozenset[str],
    filled: frozenset[str] = frozenset(),
    partial: bool = False,
    prefix: str = "",
) -> tuple[dict[str, Any], list[Problem]]:
    """Turn a draft into column values.

    Args:
        draft: column name ("account_id", "name") to value as it came.
        allowed: the columns that may be given.
        filled: columns that may be left out or empty; they come back as None for the action to derive.
        partial: an update; nothing is required and no default is added.
        prefix: put before field names in problems, for nested lists.

    Returns: the good values, and every problem; with problems, the values are incomplete.
    """
    columns = {column: model._meta.fields_map[name] for name, column in model._meta.fields_db_projection.items()}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in draft.items():
        if name not in allowed or name not in columns:
            hint = f"Use any of: {', '.join(sorted(allowed))}."
            problems.append(Problem(prefix + name, "UNKNOWN_FIELD", f"{prefix}{name}: there is no such field.", hint))
            continue
        if value is None and name in filled and not partial:
            values[name] = None
            continue
        try:
            values[name] = convert(columns[name], value)
        except BadValue as bad:
            problems.append(bad.problem(prefix + name))
    if not partial:
        for name in sorted(allowed & columns.keys() - draft.keys()):
            field = columns[name]
            if field.default is not None:
                values[name] = field.default() if callable(field.default) else field.default
            elif field.null or name in filled:
                values[name] = None
            else:
                problems.append(BadValue("REQUIRED", "is required.", "Give a value.").problem(prefix + name))
    return values, problems
