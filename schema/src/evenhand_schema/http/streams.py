"""What WebSocket and event streams share: the answers to one operation, and what clients hear of failures."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from graphql import GraphQLError, OperationType
from starlette.datastructures import State

from evenhand_schema.documents import Document
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.http.errors import expected, formatted, known_failure, masked
from evenhand_schema.http.graphql import timely
from evenhand_schema.http.requests import GraphQLRequest
from evenhand_schema.http.responses import WriteOverGet
from evenhand_schema.subscriptions.live import Session
from evenhand_schema.subscriptions.stream import Refused, stream

Chunks = AsyncGenerator[bytes, None]


async def answers(state: State, session: Session, asked: GraphQLRequest, *, keyed: bool = False) -> Chunks:
    """The answers to an operation as JSON: one to a query or mutation, any number to a subscription.

    Args:
        state: the application's.
        keyed: the request names an Idempotency-Key, which only single answers heed.

    Raises:
        Refused, GraphQLError, EvenhandError: it is not executed, or ends early; see `errors_of`.
    """
    document: Document = state.documents.get(asked.query)
    operation = document.operation(asked.operation_name)
    if asked.read_only and operation.operation is OperationType.MUTATION:
        raise WriteOverGet("GET is for queries and subscriptions.", hint="Send mutations with POST.")
    if keyed and operation.operation is OperationType.MUTATION:
        raise InvalidRequest(
            "An Idempotency-Key is not heeded in a stream.", hint="Leave out 'Accept: text/event-stream', or the key."
        )
    if document.errors:
        raise Refused([formatted(error) for error in document.errors])
    document.check_cost(operation, asked.variables)
    if operation.operation is OperationType.SUBSCRIPTION:
        events = stream(state.live, session, state.schema, document, operation, asked.variables)
        async with aclosing(events):
            async for body in events:
                yield body
        return
    limits = state.config.limits
    executed = await timely(state.schema, session.caller, document, operation, asked.variables, limits)
    if executed.status >= 400:
        raise Refused(orjson.loads(executed.body)["errors"])
    yield executed.body


def errors_of(error: Exception) -> list[dict[str, Any]]:
    """What clients hear of a failure, as GraphQL errors."""
    if isinstance(error, Refused):
        return error.errors
    known = known_failure(error)
    if known is not None:
        return [expected(known)]
    return [formatted(error) if isinstance(error, GraphQLError) else masked(error)]
