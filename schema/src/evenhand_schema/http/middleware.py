"""Around every request: its id, the headers of every answer, a line in the log, and the counters."""

from __future__ import annotations

from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from evenhand.logs import write_event
from evenhand_schema.http.errors import masked
from evenhand_schema.http.exchange import Exchange, begin_exchange
from evenhand_schema.http.metrics import Metrics
from evenhand_schema.http.responses import answer

log = structlog.get_logger("evenhand.access")

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_QUIET = frozenset(("/healthz", "/readyz", "/metrics"))
"""Asked every few seconds by machines."""


class Observed:
    """Pure ASGI; the application inside finds the request's `Exchange` in its scope."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, access_log: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        exchange = begin_exchange(scope)
        status = 0

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *_HEADERS,
                    (b"x-request-id", exchange.request_id.encode()),
                ]
            await send(message)

        bound = bind_contextvars(request_id=exchange.request_id)
        self._metrics.begin()
        try:
            await self._app(scope, receive, observe)
        except Exception as error:
            shown = masked(error)
            if status:
                raise
            await answer({"errors": [shown]}, 500)(scope, receive, observe)
        finally:
            elapsed = perf_counter() - started
            self._metrics.end(scope["method"], scope["path"], status or 499, exchange, elapsed)
            if self._access_log and scope["path"] not in _QUIET:
                _write(scope, status or 499, exchange, elapsed)
            reset_contextvars(**bound)


def _write(scope: Scope, status: int, exchange: Exchange, elapsed: float) -> None:
    known = {
        "operation": exchange.operation,
        "kind": exchange.kind,
        "executor": exchange.executor,
        "tenant": exchange.tenant and str(exchange.tenant),
        "key": exchange.key,
        "refused": exchange.refused,
    }
    line = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(elapsed * 1000, 2),
        **{name: value for name, value in known.items() if value is not None},
    }
    if not write_event("request", request_id=exchange.request_id, **line):
        log.info("request", **line)
