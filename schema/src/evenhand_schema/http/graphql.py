"""The endpoint `/graphql`."""

from __future__ import annotations

from typing import Any

import orjson
import structlog
from graphql import GraphQLError, OperationType, get_operation_ast
from graphql.language import DocumentNode
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types.execution import ExecutionResult

from evenhand.auth.keys import Unauthenticated, authenticate
from evenhand.db.errors import database_is_gone
from evenhand.errors import EvenhandError
from evenhand.tenancy.context import Actor, acting_as
from evenhand_schema.context import RequestContext
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.http.documents import parse_document
from evenhand_schema.http.errors import expected, formatted, masked, unavailable
from evenhand_schema.http.requests import BodyTooLarge, GraphQLRequest, UnsupportedMediaType, read_request
from evenhand_schema.schema import EvenhandSchema

log = structlog.get_logger(__name__)

MAX_ERRORS = 100
"""In one answer; what fails in a list fails for each of its records."""


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
    try:
        actor = await _actor(request)
        asked = await read_request(request)
        document = parse_document(asked.query)
        _refuse_writes(asked, document)
        return await _execute(request.app.state.schema, actor, asked, document)
    except EvenhandError as error:
        return refusal(error)
    except GraphQLError as error:
        return answer({"errors": [formatted(error)]}, 400)
    except Exception as error:
        if database_is_gone(error):
            log.warning("graphql.database_gone", error=str(error))
            return answer({"errors": [expected(unavailable())]}, 503)
        return answer({"errors": [masked(error)]}, 500)


async def _actor(request: Request) -> Actor:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated(
            "There is no API key in this request.",
            hint="Send 'Authorization: Bearer evh_…' with a key from 'evenhand apikey create'.",
        )
    return await authenticate(key.strip())


def _refuse_writes(asked: GraphQLRequest, document: DocumentNode) -> None:
    operation = get_operation_ast(document, asked.operation_name)
    if operation is None:
        raise InvalidRequest(
            "It is not clear which operation is meant.", hint='Send one operation, or its name under "operationName".'
        )
    if asked.read_only and operation.operation is not OperationType.QUERY:
        raise WriteOverGet("GET is for queries only.", hint="Send mutations with POST.")


async def _execute(schema: EvenhandSchema, actor: Actor, asked: GraphQLRequest, document: DocumentNode) -> Response:
    with acting_as(actor):
        context = RequestContext(actor, document, schema.contributions.failures)
        try:
            result = await schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
            )
        finally:
            await context.close()
    return _answer(result)


def _answer(result: ExecutionResult) -> Response:
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [formatted(error) for error in result.errors[:MAX_ERRORS]]
        gone = next((error for error in result.errors if database_is_gone(error)), None)
        if gone is not None:
            log.warning("graphql.database_gone", error=str(gone.original_error))
            return answer({"errors": body["errors"]}, 503)
    executed = result.data is not None or any(error.path for error in result.errors or ())
    if executed:
        body["data"] = result.data
    return answer(body, 200 if executed else 400)
