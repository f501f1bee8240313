"""GraphQL over server-sent events: one operation per request, in distinct connections mode."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evenhand.auth.keys import authenticate
from evenhand.errors import EvenhandError
from evenhand_schema.execution import Caller
from evenhand_schema.http.errors import expected
from evenhand_schema.http.exchange import exchange_of
from evenhand_schema.http.graphql import caller_of, failure, graphql_endpoint, host_of
from evenhand_schema.http.media import JSON
from evenhand_schema.http.requests import GraphQLRequest, read_request
from evenhand_schema.http.responses import answer
from evenhand_schema.http.streams import Chunks, answers, errors_of
from evenhand_schema.subscriptions.live import Live, ServerStopping, Session, TooManyConnections

MEDIA_TYPE = "text/event-stream"
_HEARTBEAT = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def wants_events(request: Request) -> bool:
    """Whether the client asks for an event stream."""
    accepted = request.headers.get("accept", "")
    if accepted in ("", "*/*", "application/json", "application/graphql-response+json"):
        return False
    offers = accepted.split(",")
    return any(offer.partition(";")[0].strip().lower() == MEDIA_TYPE for offer in offers)


class GraphQLEndpoint:
    """The endpoint `/graphql`: an event stream for those who accept one, else one answer.

    An application of its own: errors are answered where they happen, so it needs no wrapping.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = await events_endpoint(request) if wants_events(request) else await graphql_endpoint(request)
        await response(scope, receive, send)


async def events_endpoint(request: Request) -> Response:
    """Execute a request and send what comes of it as events.

    Who may not come in and who sends no GraphQL request is refused by the HTTP status; everything else, also a query
    that is not valid, is told by events, as clients of streams expect it.
    """
    exchange = exchange_of(request.scope)
    headers = dict(_HEADERS)
    try:
        caller = await caller_of(request, exchange, headers)
        if caller.recalled:
            # What stays open begins with a key that was really checked.
            caller = Caller(caller.key, await authenticate(caller.key))
        asked = await read_request(request, request.app.state.config.limits)
        live: Live = request.app.state.live
        if not live.has_room():
            raise TooManyConnections("This server has no room for one more connection.", hint="Try again in a moment.")
        return EventStream(request, asked, caller, headers)
    except TooManyConnections as error:
        return _try_later(error)
    except Exception as error:
        status, body = failure(error, exchange, headers)
        if status == 401:
            await request.app.state.rates.count_refused(host_of(request))
        return Response(body, status, headers, JSON)


def _try_later(error: EvenhandError) -> Response:
    return answer({"errors": [expected(error)]}, 503, {"Retry-After": "5"})


class EventStream(Response):
    """Sends events as the client reads them; a client that reads none for a while is given up."""

    def __init__(self, request: Request, asked: GraphQLRequest, caller: Caller, headers: dict[str, str]) -> None:
        super().__init__(headers=headers, media_type=MEDIA_TYPE)
        self._state = request.app.state
        self._asked = asked
        self._keyed = "idempotency-key" in request.headers
        self._live: Live = request.app.state.live
        self._caller = caller
        # The length of a stream is not known.
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            async with self._live.session(self._caller) as session:
                sending = asyncio.create_task(self._send_all(session, send))
                leaving = asyncio.create_task(_disconnected(receive))
                try:
                    await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
                    if sending.done():
                        await sending
                finally:
                    sending.cancel()
                    leaving.cancel()
                    await asyncio.gather(sending, leaving, return_exceptions=True)
        except (TooManyConnections, ServerStopping) as error:
            await _try_later(error)(scope, receive, send)
        except (TimeoutError, OSError):
            # The client does not read, or is gone.
            return

    async def _send_all(self, session: Session, send: Send) -> None:
        await self._send(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        events = self._events(session)
        async with aclosing(_with_heartbeats(events, session, self._live.limits.heartbeat_seconds)) as chunks:
            async for chunk in chunks:
                await self._send(send, {"type": "http.response.body", "body": chunk, "more_body": True})
        end = b"" if session.reason is None else _ending(session.reason)
        await self._send(send, {"type": "http.response.body", "body": end + _COMPLETE, "more_body": False})

    async def _send(self, send: Send, message: dict[str, Any]) -> None:
        async with asyncio.timeout(self._live.limits.send_seconds):
            await send(message)

    async def _events(self, session: Session) -> Chunks:
        """The answers as events; whatever goes wrong is the last of them."""
        try:
            async with aclosing(answers(self._state, session, self._asked, keyed=self._keyed)) as bodies:
                async for body in bodies:
                    yield _next(body)
        except Exception as error:
            yield _next(orjson.dumps({"errors": errors_of(error)}))


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _with_heartbeats(events: Chunks, session: Session, pause: float) -> Chunks:
    """The events, a comment whenever there was none for a while, and an end when the session must end."""
    ending = asyncio.create_task(session.ending.wait())
    coming: asyncio.Task[bytes] | None = None
    yield _HEARTBEAT
    try:
        while not ending.done():
            if coming is None:
                coming = asyncio.create_task(_step(events))
            await asyncio.wait((coming, ending), timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                yield _HEARTBEAT
                continue
            event = coming.result()
            coming = None
            if not event:
                return
            yield event
    finally:
        ending.cancel()
        if coming is not None:
            coming.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(ending, *((coming,) if coming else ()), return_exceptions=True)
        await events.aclose()


async def _step(events: Chunks) -> bytes:
    """The next event; nothing at the end."""
    return await anext(events, b"")


def _next(body: bytes) -> bytes:
    return b"event: next\ndata: " + body + b"\n\n"


def _ending(reason: EvenhandError) -> bytes:
    return b"" if isinstance(reason, ServerStopping) else _next(orjson.dumps({"errors": [expected(reason)]}))
