"""Expected errors as data: what a mutation answers instead of its result."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

import re
from functools import cache
from typing import Any

import strawberry

from evenhand.actions.errors import VersionConflict as CoreVersionConflict
from evenhand.approvals.errors import ApprovalRequired as CoreApprovalRequired
from evenhand.auth.permissions import PermissionDenied as CorePermissionDenied
from evenhand.entities.enums import ApprovalKind
from evenhand.errors import EvenhandError
from evenhand.errors import InvalidInput as CoreInvalidInput
from evenhand.errors import NotFound as CoreNotFound
from evenhand_schema.columns import enum_type
from evenhand_schema.declare import TYPES
from evenhand_schema.errors import PluginDisabled as CorePluginDisabled
from evenhand_schema.names import camel


@strawberry.interface(description="Why nothing was changed.")
class Failure:
    code: str = strawberry.field(description="What is wrong, a stable word for programs.")
    message: str = strawberry.field(description="What is wrong, for people.")
    hint: str = strawberry.field(description="How to mend it.")


@strawberry.type(description="One thing that is wrong with one value.")
class Problem:
    field: str = strawberry.field(description="Where: names as in the input, joined by dots; empty for the whole.")
    code: str = strawberry.field(description="What is wrong, a stable word for programs.")
    message: str = strawberry.field(description="What is wrong, for people.")
    hint: str = strawberry.field(description="How to mend it.")


@strawberry.type(description="One or more values cannot be taken; `problems` lists all of them.")
class InvalidInput(Failure):
    problems: list[Problem] = strawberry.field(description="Everything that is wrong.")


@strawberry.type(description="There is no such record here.")
class NotFound(Failure):
    pass


@strawberry.type(description="The caller may not do this.")
class PermissionDenied(Failure):
    pass


@strawberry.type(description="Somebody else changed the record since it was read.")
class VersionConflict(Failure):
    current_version: int = strawberry.field(description="The version the record is at now.")


@strawberry.type(description="The change needs an approval that there is not, or not for the record as it is.")
class ApprovalRequired(Failure):
    kind: enum_type(ApprovalKind) = strawberry.field(description="What is to be approved.")  # type: ignore[valid-type]
    title: str = strawberry.field(description="The policy, or the stage, that asks for it.")
    pending_id: strawberry.ID | None = strawberry.field(
        description="Id of the request that waits for a decision; null when it is to be requested."
    )


@strawberry.type(description="The plugin that would do it is not enabled for the tenant.")
class PluginDisabled(Failure):
    pass


@strawberry.type(description="Any other reason, told apart by `code`.")
class RequestFailed(Failure):
    pass


_KEPT_OR_NAME = re.compile(r"""'[^']*'|"[^"]*"|\b(?:custom|settings)\.[\w.]+|\b[a-z]+(?:_[a-z0-9]+)+\b""")


@cache
def _columns() -> frozenset[str]:
    return frozenset(name for item in TYPES.values() for name in item.columns)


def as_api_names(text: str) -> str:
    """Turn column names in a message into the names of the API; what is quoted and what others named stays."""
    return _KEPT_OR_NAME.sub(lambda match: camel(match.group()) if match.group() in _columns() else match.group(), text)


def as_api_path(field: str) -> str:
    """The place of a problem as the API names it; keys of custom values and of settings stay as they are."""
    parts = field.split(".")
    return field if parts[0] in ("custom", "settings") else ".".join(camel(part) for part in parts)


class _Handler:
    """Turns one class of errors into one type; strawberry asks the first that fits."""

    def __init__(self, exception_type: type[EvenhandError], error_type: type) -> None:
        self.exception_type = exception_type
        self.error_type = error_type

    def handle(self, exception: EvenhandError, *, field: Any, info: Any) -> Any:
        """The error as data."""
        more: dict[str, Any] = {}
        if isinstance(exception, CoreInvalidInput):
            more["problems"] = [
                Problem(
                    field=as_api_path(problem.field),
                    code=problem.code,
                    message=as_api_names(problem.message),
                    hint=as_api_names(problem.hint),
                )
                for problem in exception.problems
            ]
        if isinstance(exception, CoreVersionConflict):
            more["current_version"] = exception.details["current"]
        if isinstance(exception, CoreApprovalRequired):
            more |= {"kind": exception.kind, "title": exception.title}
            more["pending_id"] = None if exception.pending is None else strawberry.ID(str(exception.pending))
        return self.error_type(
            code=exception.code,
            message=as_api_names(exception.message),
            hint=as_api_names(exception.hint),
            **more,
        )


HANDLERS = (
    _Handler(CoreInvalidInput, InvalidInput),
    _Handler(CoreNotFound, NotFound),
    _Handler(CorePermissionDenied, PermissionDenied),
    _Handler(CoreVersionConflict, VersionConflict),
    _Handler(CoreApprovalRequired, ApprovalRequired),
    _Handler(CorePluginDisabled, PluginDisabled),
    _Handler(EvenhandError, RequestFailed),
)


def failure_of(error: EvenhandError) -> Failure:
    """An expected error as data, for answers that hold several."""
    handler = next(handler for handler in HANDLERS if isinstance(error, handler.exception_type))
    failure: Failure = handler.handle(error, field=None, info=None)
    return failure


FAILURES = (InvalidInput, NotFound, PermissionDenied, VersionConflict, ApprovalRequired, RequestFailed)
