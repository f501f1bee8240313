"""Read a GraphQL request from HTTP: whatever comes in, the answer is a clear error, never a failure of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from evenhand_schema.errors import InvalidRequest

MAX_BODY = 1024 * 1024
"""Bytes."""
MAX_VARIABLE_DEPTH = 32


class BodyTooLarge(InvalidRequest):
    """A body of more than 1 MiB."""

    code = "BODY_TOO_LARGE"


class UnsupportedMediaType(InvalidRequest):
    """A body that is not JSON by its own account."""

    code = "UNSUPPORTED_MEDIA_TYPE"


@dataclass(frozen=True)
class GraphQLRequest:
    """What a client asks."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None
    read_only: bool


async def read_request(request: Request) -> GraphQLRequest:
    """The GraphQL request of a GET or POST.

    Raises:
        InvalidRequest: it is none; subclasses say more.
    """
    if request.method == "GET":
        values: dict[str, Any] = {key: request.query_params[key] for key in request.query_params}
        if "variables" in values:
            values["variables"] = _json(values["variables"].encode("utf-8", "surrogateescape"), "The variables")
        return _checked(values, read_only=True)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType(
            f"The body is {media_type or 'of no type'}, not JSON.", hint="Send 'Content-Type: application/json'."
        )
    return _checked(_json(await _body(request), "The body"), read_only=False)


async def _body(request: Request) -> bytes:
    too_large = BodyTooLarge(f"The body has more than {MAX_BODY} bytes.", hint="Send less at a time.")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise too_large
    except ClientDisconnect:
        raise InvalidRequest("The connection ended before the body did.", hint="Send the request again.") from None
    return bytes(body)


def _json(raw: bytes, what: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            f"{what} cannot be read as JSON: {error}.", hint='Send {"query": "…", "variables": {…}} in UTF-8.'
        ) from error


def _checked(values: Any, *, read_only: bool) -> GraphQLRequest:
    if not isinstance(values, dict):
        raise InvalidRequest("The body is not a JSON object.", hint='Send {"query": "…"}; batches are not taken.')
    query, variables, name = values.get("query"), values.get("variables"), values.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise InvalidRequest("There is no query.", hint='Send it as a text under "query".')
    if not isinstance(variables, dict | None):
        raise InvalidRequest("The variables are not an object.", hint='Send {"name": value, …} under "variables".')
    if not isinstance(name, str | None):
        raise InvalidRequest("The operation's name is not a text.", hint='Send a text under "operationName".')
    check_variables(variables or {})
    return GraphQLRequest(query, variables or {}, name or None, read_only)


def check_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables that are nested deeper than any input of ours.

    Raises:
        InvalidRequest: they are.
    """
    level: list[Any] = [variables]
    for _ in range(MAX_VARIABLE_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise InvalidRequest(
        f"The variables are nested more than {MAX_VARIABLE_DEPTH} levels deep.", hint="Send flatter values."
    )
