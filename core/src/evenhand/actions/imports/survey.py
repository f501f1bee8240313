"""Look through a file once before anything is written: how long it is, what its columns hold, whom it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evenhand.actions.imports.mapping import Column
from evenhand.actions.imports.naming import fold
from evenhand.entities.registry import Entity
from evenhand.plugins.importing import BadRow, Table, ValueKind

SAMPLES = 5000
"""Distinct cells of a column that its reader is shown."""

CREATABLE: Mapping[str, Mapping[str, str]] = {"User": {"manager": "User", "team": "Team"}}
"""Entity to its references that are created when they are missing, and what they are."""


@dataclass
class Survey:
    """What a look through the file found.

    Attributes:
        rows: how many records there are, good or bad.
        filled: indices of columns with any value.
        samples: per index of a date column, distinct cells.
        named: folded names and ids of the file's own records.
        wanted: per creatable field, folded name to the name as it is written.
    """

    rows: int = 0
    filled: set[int] = field(default_factory=set)
    samples: dict[int, dict[str, None]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    wanted: dict[str, dict[str, str]] = field(default_factory=dict)


def survey(table: Table, kind: Entity, columns: Sequence[Column]) -> Survey:
    """Read the whole file once."""
    dated = [c.index for c in columns if c.target.field.kind in (ValueKind.DATE, ValueKind.MOMENT)]
    refers_to_itself = any(column.target.field.entity == kind.name for column in columns)
    naming = [c.index for c in columns if c.target.name in ("name", "external_id")] if refers_to_itself else []
    creatable = {c.index: c.target.name for c in columns if c.target.name in CREATABLE.get(kind.name, {})}
    result = Survey(samples={index: {} for index in dated}, wanted={name: {} for name in creatable.values()})
    unseen = set(range(len(table.headers)))
    for row in table.rows():
        result.rows += 1
        if isinstance(row, BadRow):
            continue
        if unseen:
            unseen -= {index for index in unseen if row.cells[index].strip()}
        for index in dated:
            if len(result.samples[index]) < SAMPLES:
                result.samples[index][row.cells[index]] = None
        for index in naming:
            result.named.add(fold(row.cells[index]))
        for index, name in creatable.items():
            text = row.cells[index].strip()
            if text:
                result.wanted[name].setdefault(fold(text), text)
    result.filled = set(range(len(table.headers))) - unseen
    return result
