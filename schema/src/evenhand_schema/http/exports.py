"""`GET /export/leads.csv`: all records of a list as a file, streamed from the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from evenhand.actions.exports import note_export_ended, note_export_started
from evenhand.auth.fields.reading import ExportDenied, require_export
from evenhand.auth.keys import authenticate
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities import Tenant
from evenhand.entities.registry import Entity, UnknownEntity, entity
from evenhand.ownership.visibility.reading import current_sight
from evenhand.tenancy.context import Actor, acting_as
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.exports.cells import BOM, lines
from evenhand_schema.exports.statement import CHOOSING, EXPORTED, Statement, statement_of
from evenhand_schema.http.exchange import exchange_of
from evenhand_schema.http.graphql import PRIVATE, caller_of, failure
from evenhand_schema.http.requests import json_of

log = structlog.get_logger(__name__)

BATCH = 500
"""Rows that are read and written at a time; a few batches are in memory, however many rows there are."""
_WAITING = 4


async def export_endpoint(request: Request) -> Response:
    """Answer with a file, or with an error in JSON: 403 without the right, 404 for what cannot be exported."""
    exchange = exchange_of(request.scope)
    headers = dict(PRIVATE)
    try:
        caller = await caller_of(request, exchange, headers)
        actor = await authenticate(caller.key) if caller.recalled else caller.actor
        with acting_as(actor):
            kind = _kind(request.path_params["name"])
            values = _arguments(request)
            await require_export(kind.name)
            language = await _language(request)
            async with reading():
                schema = request.app.state.schema.graphql_schema
                statement = await statement_of(schema, kind, values, await current_sight(), actor, language)
            export_id = await note_export_started(kind.name, values, language)
    except Exception as error:
        status, body = failure(error, exchange, headers)
        if isinstance(error, ExportDenied | PermissionDenied):
            status = 403
        elif isinstance(error, UnknownEntity):
            status = 404
        return Response(body, status, headers, "application/json")
    headers["Content-Disposition"] = f'attachment; filename="{request.path_params["name"]}.csv"'
    return StreamingResponse(_stream(actor, export_id, statement), 200, headers, "text/csv; charset=utf-8")


def _kind(name: str) -> Entity:
    kind = entity(name)
    if kind.name not in EXPORTED:
        raise UnknownEntity(f"{kind.name} records cannot be exported.", hint=f"Export one of: {', '.join(EXPORTED)}.")
    return kind


def _arguments(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name == "lang":
            continue
        if name not in CHOOSING or name in values:
            known = ", ".join((*CHOOSING, "lang"))
            raise InvalidRequest(
                f"The parameter {name[:100]!r} is not taken here, or given twice.", hint=f"Use {known}."
            )
        values[name] = text if name == "search" else json_of(text.encode("utf-8", "surrogateescape"), name)
    return values


async def _language(request: Request) -> str:
    wanted = request.query_params.get("lang")
    if wanted is None:
        async with reading():
            tenant = await Tenant.first()
        wanted = tenant.locale if tenant is not None else "en"
    return "zh" if wanted.startswith("zh") else "en"


async def _stream(actor: Actor, export_id: UUID, statement: Statement) -> AsyncIterator[bytes]:
    """The file piece by piece. A task of its own reads, since its transaction must end where it began."""
    pieces: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_WAITING)
    reader = asyncio.create_task(_read(actor, export_id, statement, pieces), name="export")
    try:
        while (piece := await pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader


async def _read(
    actor: Actor, export_id: UUID, statement: Statement, pieces: asyncio.Queue[bytes | BaseException | None]
) -> None:
    rows, complete = 0, False
    with acting_as(actor):
        try:
            await pieces.put(BOM.encode() + lines([statement.headers]))
            async with transaction(read_only=True) as client:
                cursor = await raw_connection(client).cursor(statement.sql, *statement.parameters)
                while found := await cursor.fetch(BATCH):
                    await pieces.put(lines([tuple(row) for row in found]))
                    rows += len(found)
            complete = True
        except Exception as error:
            log.error("export.failed", export=str(export_id), exc_info=error)
            await pieces.put(error)
        finally:
            # Also when the client has gone: what was sent was taken out.
            await asyncio.shield(note_export_ended(export_id, rows=rows, complete=complete))
        await pieces.put(None)
