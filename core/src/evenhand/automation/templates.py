"""Texts with places for values, such as "Welcome {account.name}"; no code is ever run. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from evenhand.automation.shapes import Field, Shape, find
from evenhand.errors import Problem

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_YES_NO = {"en": ("yes", "no"), "zh": ("是", "否")}
LONGEST_VALUE = 500
"""So many characters of one value go into a text."""


def check_template(text: str, shape: Shape, where: str) -> list[Problem]:
    """What is wrong with the places of a text."""
    problems = []
    for match in _PART.finditer(text):
        if match.group() in ("{{", "}}"):
            continue
        path = match.group(1)
        if path is None or not _PATH.fullmatch(path.strip()):
            message = f"{where}: {match.group()[:50]!r} at character {match.start() + 1} is no place for a value."
            problems.append(
                Problem(where, "BAD_PLACE", message, "Write {record.name}; a bracket itself is written {{ or }}.")
            )
            continue
        names = tuple(path.strip().split("."))
        found = find(shape, names)
        if not isinstance(found.target, Field) or found.depth < len(names):
            near = get_close_matches(names[min(found.depth, len(names) - 1)], found.beside, 3, 0.5)
            hint = f"Use one of: {', '.join(near or sorted(found.beside)[:30])}." if found.beside else "Name a field."
            problems.append(Problem(where, "UNKNOWN_FIELD", f"{where}: there is no field {path.strip()}.", hint))
    return problems


def render(text: str, view: Mapping[str, Any], language: str, zone: ZoneInfo) -> str:
    """The text with the values of a view; an empty value leaves nothing in its place.

    Args:
        language: "en" or "zh".
        zone: times are written as they are there.
    """

    def put(match: re.Match[str]) -> str:
        whole = match.group()
        if whole in ("{{", "}}"):
            return whole[0]
        if match.group(1) is None:
            return whole
        here: Any = view
        for name in match.group(1).strip().split("."):
            here = here.get(name) if isinstance(here, Mapping) else None
        return written(here, language, zone)[:LONGEST_VALUE]

    return _PART.sub(put, text)


def written(value: Any, language: str, zone: ZoneInfo) -> str:
    """A value as people write it."""
    match value:
        case None:
            return ""
        case bool():
            return _YES_NO[language][0 if value else 1]
        case Enum():
            return str(value.value)
        case Decimal():
            return f"{value:,.2f}" if value == value.quantize(Decimal("0.01")) else f"{value.normalize():,f}"
        case datetime():
            return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
        case date():
            return value.isoformat()
        case list():
            return ("、" if language == "zh" else ", ").join(written(item, language, zone) for item in value)
    return str(value)


def choose(text: str | Mapping[Any, str], language: str) -> str:
    """The text in a language; another one when it is not there."""
    if isinstance(text, str):
        return text
    return text.get(language) or text.get("en") or next(iter(text.values()), "")
