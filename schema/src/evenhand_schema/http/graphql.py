"""The endpoint `/graphql`."""

from __future__ import annotations

from typing import Any

import orjson
import structlog
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response

from evenhand.auth.keys import Unauthenticated, authenticate, recall
from evenhand.db.errors import database_is_gone
from evenhand.errors import EvenhandError
from evenhand_schema.documents import Document
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.execution import Caller, execute
from evenhand_schema.http.errors import expected, formatted, masked, unavailable
from evenhand_schema.http.requests import BodyTooLarge, UnsupportedMediaType, read_request

log = structlog.get_logger(__name__)


class WriteOverGet(InvalidRequest):
    """A mutation sent with GET."""

    code = "WRITE_OVER_GET"


_STATUS: tuple[tuple[type[EvenhandError], int], ...] = (
    (Unauthenticated, 401),
    (BodyTooLarge, 413),
    (UnsupportedMediaType, 415),
    (WriteOverGet, 405),
    (InvalidRequest, 400),
)


def answer(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, headers=headers, media_type="application/json")


def refusal(error: EvenhandError) -> Response:
    """The answer when a request is not executed at all."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
    headers = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "POST"}}.get(status)
    return answer({"errors": [expected(error)]}, status, headers)


async def graphql_endpoint(request: Request) -> Response:
    """Execute a GraphQL request; every outcome is a GraphQL answer in JSON."""
    state = request.app.state
    try:
        caller = await _caller(request)
        asked = await read_request(request)
        document: Document = state.documents.get(asked.query)
        operation = document.operation(asked.operation_name)
        if asked.read_only and operation.operation is not OperationType.QUERY:
            raise WriteOverGet("GET is for queries only.", hint="Send mutations with POST.")
        if document.errors:
            return answer({"errors": [formatted(error) for error in document.errors]}, 400)
        executed = await execute(state.schema, caller, document, operation, asked.variables)
        headers = {"Evenhand-Executor": executed.executor} if state.config.debug_headers else None
        return Response(executed.body, executed.status, headers, media_type="application/json")
    except EvenhandError as error:
        return refusal(error)
    except GraphQLError as error:
        return answer({"errors": [formatted(error)]}, 400)
    except Exception as error:
        if database_is_gone(error):
            log.warning("graphql.database_gone", error=str(error))
            return answer({"errors": [expected(unavailable())]}, 503)
        return answer({"errors": [masked(error)]}, 500)


async def _caller(request: Request) -> Caller:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated(
            "There is no API key in this request.",
            hint="Send 'Authorization: Bearer evh_…' with a key from 'evenhand apikey create'.",
        )
    known = recall(key)
    return Caller(key, known.actor, recalled=True) if known else Caller(key, await authenticate(key))
