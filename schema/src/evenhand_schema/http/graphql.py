"""The endpoint `/graphql`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from evenhand.auth.keys import Unauthenticated, authenticate, recall, shown_prefix
from evenhand_schema.documents import Document
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.execution import Caller, Executed, execute
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.http.errors import SUGGESTIONS, expected, formatted, known_failure, masked
from evenhand_schema.http.exchange import Exchange, exchange_of
from evenhand_schema.http.idempotency import done_once
from evenhand_schema.http.media import GRAPHQL, JSON, answer_type
from evenhand_schema.http.rates import Rates
from evenhand_schema.http.requests import GraphQLRequest, read_request
from evenhand_schema.http.responses import (
    METHODS,
    MethodNotAllowed,
    OperationTimeout,
    WriteOverGet,
    headers_of,
    status_of,
)
from evenhand_schema.http.tracing import traced
from evenhand_schema.limits import Limits
from evenhand_schema.schema import EvenhandSchema

PRIVATE = {"Cache-Control": "no-store", "Vary": "Accept, Authorization"}


async def graphql_endpoint(request: Request) -> Response:
    """Execute a GraphQL request; every outcome is a GraphQL answer in JSON."""
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": METHODS})
    exchange = exchange_of(request.scope)
    config: HttpConfig = request.app.state.config
    SUGGESTIONS.set(config.suggestions)
    headers = dict(PRIVATE)
    media_type = GRAPHQL
    understood = False
    try:
        if request.method == "HEAD":
            raise MethodNotAllowed("HEAD would tell nothing here.", hint="Use GET for queries, POST for everything.")
        media_type = answer_type(request.headers.get("accept"))
        caller = await caller_of(request, exchange, headers)
        asked = await read_request(request, config.limits)
        understood = True
        executed = await answered(request, caller, asked, exchange, headers)
    except Exception as error:
        status, body = failure(error, exchange, headers)
        if status == 401:
            await request.app.state.rates.count_refused(host_of(request))
    else:
        status, body = executed.status, executed.body
        if config.debug_headers:
            headers["Evenhand-Executor"] = executed.executor
    return Response(body, shown_status(status, media_type, understood=understood), headers, media_type)


def shown_status(status: int, media_type: str, *, understood: bool) -> int:
    """The status to send: old clients take 400 for a failure of HTTP, and don't look at the errors.

    Args:
        understood: the request was one of GraphQL.
    """
    return 200 if status == 400 and understood and media_type == JSON else status


def failure(error: Exception, exchange: Exchange, headers: dict[str, str]) -> tuple[int, bytes]:
    """The status and the body when a request was not executed, or failed as a whole; adds to the headers."""
    known = known_failure(error)
    if known is not None:
        exchange.refused = known.code
        headers.update(headers_of(known))
        return status_of(known), orjson.dumps({"errors": [expected(known)]})
    if isinstance(error, GraphQLError):
        exchange.refused = "INVALID_REQUEST"
        return 400, orjson.dumps({"errors": [formatted(error)]})
    exchange.refused = "INTERNAL_ERROR"
    return 500, orjson.dumps({"errors": [masked(error)]})


def host_of(request: HTTPConnection) -> str:
    """The address that a client comes from."""
    return request.client.host if request.client else "unknown"


async def caller_of(request: Request, exchange: Exchange, headers: dict[str, str]) -> Caller:
    """Who asks, within the limits of how often one may; adds to the headers what is left of them."""
    rates: Rates = request.app.state.rates
    await rates.check_address(host_of(request))
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated(
            "There is no API key in this request.",
            hint="Send 'Authorization: Bearer evh_…' with a key from 'evenhand apikey create'.",
        )
    headers.update(await rates.take(key))
    known = recall(key)
    caller = Caller(key, known.actor, recalled=True) if known else Caller(key, await authenticate(key))
    exchange.tenant = caller.actor.tenant_id
    exchange.key = shown_prefix(key)
    return caller


async def answered(
    request: Request, caller: Caller, asked: GraphQLRequest, exchange: Exchange, headers: dict[str, str]
) -> Executed:
    """The answer to a request that was understood; adds to the headers.

    Raises:
        EvenhandError, GraphQLError: it is not executed.
    """
    state = request.app.state
    document: Document = state.documents.get(asked.query)
    operation = document.operation(asked.operation_name)
    exchange.operation = operation.name.value[:100] if operation.name else None
    exchange.kind = operation.operation.value
    if asked.read_only and operation.operation is not OperationType.QUERY:
        raise WriteOverGet("GET is for queries only.", hint="Send mutations with POST.")
    if document.errors:
        if caller.recalled:
            # What is wrong with a query tells of the schema: only to who may still come in.
            await authenticate(caller.key)
        exchange.refused = "INVALID_REQUEST"
        return Executed(400, orjson.dumps({"errors": [formatted(error) for error in document.errors]}), "none")
    if operation.operation is OperationType.SUBSCRIPTION:
        raise InvalidRequest(
            "A subscription has many answers, this request takes one.",
            hint="Send 'Accept: text/event-stream', or use a WebSocket with graphql-transport-ws.",
        )
    document.check_cost(operation, asked.variables)

    async def execute_for(known: Caller) -> Executed:
        return await timely(state.schema, known, document, operation, asked.variables, state.config.limits)

    async def run() -> Executed:
        keep = timedelta(hours=state.config.idempotency_hours)
        executed, more = await done_once(request.headers, caller, operation, asked, execute_for, keep=keep)
        headers.update(more)
        return executed

    executed = await traced(state.tracer, request.headers, operation, exchange, run)
    exchange.executor = executed.executor.partition(";")[0]
    return executed


async def timely(
    schema: EvenhandSchema,
    caller: Caller,
    document: Document,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
    limits: Limits,
) -> Executed:
    """Execute within the time that one operation may take.

    Raises:
        OperationTimeout: it took longer and was given up.
    """
    clock = asyncio.timeout(limits.operation_seconds)
    try:
        async with clock:
            return await execute(schema, caller, document, operation, variables)
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise OperationTimeout(
            f"The operation took longer than {limits.operation_seconds:g} seconds and was given up.",
            hint="Ask for less at a time. Of a mutation with several fields, the first ones may be done; read before "
            "you repeat them.",
        ) from error
