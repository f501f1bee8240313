"""Whether two answers say the same, value by value, whatever the servers' ways to write a time or a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NUMBER = re.compile(r"-?\d+\.\d+")
_CLOSED = frozenset({"kind", "status", "tier", "lifecycleStage", "priority", "emailConsent", "interest"})
"""Fields whose values we write as GraphQL enums, PostGraphile as they are stored."""
_OWN = frozenset({"endCursor", "summary"})
"""Every server has cursors of its own; summaries are compared member by member."""


def leaves(value: Any) -> int:
    """How many values an answer holds."""
    if isinstance(value, dict):
        return sum(leaves(one) for one in value.values())
    if isinstance(value, list):
        return sum(leaves(one) for one in value)
    return 1


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Our summary's members as the record's own: PostGraphile has no place to nest them."""
    return {**record, **record["summary"]} if isinstance(record.get("summary"), dict) else record


def _plain(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in _CLOSED:
        return value.lower()
    if _MOMENT.fullmatch(value):
        return datetime.fromisoformat(value)
    return Decimal(value) if _NUMBER.fullmatch(value) else value


def differences(ours: Any, theirs: Any, path: str = "data") -> Iterator[str]:
    """Each place where two answers differ, with both values."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        ours, theirs = _flat(ours), _flat(theirs)
        for name in sorted(ours.keys() | theirs.keys()):
            if name in _OWN:
                continue
            if name not in ours or name not in theirs:
                yield f"{path}.{name} is only in {'ours' if name in ours else 'theirs'}"
            else:
                yield from differences(ours[name], theirs[name], f"{path}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{path} has {len(ours)} items in ours, {len(theirs)} in theirs"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from differences(one, other, f"{path}[{number}]")
    else:
        name = path.rpartition(".")[2].partition("[")[0]
        if _plain(name, ours) != _plain(name, theirs):
            yield f"{path} is {ours!r} in ours, {theirs!r} in theirs"
