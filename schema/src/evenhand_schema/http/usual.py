"""The short way for the usual request: a query as JSON by POST, with a key that was seen before.

It does what the endpoint does, with the same functions, and saves the objects and wrappers around them, which
cost more than the compiled query itself. Whatever is unusual is passed on to the endpoint.
"""

from __future__ import annotations

from graphql import OperationType
from opentelemetry import trace
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from evenhand.auth.keys import KnownKey, recall, shown_prefix
from evenhand_schema.execution import Caller, Executed
from evenhand_schema.http.errors import SUGGESTIONS
from evenhand_schema.http.exchange import Exchange, exchange_of
from evenhand_schema.http.graphql import PRIVATE, answered, failure, shown_status, timely
from evenhand_schema.http.media import answer_type
from evenhand_schema.http.requests import body_of, checked_request, json_of

_MEDIA_TYPES = {
    accepted.encode(): answer_type(accepted or None)
    for accepted in ("", "*/*", "application/json", "application/graphql-response+json")
}
_UNUSUAL = frozenset((b"idempotency-key", b"traceparent", b"content-encoding"))
_BEARER = b"Bearer "


class UsualRequests:
    """Pure ASGI, innermost around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/graphql":
            headers = dict(scope["headers"])
            key = _key(headers, scope)
            known = recall(key) if key is not None else None
            if key is not None and known is not None:
                await _answer(scope, receive, send, headers, key, known)
                return
        await self._app(scope, receive, send)


def _key(headers: dict[bytes, bytes], scope: Scope) -> str | None:
    """The key of a usual request; None for all others."""
    given = headers.get(b"authorization", b"")
    if (
        headers.get(b"content-type") != b"application/json"
        or headers.get(b"accept", b"") not in _MEDIA_TYPES
        or not given.startswith(_BEARER)
        # A header that is given twice is looked at closely.
        or len(headers) != len(scope["headers"])
        or not _UNUSUAL.isdisjoint(headers)
    ):
        return None
    return given[len(_BEARER) :].decode("latin-1").strip()


async def _answer(
    scope: Scope, receive: Receive, send: Send, given: dict[bytes, bytes], key: str, known: KnownKey
) -> None:
    state = scope["app"].state
    exchange = exchange_of(scope)
    media_type = _MEDIA_TYPES[given.get(b"accept", b"")]
    client = scope["client"]
    host = client[0] if client else "unknown"
    headers = dict(PRIVATE)
    understood = False
    SUGGESTIONS.set(state.config.suggestions)
    try:
        await state.rates.check_address(host)
        headers.update(await state.rates.take(key))
        caller = Caller(key, known.actor, recalled=True)
        exchange.tenant = known.actor.tenant_id
        exchange.key = shown_prefix(key)
        limits = state.config.limits
        raw = await body_of(receive, given.get(b"content-length", b"0").decode("latin-1"), limits.body_bytes)
        asked = checked_request(json_of(raw, "The body"), limits, read_only=False)
        understood = True
        document = state.documents.get(asked.query)
        operation = document.operation(asked.operation_name)
        if operation.operation is OperationType.QUERY and not document.errors and not _traced(state.tracer):
            _note(exchange, operation.name.value if operation.name else None)
            document.check_cost(operation, asked.variables)
            executed: Executed = await timely(state.schema, caller, document, operation, asked.variables, limits)
            exchange.executor = executed.executor.partition(";")[0]
        else:
            executed = await answered(Request(scope, receive, send), caller, asked, exchange, headers)
    except Exception as error:
        status, body = failure(error, exchange, headers)
        if status == 401:
            await state.rates.count_refused(host)
    else:
        status, body = executed.status, executed.body
        if state.config.debug_headers:
            headers["Evenhand-Executor"] = executed.executor
    status = shown_status(status, media_type, understood=understood)
    shown = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    shown.append((b"content-length", str(len(body)).encode()))
    shown.append((b"content-type", media_type.encode()))
    await send({"type": "http.response.start", "status": status, "headers": shown})
    await send({"type": "http.response.body", "body": body})


def _note(exchange: Exchange, name: str | None) -> None:
    exchange.operation = name[:100] if name else None
    exchange.kind = "query"


def _traced(tracer: trace.Tracer) -> bool:
    """Whether somebody may collect traces: the tracer, or what stands behind it, is not the API's own."""
    own = isinstance(tracer, trace.ProxyTracer | trace.NoOpTracer)
    return not (own and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider))
