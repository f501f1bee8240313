"""Execute a subscription: a source of events, and one execution with a context of its own for each of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson
from graphql import ExecutionResult, Executor, OperationDefinitionNode, create_source_event_stream, execute
from graphql.pyutils import is_awaitable

from evenhand.live.watch import SlowConsumer
from evenhand.tenancy.context import acting_as
from evenhand_schema.documents import Document
from evenhand_schema.execution import MAX_ERRORS
from evenhand_schema.http.errors import formatted
from evenhand_schema.schema import EvenhandSchema
from evenhand_schema.subscriptions.context import SubscriptionContext
from evenhand_schema.subscriptions.live import Live, Session


class Refused(Exception):
    """A subscription that did not start; `errors` are GraphQL errors as clients see them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors


async def stream(
    live: Live,
    session: Session,
    schema: EvenhandSchema,
    document: Document,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> AsyncGenerator[bytes, None]:
    """The answers of a subscription as JSON, one for each event. Closing the iterator ends the subscription.

    Only one answer exists at a time: the next is made when it is asked for, and no transaction stays open in between.

    Args:
        document: one without validation errors.
        operation: a subscription of the document.

    Raises:
        Refused: it did not start. EvenhandError: it ends early, e.g. SlowConsumer.
    """
    name = operation.name.value if operation.name else None
    executor = Executor.build(
        schema.graphql_schema,
        document.ast,
        context_value=SubscriptionContext(live, session, document, schema.contributions),
        raw_variable_values=variables,
        operation_name=name,
    )
    if isinstance(executor, list):
        raise Refused([formatted(error) for error in executor])
    source: Any = create_source_event_stream(executor)
    if is_awaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        raise Refused([formatted(error) for error in source.errors or ()])
    live.subscriptions += 1
    try:
        async with aclosing(source):
            async for event in source:
                yield await _answer(live, session, schema, document, name, variables, event)
                live.figures.delivered += 1
    except SlowConsumer:
        live.figures.dropped += 1
        raise
    finally:
        live.subscriptions -= 1


async def _answer(
    live: Live,
    session: Session,
    schema: EvenhandSchema,
    document: Document,
    name: str | None,
    variables: dict[str, Any],
    event: Any,
) -> bytes:
    context = SubscriptionContext(live, session, document, schema.contributions)
    async with live.reads:
        with acting_as(context.actor):
            try:
                found: Any = execute(
                    schema.graphql_schema,
                    document.ast,
                    root_value=event,
                    context_value=context,
                    variable_values=variables,
                    operation_name=name,
                )
                result: ExecutionResult = await found if is_awaitable(found) else found
            finally:
                await context.close()
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [formatted(error) for error in result.errors[:MAX_ERRORS]]
    body["data"] = result.data
    return orjson.dumps(body)
