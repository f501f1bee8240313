"""The ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from opentelemetry import trace
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import open_database
from evenhand.live.feed import listening_connection
from evenhand.worker import WorkerConfig, run_worker, supervise
from evenhand_schema.documents import Documents
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.http.config import HttpConfig, http_from_environment
from evenhand_schema.http.errors import expected
from evenhand_schema.http.exports import export_endpoint
from evenhand_schema.http.graphiql import graphiql_routes
from evenhand_schema.http.health import healthz, readyz
from evenhand_schema.http.metrics import Metrics, metrics_endpoint
from evenhand_schema.http.middleware import Observed
from evenhand_schema.http.rates import Rates
from evenhand_schema.http.responses import METHODS, MethodNotAllowed, answer
from evenhand_schema.http.sse import GraphQLEndpoint
from evenhand_schema.http.usual import UsualRequests
from evenhand_schema.http.websocket import websocket_endpoint
from evenhand_schema.schema import EvenhandSchema, installed_schema
from evenhand_schema.subscriptions.limits import LiveLimits, live_limits_from_environment
from evenhand_schema.subscriptions.live import Live

_CORS_REQUEST_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "traceparent")
_CORS_ANSWER_HEADERS = (
    "Evenhand-Executor",
    "Idempotent-Replayed",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-Id",
)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    kind = MethodNotAllowed if status == 405 else InvalidRequest
    shown = kind(f"{request.method} {request.url.path} is not served here.", hint="The API is at POST /graphql.")
    if status == 405 and request.url.path == "/graphql":
        headers["Allow"] = METHODS
    return answer({"errors": [expected(shown)]}, status, headers)


def create_app(
    config: DatabaseConfig | None,
    *,
    schema: EvenhandSchema | None = None,
    http: HttpConfig | None = None,
    live: LiveLimits | None = None,
    worker: WorkerConfig | None = None,
) -> Starlette:
    """The application.

    Args:
        config: the database to open while it runs; None uses the one that is open already (tests), and then
            nobody listens for changes.
        schema: by default the one with all installed plugins, built once per process.
        http: by default what the environment says.
        live: limits of open connections; by default what the environment says.
        worker: how jobs are done while it runs; None leaves them to others.
    """

    settings = http or http_from_environment()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if config is None:
            yield
            return
        limited = replace(config, statement_seconds=settings.limits.statement_seconds)
        async with open_database(limited, everywhere=True):
            try:
                async with _working(worker):
                    yield
            finally:
                await app.state.live.stop()

    served = schema or installed_schema()
    documents = Documents(
        served.graphql_schema,
        settings.limits,
        introspection=settings.introspection,
        suggestions=settings.suggestions,
    )
    connect = listening_connection(config) if config is not None else None
    watched = Live(connect, live or live_limits_from_environment())
    metrics = Metrics(documents, watched)
    app = Starlette(
        routes=[
            Route("/graphql", GraphQLEndpoint(), methods=["GET", "POST", "OPTIONS"]),
            WebSocketRoute("/graphql", websocket_endpoint),
            Route("/export/{name}.csv", export_endpoint, methods=["GET"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics_endpoint),
            *(graphiql_routes() if settings.development else ()),
        ],
        middleware=_middleware(settings, metrics),
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.state.schema = served
    app.state.config = settings
    app.state.live = watched
    app.state.documents = documents
    app.state.metrics = metrics
    app.state.rates = Rates(settings)
    app.state.tracer = trace.get_tracer("evenhand")
    return app


@asynccontextmanager
async def _working(config: WorkerConfig | None) -> AsyncIterator[None]:
    """Have a worker beside the block. Whatever becomes of the worker, the block goes on."""
    if config is None:
        yield
        return
    stop = asyncio.Event()

    async def work(stop: asyncio.Event) -> None:
        await run_worker(config, stop)

    working = asyncio.create_task(supervise("worker", work, stop), name="evenhand worker")
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait({working}, timeout=config.grace_seconds + 5)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


def _middleware(settings: HttpConfig, metrics: Metrics) -> list[Middleware]:
    layers = [Middleware(Observed, metrics=metrics, access_log=settings.access_log)]
    if settings.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "POST"),
                allow_headers=_CORS_REQUEST_HEADERS,
                expose_headers=_CORS_ANSWER_HEADERS,
                max_age=3600,
            )
        )
    layers.append(Middleware(UsualRequests))
    return layers
