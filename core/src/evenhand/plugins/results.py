"""Whether a plugin answered with what its hook declares: checks made once from the annotation, cheap to run.

They look at the value, at each item of a list and at each field of an item. What an item itself holds in lists is only
looked at from outside, because an assignment answers with tens of thousands of verdicts.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Check = Callable[[Any], str | None]
"""What is wrong with a value, in words; None when nothing is."""


_USUAL = (list, tuple)


def _name(value: object) -> str:
    return type(value).__name__


def _anything(value: Any) -> str | None:
    return None


def _nothing(value: Any) -> str | None:
    return None if value is None else f"{_name(value)} instead of nothing"


def _instance(kind: type) -> Check:
    # To Python a moment is a date and True is a number; to people they are not.
    usual = dict if kind is collections.abc.Mapping else kind
    but: type = datetime if kind is date else bool if kind in (int, float) else type(None)

    def check(value: Any) -> str | None:
        if type(value) is usual or (isinstance(value, kind) and not isinstance(value, but)):
            return None
        return f"{_name(value)} instead of {kind.__name__}"

    return check


def _number(value: Any) -> str | None:
    if isinstance(value, Decimal) and value.is_finite():
        return None
    return f"{value if isinstance(value, Decimal) else _name(value)} instead of a finite Decimal"


def _protocol(kind: type) -> Check:
    names = sorted(name for name in vars(kind) if not name.startswith("_"))

    def check(value: Any) -> str | None:
        missing = [name for name in names if not hasattr(value, name)]
        return f"{_name(value)} without {', '.join(missing)}" if missing else None

    return check


def _any_of(checks: Sequence[Check]) -> Check:
    def check(value: Any) -> str | None:
        found = [problem for one in checks if (problem := one(value)) is not None]
        return found[0] if len(found) == len(checks) else None

    return check


def _sequence(item: Check) -> Check:
    def check(value: Any) -> str | None:
        if type(value) not in _USUAL and (
            not isinstance(value, collections.abc.Sequence) or isinstance(value, str | bytes)
        ):
            return f"{_name(value)} instead of a list"
        for position, one in enumerate(value):
            problem = item(one)
            if problem is not None:
                return f"item {position}: {problem}"
        return None

    return check


def _fields(kind: type, depth: int) -> Check:
    hints = typing.get_type_hints(kind)
    checks = [(field.name, check_for(hints[field.name], depth - 1)) for field in dataclasses.fields(kind)]
    useful = [(name, check) for name, check in checks if check is not _anything]
    outside = _instance(kind)

    def check(value: Any) -> str | None:
        problem = outside(value)
        if problem is not None:
            return problem
        for name, one in useful:
            problem = one(getattr(value, name))
            if problem is not None:
                return f"{kind.__name__}.{name}: {problem}"
        return None

    return check


def check_for(annotation: Any, depth: int = 1) -> Check:
    """The check of values of this type.

    Args:
        depth: how many dataclasses inside one another are looked into.
    """
    if annotation is None or annotation is type(None):
        return _nothing
    origin: Any = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _any_of([check_for(one, depth) for one in arguments])
    if origin in (collections.abc.Sequence, list, tuple):
        return _sequence(check_for(arguments[0], depth))
    if origin is not None:
        # What a mapping or a function takes is not known before it is used.
        return _callable if origin is collections.abc.Callable else _instance(origin)
    if not isinstance(annotation, type) or annotation is object:
        return _anything
    if getattr(annotation, "_is_protocol", False):
        return _protocol(annotation)
    if annotation is Decimal:
        return _number
    if dataclasses.is_dataclass(annotation) and depth > 0:
        return _fields(annotation, depth)
    return _instance(annotation)


def _callable(value: Any) -> str | None:
    return None if callable(value) else f"{_name(value)} instead of a function"


def result_check(function: Callable[..., Any]) -> Check:
    """The check of what this hook specification declares to return."""
    annotation = function.__annotations__["return"]
    if isinstance(annotation, str):
        annotation = eval(annotation, function.__globals__)  # noqa: S307  (our own specifications)
    return check_for(annotation)
