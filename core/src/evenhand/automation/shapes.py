"""What conditions and texts of rules may name: fields with their types. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Union


class Kind(StrEnum):
    """The type of a field in a condition."""

    TEXT = "text"
    INTEGER = "int"
    NUMBER = "double"
    FLAG = "bool"
    MOMENT = "timestamp"
    DAY = "day (timestamp of its first moment)"
    TEXTS = "list of texts"


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        choices: the only values it can have; empty for any.
        null: whether it may be empty.
        text: what it means.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    null: bool = True
    text: str = ""


Shape = Mapping[str, Union["Field", "Shape"]]
"""Names and what is under them."""

_SAMPLES: Mapping[Kind, Any] = {
    Kind.TEXT: "text",
    Kind.INTEGER: 1,
    Kind.NUMBER: 1.5,
    Kind.FLAG: True,
    Kind.MOMENT: datetime(2026, 1, 1, 12, tzinfo=UTC),
    Kind.DAY: datetime(2026, 1, 1, tzinfo=UTC),
    Kind.TEXTS: ["text"],
}


@dataclass(frozen=True)
class Found:
    """What a path leads to: a field, or a group of fields; None when there is no such name.

    Attributes:
        depth: how many steps of the path exist.
        beside: the names that exist where the path ends to exist.
    """

    target: Field | Shape | None
    depth: int
    beside: tuple[str, ...] = field(default=())


def find(shape: Shape, path: tuple[str, ...]) -> Found:
    """Follow a path; it may go on behind a field, as methods do."""
    here: Field | Shape = shape
    for depth, name in enumerate(path):
        if isinstance(here, Field):
            return Found(here, depth)
        if name not in here:
            return Found(None, depth, tuple(here))
        here = here[name]
    return Found(here, len(path))


def sample(shape: Shape) -> dict[str, Any]:
    """Values of the right types for every name, as conditions see them."""
    return {
        name: (member.choices[0] if member.choices else _SAMPLES[member.kind])
        if isinstance(member, Field)
        else sample(member)
        for name, member in shape.items()
    }


def walk(shape: Shape, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, Field]]:
    """Every field with its path, such as "record.name"."""
    for name, member in shape.items():
        if isinstance(member, Field):
            yield ".".join((*prefix, name)), member
        else:
            yield from walk(member, (*prefix, name))
