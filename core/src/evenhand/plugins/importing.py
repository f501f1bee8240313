"""What the core and importers hand each other.

An importer knows files and words; the core knows entities and writes. For each file the core asks an importer
whether it can read it, opens it, shows it the entity's fields, and gets back which column means which field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from evenhand.errors import EvenhandError


class UnreadableFile(EvenhandError):
    """The file as a whole cannot be read: missing, a folder, empty, binary, in another encoding."""

    code = "UNREADABLE_FILE"


class ValueKind(StrEnum):
    """What a field holds, and so how its cells are read."""

    TEXT = "text"
    TEXTS = "texts"
    """A list of texts in one cell."""
    WHOLE = "whole"
    NUMBER = "number"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    CHOICE = "choice"
    REFERENCE = "reference"
    """Another record, by its name or id; the core looks it up."""


@dataclass(frozen=True)
class ImportField:
    """A field of an entity that a column can mean.

    Attributes:
        choices: of a choice: the values as they are stored.
        entity: of a reference: which entity it points to.
    """

    name: str
    kind: ValueKind
    choices: tuple[str, ...] = ()
    entity: str | None = None


@dataclass(frozen=True)
class Amount:
    """Money as it was written.

    Attributes:
        currencies: which currencies the cell may mean ("$": USD, AUD, …), likeliest first; empty when it says nothing.
    """

    value: Decimal
    currencies: tuple[str, ...] = ()


class BadCell(ValueError):
    """A cell that cannot be read; `message` completes "column: …", `hint` says how to mend it."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


ReadCell = Callable[[str], Any]
"""From a cell's text (never blank) to a value of the field's kind; raises `BadCell`."""


@dataclass(frozen=True)
class Recognition:
    """What an importer makes of a file's headers.

    Attributes:
        columns: header to field; "field*1000" multiplies, "a,b" fills two fields, "custom.key" a custom field.
        suggestions: for headers that mean nothing to it: fields that are near, best first.
        missing: words that stand for no value in this file, in small letters.
        defaults: field to text, for new records only.
        source: the name of the system that the file comes from, when it is known.
        profile: the name of the known kind of file, when it is one.
    """

    columns: Mapping[str, str]
    suggestions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    defaults: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    profile: str | None = None


@dataclass(frozen=True)
class SourceRow:
    """One record of a file: the line it starts on (1 is the first) and one cell per header."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True)
class BadRow:
    """A line that cannot be read as a record, with its raw cells, what is wrong and how to mend it."""

    line: int
    cells: Sequence[str]
    code: str
    message: str
    hint: str


class Table(Protocol):
    """A file opened for reading.

    Attributes:
        headers: unique names, in the order of the cells.
        description: how it is read, for people, e.g. "UTF-8, comma".
    """

    @property
    def headers(self) -> Sequence[str]: ...

    @property
    def description(self) -> str: ...

    def rows(self) -> Iterator[SourceRow | BadRow]:
        """The records in order, read as they are asked for; may be called again from the start."""


class Importer(Protocol):
    """A way to read files of one format, to recognise their columns and to read their cells."""

    @property
    def name(self) -> str: ...

    def sniff(self, path: Path) -> float:
        """How sure it is that it can read the file, 0 to 1; never raises for odd content."""

    def open(self, path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Table:
        """Open the file; a given encoding or delimiter is used as it is.

        Raises:
            UnreadableFile: says what is wrong with the file and how to mend it.
        """

    def recognise(self, entity: str, fields: Sequence[ImportField], headers: Sequence[str]) -> Recognition:
        """Which field of the entity each header means; headers that mean nothing to it are left out."""

    def reader(self, target: ImportField, samples: Collection[str]) -> ReadCell:
        """How to read the cells of one column.

        Args:
            samples: cells of the column, for what only the whole column tells (is 03/04 March or April?).
        """
