"""Read CSV files: bytes to records, with the true number of each line."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from evenhand.api import BadRow, ImportField, ReadCell, Recognition, SourceRow, UnreadableFile
from evenhand_importers import headers as header_rules
from evenhand_importers.dialect import (
    DELIMITERS,
    Dialect,
    binary_kind,
    detect_delimiter,
    detect_encoding,
    separator_line,
)
from evenhand_importers.rules import value_reader
from evenhand_importers.settings import AmbiguousDates

SAMPLE_BYTES = 2_000_000
SAMPLE_CHARACTERS = 200_000
LONGEST_CELL = 1_000_000
"""Characters; a longer cell is an unclosed quote."""
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".tab", ".psv", ".ssv"})


class _Lines:
    """The lines of a file, counted; those of the record being read can be given back."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self.taken.append(line)
        self.number += 1
        return line

    def give_back(self) -> str:
        """Keep the record's first line taken, give back the others. Returns: the first."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        self.taken = []
        return first


@dataclass(frozen=True)
class CsvTable:
    """A CSV file, read anew by every call of `rows`."""

    path: Path
    dialect: Dialect
    headers: Sequence[str]

    @property
    def description(self) -> str:
        return self.dialect.describe()

    def rows(self) -> Iterator[SourceRow | BadRow]:
        """The records after the header; blank lines are passed over."""
        width = len(self.headers)
        records = _read_records(self.path, self.dialect)
        next(records, None)
        for record in records:
            if isinstance(record, BadRow):
                yield record
            else:
                yield _fitted(record[0], record[1], width)


def _fitted(line: int, cells: list[str], width: int) -> SourceRow | BadRow:
    """The record with as many cells as there are headers: short ones are filled up, blank extra cells dropped."""
    if any("\udc80" <= character <= "\udcff" for cell in cells if not cell.isascii() for character in cell):
        readable = [cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace") for cell in cells]
        return BadRow(
            line,
            readable,
            "BAD_ENCODING",
            "the line holds bytes of another encoding than the rest of the file.",
            "Save the whole file as UTF-8, or name its encoding with --encoding.",
        )
    if len(cells) == width:
        return SourceRow(line, cells)
    if len(cells) < width:
        return SourceRow(line, cells + [""] * (width - len(cells)))
    if not any(cell.strip() for cell in cells[width:]):
        return SourceRow(line, cells[:width])
    return BadRow(
        line,
        cells,
        "TOO_MANY_CELLS",
        f"there are {len(cells)} cells, but {width} columns.",
        "Put cells that contain the delimiter into double quotes.",
    )


def _bad_quotes(lines: _Lines, line: int, dialect: Dialect, reason: str) -> BadRow:
    cells = lines.give_back().rstrip("\r\n").split(dialect.delimiter)
    return BadRow(
        line,
        cells,
        "BAD_QUOTES",
        f"the quotes do not match ({reason}).",
        'Close every quote; write a quote inside a quoted cell twice: "".',
    )


def _read_records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]] | BadRow]:
    """All records with the line they start on, the header first."""
    errors = "surrogateescape" if dialect.encoding.startswith("utf-8") else "replace"
    with path.open(encoding=dialect.encoding, errors=errors, newline="") as stream:
        lines = _Lines(stream)
        for _ in range(dialect.skip_lines):
            next(lines, None)
        lines.taken = []
        reader = _reader(lines, dialect)
        while True:
            line = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _bad_quotes(lines, line, dialect, str(error))
                reader = _reader(lines, dialect)
                continue
            lines.taken = []
            if any(cell.strip() for cell in cells):
                yield line, cells


def _reader(lines: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(lines, delimiter=dialect.delimiter, skipinitialspace=dialect.skip_space, strict=True)


def _unique(names: Sequence[str]) -> list[str]:
    """Headers without blanks around, each different: blank ones get their place, repeated ones a number."""
    result: list[str] = []
    for place, name in enumerate(names, start=1):
        base = " ".join(name.split()) or f"column {place}"
        unique, count = base, 1
        while unique in result:
            count += 1
            unique = f"{base} ({count})"
        result.append(unique)
    return result


def _head(path: Path) -> tuple[bytes, bool]:
    """The first bytes of the file, and whether they are all of it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(SAMPLE_BYTES)
            return data, not stream.read(1)
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: there is no such file.", hint="Check the name and the folder.") from None
    except IsADirectoryError:
        raise UnreadableFile(f"{path} is a folder.", hint="Name the file in it.") from None
    except PermissionError:
        raise UnreadableFile(f"{path} may not be read.", hint="Give yourself the right to read it.") from None
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be read: {error.strerror}.", hint="Check the disk and the name."
        ) from error


def _telling_part(path: Path, data: bytes, *, whole: bool) -> tuple[bytes, bool]:
    """The part of the file by which its encoding is found: the first one with other characters than ASCII."""
    if whole or not data.isascii():
        return data, whole
    with path.open("rb") as stream:
        stream.seek(len(data))
        while chunk := stream.read(SAMPLE_BYTES):
            if not chunk.isascii():
                return chunk.partition(b"\n")[2], False
    return data, whole


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    """The sample as text; a wrong or unknown encoding is refused."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)
    except LookupError:
        raise UnreadableFile(
            f"{encoding!r} is no known encoding.", hint="Use utf-8, gb18030, utf-16, cp1252 or another known name."
        ) from None
    try:
        return decoder("surrogateescape" if encoding.startswith("utf-8") else "strict").decode(data)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableFile(
            f"{path}, line {line}: byte {error.object[error.start]:#04x} is no {encoding} text.",
            hint="Leave --encoding out to have it detected, or name the right one.",
        ) from None


def inspect(path: Path, encoding: str | None, delimiter: str | None) -> Dialect:
    """Find out how the file is to be read; raises `UnreadableFile`."""
    data, whole = _head(path)
    if not data.strip(b"\x00 \r\n\t\xff\xfe\xef\xbb\xbf"):
        raise UnreadableFile(f"{path} is empty.", hint="Export it again; the first line must hold the headers.")
    kind = binary_kind(data[:8192])
    if kind is not None:
        raise UnreadableFile(f"{path} is {kind}, no CSV file.", hint="Save it as CSV (UTF-8) first.")
    telling, ends = _telling_part(path, data, whole=whole)
    chosen = encoding or detect_encoding(telling, whole=ends)
    text = _decoded(path, data, chosen)[:SAMPLE_CHARACTERS]
    first_line = text.partition("\n")[0].lstrip("\ufeff")
    named = separator_line(first_line)
    skip = 1 if named else 0
    sample = text.lstrip("\ufeff").partition("\n")[2] if named else text.lstrip("\ufeff")
    if len(text) == SAMPLE_CHARACTERS:
        sample = sample.rpartition("\n")[0]
    found, skip_space = detect_delimiter(sample)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise UnreadableFile(f"{delimiter!r} cannot be a delimiter.", hint="Use one character, such as ; or a tab.")
    return Dialect(chosen, delimiter or named or found, skip_space, skip)


class CsvImporter:
    """Comma, semicolon, tab or pipe separated text in any usual encoding.

    Args:
        ambiguous_dates: what is done with dates of which neither they nor their column tell the order.
    """

    name = "csv"

    def __init__(self, ambiguous_dates: AmbiguousDates = "refuse") -> None:
        self._day_first = None if ambiguous_dates == "refuse" else ambiguous_dates == "day_first"

    def sniff(self, path: Path) -> float:
        """Nearly sure by its ending, half sure for other texts, not at all for binary files."""
        try:
            data, _ = _head(path)
        except UnreadableFile:
            return 0.0
        if binary_kind(data[:8192]) is not None:
            return 0.0
        return 0.9 if path.suffix.lower() in SUFFIXES else 0.5

    def open(self, path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> CsvTable:
        """Look at the file and read its headers; raises `UnreadableFile`."""
        names = {name: character for character, name in DELIMITERS.items()} | {"\\t": "\t"}
        dialect = inspect(path, encoding, names.get(delimiter or "", delimiter))
        first = next(_read_records(path, dialect), None)
        if first is None:
            raise UnreadableFile(f"{path} has no records.", hint="The first line must hold the headers.")
        if isinstance(first, BadRow):
            raise UnreadableFile(f"{path}, line {first.line}: {first.message}", hint=first.hint)
        header = [cell.lstrip("\ufeff") for cell in first[1]]
        return CsvTable(path, dialect, tuple(_unique(header)))

    def recognise(self, entity: str, fields: Sequence[ImportField], headers: Sequence[str]) -> Recognition:
        """By known kinds of file, then by English and Chinese synonyms."""
        return header_rules.recognise(entity, fields, headers)

    def reader(self, target: ImportField, samples: Collection[str]) -> ReadCell:
        """See `evenhand_importers.rules`."""
        return value_reader(target, samples, self._day_first)
