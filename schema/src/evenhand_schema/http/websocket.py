"""GraphQL over WebSocket: the subprotocol `graphql-transport-ws`.

One reader takes messages one at a time and each operation runs in a task of its own. Nothing is queued for sending:
whoever has something to send waits until the client reads, so that a client that does not read costs one message
for each of its operations.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from evenhand.auth.keys import Unauthenticated, authenticate
from evenhand.db.errors import database_is_gone
from evenhand.errors import EvenhandError
from evenhand_schema.execution import Caller
from evenhand_schema.http.errors import expected, masked
from evenhand_schema.http.graphql import host_of
from evenhand_schema.http.rates import RateLimited, Rates
from evenhand_schema.http.requests import checked_request
from evenhand_schema.http.streams import answers, errors_of
from evenhand_schema.subscriptions.live import ClientGone, Live, ServerStopping, Session, TooManyConnections

SUBPROTOCOL = "graphql-transport-ws"
LONGEST_ID = 256
_LONGEST_REASON = 120

GOING_AWAY = 1001
TOO_BIG = 1009
TRY_LATER = 1013
BAD_MESSAGE = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
WRONG_SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
DUPLICATE_ID = 4409
TOO_MANY_INITS = 4429

Message = dict[str, Any]


class TooManyOperations(EvenhandError):
    """More operations than one connection may have open."""

    code = "TOO_MANY_OPERATIONS"


class _Close(Exception):
    """Ends the connection with a code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


async def websocket_endpoint(websocket: WebSocket) -> None:
    """Serve one WebSocket until either side ends it."""
    live: Live = websocket.app.state.live
    if SUBPROTOCOL not in websocket.scope.get("subprotocols", ()):
        await websocket.accept()
        await _close(websocket, WRONG_SUBPROTOCOL, "Subprotocol not acceptable")
        return
    await websocket.accept(subprotocol=SUBPROTOCOL)
    if not live.has_room():
        await _close(websocket, TRY_LATER, "Too many connections")
        return
    try:
        live.waiting += 1
        try:
            caller, acknowledgement = await _initialised(websocket, live)
        finally:
            live.waiting -= 1
        async with live.session(caller) as session:
            await _Connection(websocket, live, session).serve(acknowledgement)
    except _Close as close:
        await _close(websocket, close.code, close.reason)
    except TooManyConnections as error:
        await _close(websocket, TRY_LATER, error.message)
    except ServerStopping as error:
        await _close(websocket, GOING_AWAY, error.message)
    except (WebSocketDisconnect, TimeoutError):
        return
    except Exception as error:
        if database_is_gone(error):
            await _close(websocket, TRY_LATER, "The database cannot be reached")
            return
        masked(error)
        await _close(websocket, 1011, "Internal error")


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    shown = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(1.0):
            await websocket.close(code, shown)


async def _receive(websocket: WebSocket, most: int) -> Message:
    """The next message of the client.

    Raises:
        _Close: it is none of the protocol. WebSocketDisconnect.
    """
    event = await websocket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1005))
    text = event.get("text")
    if text is None:
        raise _Close(BAD_MESSAGE, "Messages are JSON in text frames")
    if len(text) > most:
        raise _Close(TOO_BIG, f"Messages have at most {most} characters")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _Close(BAD_MESSAGE, "The message is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise _Close(BAD_MESSAGE, 'A message is an object with a "type"')
    return message


def _payload(message: Message) -> Message:
    payload = message.get("payload")
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise _Close(BAD_MESSAGE, f"The payload of {message['type'][:40]!r} is not an object")
    return payload


def _answer_to_ping(message: Message) -> bytes:
    payload = _payload(message)
    return orjson.dumps({"type": "pong", "payload": payload} if payload else {"type": "pong"})


async def _initialised(websocket: WebSocket, live: Live) -> tuple[Caller, bytes]:
    """Wait until the client said who it is. Returns: who, and what to answer.

    Raises:
        _Close: it did not, or may not come in.
    """
    try:
        async with asyncio.timeout(live.limits.init_seconds):
            while True:
                message = await _receive(websocket, live.limits.message_bytes)
                match message["type"]:
                    case "connection_init":
                        break
                    case "ping":
                        await websocket.send_text(_answer_to_ping(message).decode())
                    case "pong":
                        _payload(message)
                    case "subscribe":
                        raise _Close(UNAUTHORIZED, "Unauthorized")
                    case _:
                        raise _Close(BAD_MESSAGE, f"A client does not send {message['type'][:40]!r} here")
    except TimeoutError:
        raise _Close(INIT_TIMEOUT, "Connection initialisation timeout") from None
    key = _key(_payload(message), websocket.headers.get("authorization"))
    rates: Rates = websocket.app.state.rates
    try:
        await rates.check_address(host_of(websocket))
        caller = Caller(key, await authenticate(key))
    except Unauthenticated:
        await rates.count_refused(host_of(websocket))
        raise _Close(FORBIDDEN, "Forbidden") from None
    except RateLimited as error:
        raise _Close(TRY_LATER, error.message) from None
    return caller, b'{"type":"connection_ack"}'


def _key(payload: Message, header: str | None) -> str:
    """The API key of the payload's "authorization", in whatever case, else of the HTTP header."""
    given = next((value for name, value in payload.items() if name.lower() == "authorization"), header)
    scheme, _, key = given.partition(" ") if isinstance(given, str) else ("", "", "")
    return key.strip() if scheme.lower() == "bearer" else ""


class _Connection:
    """An initialised connection and its operations."""

    def __init__(self, websocket: WebSocket, live: Live, session: Session) -> None:
        self._websocket = websocket
        self._state = websocket.app.state
        self._live = live
        self._session = session
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()

    async def serve(self, acknowledgement: bytes) -> None:
        """Answer messages until the client leaves, or the session must end.

        Raises:
            _Close: to be closed with a code.
        """
        await self._send(acknowledgement)
        reader = asyncio.create_task(self._read())
        ending = asyncio.create_task(self._session.ending.wait())
        try:
            await asyncio.wait((reader, ending), return_when=asyncio.FIRST_COMPLETED)
            if reader.done():
                await reader
        finally:
            for task in (reader, ending):
                task.cancel()
            open_ones = list(self._operations)
            await self._cancel(list(self._operations.values()))
            await asyncio.gather(reader, ending, return_exceptions=True)
        await self._bid_farewell(open_ones)

    async def _bid_farewell(self, open_ones: list[str]) -> None:
        reason = self._session.reason
        if isinstance(reason, ClientGone):
            raise WebSocketDisconnect(1006)
        stopping = isinstance(reason, ServerStopping)
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                for operation_id in open_ones:
                    await self._send_end(operation_id, None if stopping or reason is None else [expected(reason)])
        if stopping:
            raise _Close(GOING_AWAY, "The server stops")
        raise _Close(FORBIDDEN, "Forbidden")

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            message = await _receive(self._websocket, self._live.limits.message_bytes)
            match message["type"]:
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    task = self._operations.get(self._id(message))
                    if task is not None:
                        await self._cancel([task])
                case "ping":
                    await self._send(_answer_to_ping(message))
                case "pong":
                    _payload(message)
                case "connection_init":
                    raise _Close(TOO_MANY_INITS, "Too many initialisation requests")
                case _:
                    raise _Close(BAD_MESSAGE, f"A client does not send {message['type'][:40]!r}")

    def _id(self, message: Message) -> str:
        operation_id = message.get("id")
        if not isinstance(operation_id, str) or not 0 < len(operation_id) <= LONGEST_ID:
            raise _Close(BAD_MESSAGE, f'"id" is a text of 1 to {LONGEST_ID} characters')
        return operation_id

    async def _subscribe(self, message: Message) -> None:
        operation_id = self._id(message)
        if operation_id in self._operations:
            raise _Close(DUPLICATE_ID, f"Subscriber for {operation_id} already exists")
        if not isinstance(message.get("payload"), dict):
            raise _Close(BAD_MESSAGE, 'The payload of "subscribe" is not an object')
        most = self._live.limits.operations
        if len(self._operations) >= most:
            error = TooManyOperations(
                f"{most} operations are open on this connection.", hint="Complete one, or open another connection."
            )
            await self._send_end(operation_id, [expected(error)])
            return
        task = asyncio.create_task(self._run(operation_id, message["payload"]))
        self._operations[operation_id] = task

        def done(task: asyncio.Task[None]) -> None:
            if self._operations.get(operation_id) is task:
                del self._operations[operation_id]
            if not task.cancelled() and task.exception() is not None:
                # The client is gone or does not read: nothing can be sent any more.
                self._live.figures.dropped += isinstance(task.exception(), _Unsendable)
                self._session.end(ClientGone("The client does not read.", hint="Connect again."))

        task.add_done_callback(done)

    async def _run(self, operation_id: str, payload: Message) -> None:
        """One operation: whatever goes wrong with it is told under its id, and concerns no other.

        Raises:
            WebSocketDisconnect, TimeoutError: nothing can be told any more.
        """
        try:
            asked = checked_request(payload, self._state.config.limits, read_only=False)
            await self._state.rates.take(self._session.caller.key)
            async with aclosing(answers(self._state, self._session, asked)) as bodies:
                async for body in bodies:
                    await self._send_next(operation_id, body)
        except (WebSocketDisconnect, _Unsendable):
            raise
        except Exception as error:
            end: list[Message] | None = errors_of(error)
        else:
            end = None
        self._operations.pop(operation_id, None)
        await self._send_end(operation_id, end)

    async def _send_next(self, operation_id: str, body: bytes) -> None:
        await self._send(b'{"type":"next","id":%b,"payload":%b}' % (orjson.dumps(operation_id), body))

    async def _send_end(self, operation_id: str, errors: list[Message] | None = None) -> None:
        if errors is None:
            await self._send(orjson.dumps({"type": "complete", "id": operation_id}))
        else:
            await self._send(orjson.dumps({"type": "error", "id": operation_id, "payload": errors}))

    async def _send(self, message: bytes) -> None:
        """Send when the client has read what came before.

        Raises:
            _Unsendable: it does not read. WebSocketDisconnect.
        """
        try:
            async with asyncio.timeout(self._live.limits.send_seconds), self._sending:
                await self._websocket.send_text(message.decode())
        except TimeoutError:
            raise _Unsendable from None
        except RuntimeError:
            # It was closed while this waited.
            raise WebSocketDisconnect(1006) from None


class _Unsendable(Exception):
    """The client does not read."""
