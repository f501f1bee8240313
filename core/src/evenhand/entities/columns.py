"""Columns that several entities share, so that money, currencies and lists are declared alike."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.exceptions import ValidationError
from tortoise.validators import MaxValueValidator, MinValueValidator, Validator

CURRENCY_PATTERN = r"^[A-Z]{3}$"
EMAIL_PATTERN = r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+$"
KEY_PATTERN = r"^[a-z][a-z0-9_]*$"


class Pattern(Validator):
    """A text must match a pattern; says in words what is wrong and how to mend it.

    Attributes:
        code, message, hint: as a `Problem` takes them; the message follows the value.
    """

    def __init__(self, pattern: str, code: str, message: str, hint: str) -> None:
        self.pattern = re.compile(pattern)
        self.code = code
        self.message = message
        self.hint = hint

    def __call__(self, value: Any) -> None:
        if value is not None and not self.pattern.match(value):
            raise ValidationError(self.message)


CURRENCY = Pattern(CURRENCY_PATTERN, "BAD_CURRENCY", "is no currency.", "Use three capital letters such as CNY or USD.")
EMAIL = Pattern(EMAIL_PATTERN, "BAD_EMAIL", "is no e-mail address.", "Give one address such as li@example.com.")
KEY = Pattern(KEY_PATTERN, "BAD_KEY", "cannot be a key.", "Use small letters, digits and underscores: budget_2026.")


def name_column(**options: Any) -> Any:
    """A name people read, at most 300 characters, in any script."""
    return fields.CharField(max_length=300, **options)


def short_text(length: int = 100, **options: Any) -> Any:
    """A short optional text such as an industry or a region."""
    return fields.CharField(max_length=length, null=True, **options)


def email() -> Any:
    """An optional e-mail address."""
    return short_text(254, validators=[EMAIL])


def long_text() -> Any:
    """An optional text of any length."""
    return fields.TextField(null=True)


def money(*, signed: bool = False, null: bool = True) -> Any:
    """An amount with four decimals; not negative unless `signed`."""
    validators = [] if signed else [MinValueValidator(Decimal(0))]
    options: dict[str, Any] = {"null": null, "validators": validators}
    return fields.DecimalField(max_digits=18, decimal_places=4, **options)


def currency(*, null: bool = True) -> Any:
    """A currency by its ISO 4217 letters."""
    options: dict[str, Any] = {"null": null, "validators": [CURRENCY]}
    return fields.CharField(max_length=3, **options)


def count(*, minimum: int = 0, maximum: int | None = None, null: bool = True, **options: Any) -> Any:
    """A whole number within bounds."""
    validators: list[Any] = [MinValueValidator(minimum)]
    if maximum is not None:
        validators.append(MaxValueValidator(maximum))
    options |= {"null": null, "validators": validators}
    return fields.IntField(**options)


class Shape(StrEnum):
    """What a JSON column holds."""

    TEXTS = "a list of texts"
    OBJECTS = "a list of objects"
    NUMBERS = "a list of whole numbers"
    OBJECT = "an object"


def shape_of(field: Any) -> Shape:
    """What a JSON column holds; an object unless it was declared as a list."""
    shape: Shape = getattr(field, "shape", Shape.OBJECT)
    return shape


def _list(shape: Shape, **options: Any) -> Any:
    field: Any = fields.JSONField(**{"default": list, **options})
    # No argument of the field: the database knows nothing of it, and migrations must not.
    field.shape = shape
    return field


def string_list(**options: Any) -> Any:
    """A list of short texts."""
    return _list(Shape.TEXTS, **options)


def object_list() -> Any:
    """A list of small objects."""
    return _list(Shape.OBJECTS)


def number_list(**options: Any) -> Any:
    """A list of whole numbers."""
    return _list(Shape.NUMBERS, **options)


def mapping() -> Any:
    """A small object of names and values."""
    return fields.JSONField(default=dict)


def choice(kind: Any, **options: Any) -> Any:
    """One of a closed list."""
    return fields.CharEnumField(kind, max_length=32, **options)
