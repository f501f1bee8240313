"""The base of every error a person can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one value.

    Attributes:
        field: where, as a dotted path of field names (`""` for the record as a whole).
        code: what, in stable upper case words for programs.
        message: what, for people; names the value.
        hint: how to mend it.
    """

    field: str
    code: str
    message: str
    hint: str


class EvenhandError(Exception):
    """An expected error: says what, where and how to mend; nothing was changed when it is raised.

    Every room raises subclasses of it, each with a stable `code`. Anything that is not an
    `EvenhandError` is a defect of ours: it is logged with an id and masked to clients.
    """

    code: ClassVar[str] = "ERROR"

    def __init__(self, message: str, *, hint: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        self.rows: Mapping[int, EvenhandError] = {}
        """When several records are written together: what is wrong with single ones, by their place."""
        self.evidence: object = None
        """What was being written, for those who can find out from it which records are at fault."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(EvenhandError):
    """One or more values cannot be taken; `problems` lists all of them, not just the first."""

    code = "INVALID_INPUT"

    def __init__(self, problems: Sequence[Problem]) -> None:
        hint = " ".join(dict.fromkeys(problem.hint for problem in problems))
        super().__init__(" ".join(problem.message for problem in problems), hint=hint)
        self.problems = tuple(problems)


class NotFound(EvenhandError):
    """There is no such record in this tenant (or the actor may not know of it)."""

    code = "NOT_FOUND"

    def __init__(self, entity: str, reference: object) -> None:
        super().__init__(
            f"There is no {entity} {reference!s} here.",
            hint="Check the id; a record of another tenant is never found.",
            entity=entity,
            reference=str(reference),
        )


class Refusals:
    """Collects what is wrong with single ones of several records, by their place."""

    def __init__(self) -> None:
        self._errors: dict[int, EvenhandError] = {}

    def add(self, row: int, *problems: Problem) -> None:
        """Note problems with the values of one record."""
        known = self._errors.get(row)
        if problems and (known is None or isinstance(known, InvalidInput)):
            before = known.problems if known is not None else ()
            self._errors[row] = InvalidInput([*before, *problems])

    def refuse(self, row: int, error: EvenhandError) -> None:
        """Note why one record is refused as a whole; what was noted first stays."""
        if isinstance(error, InvalidInput) and type(error) is InvalidInput:
            self.add(row, *error.problems)
        else:
            self._errors.setdefault(row, error)

    def __contains__(self, row: int) -> bool:
        return row in self._errors

    def raise_if_any(self) -> None:
        """Raise one error for all of them: every problem when all are of values, else the first.

        Raises:
            EvenhandError: with `rows` filled.
        """
        if not self._errors:
            return
        found = [self._errors[row] for row in sorted(self._errors)]
        if all(type(error) is InvalidInput for error in found):
            problems = [problem for error in found if isinstance(error, InvalidInput) for problem in error.problems]
            raised: EvenhandError = InvalidInput(problems)
        else:
            raised = next(error for error in found if type(error) is not InvalidInput)
        raised.rows = dict(self._errors)
        raise raised


@contextmanager
def placed(places: Sequence[int]) -> Iterator[None]:
    """Say where the records that the block works on stand in the caller's list: `rows` of what it raises fit that."""
    try:
        yield
    except EvenhandError as error:
        error.rows = {places[row]: reason for row, reason in error.rows.items()}
        raise
