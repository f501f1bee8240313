"""Errors as clients see them: expected ones with code and hint, unexpected ones masked with an id."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from graphql.validation.validate import ValidationAbortedError

from evenhand.db.errors import DatabaseUnavailable, StatementTimeout, database_is_gone, took_too_long
from evenhand.errors import EvenhandError, InvalidInput
from evenhand_schema.limits import QueryTooComplex, QueryTooExpensive
from evenhand_schema.mutations.failures import as_api_names, as_api_path

log = structlog.get_logger(__name__)


SUGGESTIONS: ContextVar[bool] = ContextVar("evenhand_suggestions", default=True)
"""Whether errors of the running request may suggest names of the schema."""
_SUGGESTION = re.compile(r" ?Did you mean [^?]*\?")


def unavailable() -> EvenhandError:
    """What clients hear then."""
    return DatabaseUnavailable("The database cannot be reached.", hint="Try again in a moment; check that it runs.")


def expected(error: EvenhandError) -> dict[str, Any]:
    """An expected error as a GraphQL error."""
    extensions: dict[str, Any] = {"code": error.code, "hint": as_api_names(error.hint)}
    if isinstance(error, InvalidInput):
        extensions["problems"] = [
            {
                "field": as_api_path(problem.field),
                "code": problem.code,
                "message": as_api_names(problem.message),
                "hint": as_api_names(problem.hint),
            }
            for problem in error.problems
        ]
    if isinstance(error, QueryTooComplex | QueryTooExpensive):
        extensions |= error.details
    return {"message": as_api_names(error.message), "extensions": extensions}


def known_failure(error: BaseException) -> EvenhandError | None:
    """What clients hear of a failure that is no defect of ours; None for one that is."""
    if isinstance(error, EvenhandError):
        return error
    if took_too_long(error):
        return StatementTimeout(
            "The database worked too long on this and was stopped.",
            hint="Ask for less at a time, or for records by an id or another narrow filter.",
        )
    if database_is_gone(error):
        log.warning("graphql.database_gone", error=str(error))
        return unavailable()
    return None


def masked(error: BaseException) -> dict[str, Any]:
    """A defect of ours: logged with an id, and only the id goes to the client."""
    error_id = str(uuid4())
    log.error("graphql.internal_error", error_id=error_id, exc_info=error)
    return {
        "message": f"Internal error, id {error_id}.",
        "extensions": {"code": "INTERNAL_ERROR", "hint": "Give the id to whoever runs the server.", "id": error_id},
    }


def _root(error: GraphQLError) -> BaseException | None:
    """What was raised under any number of GraphQL errors; None when GraphQL itself refused the request."""
    original: BaseException | None = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    return original


def _hint(error: GraphQLError) -> str:
    if isinstance(error, ValidationAbortedError):
        return "Ask for each field once, and for less at a time."
    if isinstance(error, GraphQLSyntaxError):
        return "Mend the text of the query at this place, or shortly before it."
    return "Check the query against the schema."


def formatted(error: GraphQLError) -> dict[str, Any]:
    """One error of an answer, as the GraphQL specification writes it."""
    original = _root(error)
    if original is None:
        hint = _hint(error)
        message = error.message if SUGGESTIONS.get() else _SUGGESTION.sub("", error.message)
        shown: dict[str, Any] = {"message": message, "extensions": {"code": "INVALID_REQUEST", "hint": hint}}
    else:
        known = known_failure(original)
        shown = masked(original) if known is None else expected(known)
    if error.path:
        shown["path"] = error.path
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return shown
