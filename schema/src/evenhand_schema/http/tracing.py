"""One OpenTelemetry span for each operation, for whoever has configured the SDK; without it, none is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from graphql import OperationDefinitionNode
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers

from evenhand_schema.execution import Executed
from evenhand_schema.http.exchange import Exchange


async def traced(
    tracer: trace.Tracer,
    headers: Headers,
    operation: OperationDefinitionNode,
    exchange: Exchange,
    run: Callable[[], Awaitable[Executed]],
) -> Executed:
    """Do `run` in a span, which goes on with the caller's trace when the request names one (`traceparent`)."""
    context = propagate.extract(headers) if "traceparent" in headers else None
    kind = operation.operation.value
    span = tracer.start_span(kind, context, SpanKind.SERVER)
    if not span.is_recording():
        return await run()
    _describe(span, kind, exchange)
    with trace.use_span(span, end_on_exit=True):
        executed = await run()
        span.set_attribute("evenhand.executor", executed.executor)
        span.set_attribute("http.response.status_code", executed.status)
        if executed.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
    return executed


def _describe(span: Span, kind: str, exchange: Exchange) -> None:
    span.set_attribute("graphql.operation.type", kind)
    span.set_attribute("evenhand.request_id", exchange.request_id)
    if exchange.operation is not None:
        span.set_attribute("graphql.operation.name", exchange.operation)
    if exchange.tenant is not None:
        span.set_attribute("evenhand.tenant", str(exchange.tenant))
