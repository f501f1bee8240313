"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import open_database
from evenhand_schema.documents import Documents
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.http.config import HttpConfig, http_from_environment
from evenhand_schema.http.errors import expected
from evenhand_schema.http.graphql import answer, graphql_endpoint
from evenhand_schema.http.health import healthz, readyz
from evenhand_schema.schema import EvenhandSchema, installed_schema


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    shown = InvalidRequest(
        f"{request.method} {request.url.path} is not served here.", hint="The API is at POST /graphql."
    )
    return answer({"errors": [expected(shown)]}, status, headers)


def create_app(
    config: DatabaseConfig | None, *, schema: EvenhandSchema | None = None, http: HttpConfig | None = None
) -> Starlette:
    """The application.

    Args:
        config: the database to open while it runs; None uses the one that is open already (tests).
        schema: by default the one with all installed plugins, built once per process.
        http: by default what the environment says.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if config is None:
            yield
            return
        async with open_database(config, everywhere=True):
            yield

    app = Starlette(
        routes=[
            Route("/graphql", graphql_endpoint, methods=["GET", "POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.state.schema = schema or installed_schema()
    app.state.config = http or http_from_environment()
    app.state.documents = Documents(app.state.schema.graphql_schema)
    return app
