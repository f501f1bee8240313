"""What an import did: figures, problems, and the rows that could not be taken."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from evenhand.actions.imports.mapping import IGNORED, Unmapped
from evenhand.db.config import data_directory
from evenhand.plugins.importing import BadRow, SourceRow


@dataclass(frozen=True)
class RowProblem:
    """One thing that is wrong with one row.

    Attributes:
        line: the line that the row starts on.
        column: the header; "" for the row as a whole.
        value: the cell as it is.
    """

    line: int
    column: str
    value: str
    code: str
    message: str
    hint: str


@dataclass
class ImportReport:
    """What became of a file.

    Attributes:
        importer: which importer read it, and how: "csv (UTF-8, comma)".
        profile: the known kind of file, if it is one.
        mapping: header to what it fills.
        repeated: rows that are the same as an earlier row of the file.
        owners_kept: known records whose owner here is another than the file's; they were left with their owner.
        also_created: records of other entities that the rows needed (teams, managers), by entity.
        problems: the first ones, in order of lines; `problem_counts` counts all by column, value and message.
        duplicates: rows that were taken although somebody may have the same customer: the first ones;
            `duplicate_count` counts all.
        error_file: where the bad rows are; None when there are none.
        record_ids: the records of the good rows, new and known ones, in the file's order.
    """

    entity: str
    path: Path
    source: str
    importer: str
    profile: str | None
    mapping: dict[str, str]
    unmapped: tuple[Unmapped, ...]
    dry_run: bool
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    bad: int = 0
    owners_kept: int = 0
    seconds: float = 0.0
    also_created: Counter[str] = field(default_factory=Counter)
    problems: list[RowProblem] = field(default_factory=list)
    problem_counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    duplicates: list[RowProblem] = field(default_factory=list)
    duplicate_count: int = 0
    error_file: Path | None = None
    record_ids: list[UUID] = field(default_factory=list)

    KEPT_PROBLEMS = 1000

    @property
    def rows(self) -> int:
        """All rows of the file."""
        return self.created + self.updated + self.unchanged + self.repeated + self.bad

    @property
    def nothing_done(self) -> bool:
        """Whether no row at all could be taken."""
        return self.bad == self.rows

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0

    @property
    def outcome(self) -> str:
        """What came of it, in one line."""
        figures = {name: getattr(self, name) for name in ("created", "updated", "unchanged", "repeated", "bad")}
        said = ", ".join(f"{number} {name}" for name, number in figures.items() if number)
        return f"{said or 'no rows'}{' (dry run: nothing was kept)' if self.dry_run else ''}"

    def note(self, problems: Sequence[RowProblem]) -> None:
        """Keep problems for the report."""
        for problem in problems:
            self.problem_counts[(problem.column, problem.value, problem.message)] += 1
            if len(self.problems) < self.KEPT_PROBLEMS:
                self.problems.append(problem)

    def note_duplicates(self, found: Sequence[RowProblem]) -> None:
        """Keep what was found about rows that were taken."""
        self.duplicate_count += len({one.line for one in found})
        self.duplicates += found[: self.KEPT_PROBLEMS - len(self.duplicates)]


class ErrorFile:
    """The bad rows, written as they are found: what is wrong, then the original cells.

    The file can be mended and imported as it is: the columns about the problem are ignored then. They come first, so
    that a row with too many cells stays as it was.
    """

    def __init__(self, path: Path, headers: Sequence[str]) -> None:
        self.path = path
        self._headers = [header for header in headers if header not in IGNORED]
        self._kept = [index for index, header in enumerate(headers) if header not in IGNORED]
        self._width = len(headers)
        self._stream: IO[str] | None = None
        self._writer: Any = None

    def add(self, row: SourceRow | BadRow, problems: Sequence[RowProblem]) -> None:
        """Write one bad row."""
        if self._stream is None:
            self._open()
        cells = list(row.cells) + [""] * (self._width - len(row.cells))
        kept = [cells[index] for index in self._kept] + cells[self._width :]
        about = [
            str(row.line),
            "; ".join(dict.fromkeys(problem.column for problem in problems if problem.column)),
            "; ".join(problem.message for problem in problems),
            "; ".join(dict.fromkeys(problem.hint for problem in problems)),
        ]
        self._writer.writerow(about + kept)

    def _open(self) -> None:
        try:
            self._stream = self._fresh()
        except OSError:
            # The folder takes no files, as on a read-only share.
            self.path = data_directory() / "import-errors" / self.path.name
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._fresh()
        self._writer = csv.writer(self._stream)
        self._writer.writerow(["_line", "_column", "_problem", "_hint", *self._headers])

    def _fresh(self) -> IO[str]:
        if self.path.exists():
            # It may have been mended and not yet imported.
            self.path.replace(self.path.with_name(f"{self.path.stem}.previous{self.path.suffix}"))
        return self.path.open("w", encoding="utf-8-sig", newline="")

    def close(self) -> Path | None:
        """Finish. Returns: the file, or None when there was nothing to write."""
        if self._stream is None:
            return None
        self._stream.close()
        return self.path
