"""What the core and importers hand each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class SourceRow:
    """One record of a file: the line it starts on (1 is the first) and its cells by header."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class BadRow:
    """A line that cannot be read as a record, with its raw cells, what is wrong and how to mend it."""

    line: int
    cells: Sequence[str]
    code: str
    message: str
    hint: str


class Table(Protocol):
    """A file opened for reading."""

    headers: Sequence[str]

    def rows(self) -> Iterator[SourceRow | BadRow]:
        """The records in order; may be called again from the start."""


class Importer(Protocol):
    """A way to read files of one format and to recognise their columns."""

    name: str

    def sniff(self, path: Path) -> float:
        """How sure it is that it can read the file, 0 to 1; never raises for odd content."""

    def open(self, path: Path) -> Table:
        """Open the file; raises an `EvenhandError` that says what is wrong with it and how to mend it."""

    def map_headers(self, entity: str, headers: Sequence[str]) -> Mapping[str, str]:
        """Which field of the entity each header means; headers that mean nothing to it are left out."""
