"""The page about event types, written from the classes: `python -m evenhand.events.page > docs/api/event-types.md`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from evenhand.events.base import Archived, Created, Event, Restored, Updated
from evenhand.events.catalogue import GENERIC, event_types

_HEAD = """# Event types

<!-- Written by `python -m evenhand.events.page`; do not edit. -->

What a rule, a webhook or a plugin can wait for. Plugins import the classes: `from evenhand.api import events`, then
`events.LeadCreated`. Ids, moments, days and amounts inside `before` and `after` are texts, as JSON has them; keys are
the columns of the record.

Every event has {common}.

## Of every entity

| type | fields | meaning |
|---|---|---|
{generic}

Entities: {entities}.

## Special ones

| type | fields | meaning |
|---|---|---|
{special}

A payload of more than 32,000 characters keeps the first 1,000 of each long text, ended by "…".
"""


def page() -> str:
    """The page's text."""
    types = event_types()
    from evenhand.entities.registry import ENTITIES

    generic = {f"{entity}{base.__name__}" for entity in ENTITIES for base in GENERIC}
    rows = [f"| `{{Entity}}{base.__name__}` | {_fields(base)} | {_first(base)} |" for base in _generic()]
    special = [
        f"| `{name}` | {_fields(found)} | {_first(found)} |"
        for name, found in sorted(types.items())
        if name not in generic
    ]
    return _HEAD.format(
        common=", ".join(f"`{name}`" for name in Event.model_fields),
        generic="\n".join(rows),
        entities=", ".join(f"`{name}`" for name in ENTITIES),
        special="\n".join(special),
    )


def _generic() -> Iterator[type[Event]]:
    yield from (Created, Updated, Archived, Restored)


def _first(found: type[Event]) -> str:
    return inspect.cleandoc(found.__doc__ or "").splitlines()[0]


def _fields(found: type[Event]) -> str:
    own = {name: field for name, field in found.model_fields.items() if name not in Event.model_fields}
    return ", ".join(f"`{name}`{_optional(field)}" for name, field in own.items()) or "none"


def _optional(field: Any) -> str:
    return "" if field.is_required() else "?"


if __name__ == "__main__":
    sys.stdout.write(page())
