"""The base of every error a person can act on."""

from __future__ import annotations

from collections.abc import Sequence
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
