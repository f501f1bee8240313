"""Answers in JSON, and the status that goes with each error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from evenhand.actions.errors import KeyInProgress, KeyReused
from evenhand.auth.keys import Unauthenticated
from evenhand.db.errors import DatabaseUnavailable, StatementTimeout
from evenhand.errors import EvenhandError
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.http.errors import expected
from evenhand_schema.http.media import JSON, NotAcceptable
from evenhand_schema.http.rates import RateLimited
from evenhand_schema.http.requests import BodyTooLarge, UnsupportedMediaType

METHODS = "GET, POST, OPTIONS"


class WriteOverGet(InvalidRequest):
    """A mutation sent with GET."""

    code = "WRITE_OVER_GET"


class MethodNotAllowed(InvalidRequest):
    """A method that the address does not take."""

    code = "METHOD_NOT_ALLOWED"


class OperationTimeout(EvenhandError):
    """An operation took longer than one may."""

    code = "OPERATION_TIMEOUT"


_STATUS: tuple[tuple[type[EvenhandError], int], ...] = (
    (Unauthenticated, 401),
    (WriteOverGet, 405),
    (MethodNotAllowed, 405),
    (NotAcceptable, 406),
    (BodyTooLarge, 413),
    (UnsupportedMediaType, 415),
    (KeyInProgress, 409),
    (KeyReused, 422),
    (RateLimited, 429),
    (DatabaseUnavailable, 503),
    (StatementTimeout, 504),
    (OperationTimeout, 504),
)


def answer(
    body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = JSON
) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, headers, media_type)


def status_of(error: EvenhandError) -> int:
    """The HTTP status of an error, when the client does not ask for the old ways."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def headers_of(error: EvenhandError) -> dict[str, str]:
    """The headers that go with an error."""
    headers: dict[str, str] = dict(error.details.get("headers", {}))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, WriteOverGet):
        headers["Allow"] = "POST"
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = METHODS
    if isinstance(error, RateLimited | KeyInProgress):
        headers["Retry-After"] = str(error.details["retry_after"])
    return headers


def refusal(error: EvenhandError, status: int | None = None, media_type: str = JSON) -> Response:
    """The answer when a request is not executed at all."""
    return answer({"errors": [expected(error)]}, status or status_of(error), headers_of(error), media_type)
