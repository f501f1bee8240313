"""Read a GraphQL request from HTTP: whatever comes in, the answer is a clear error, never a failure of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.types import Receive

from evenhand_schema.errors import InvalidRequest
from evenhand_schema.limits import Limits

_MEMBERS = (b'"query"', b'"variables"', b'"operationName"', b'"extensions"')


class BodyTooLarge(InvalidRequest):
    """A body of more bytes than are allowed."""

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


async def read_request(request: Request, limits: Limits) -> GraphQLRequest:
    """The GraphQL request of a GET or POST.

    Raises:
        InvalidRequest: it is none; subclasses say more.
    """
    if request.method == "GET":
        values: Any = _parameters(request)
    else:
        _check_media_type(request.headers.get("content-type", ""))
        _check_encoding(request.headers.get("content-encoding", "identity"))
        values = json_of(
            await body_of(request.receive, request.headers.get("content-length", "0"), limits.body_bytes), "The body"
        )
    return checked_request(values, limits, read_only=request.method == "GET")


def _parameters(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in request.query_params.multi_items():
        if key in values:
            raise InvalidRequest(f"The parameter {key[:100]!r} is given twice.", hint="Give it once.")
        values[key] = value
    for key in ("variables", "extensions"):
        if values.get(key):
            values[key] = json_of(values[key].encode("utf-8", "surrogateescape"), f"The parameter {key!r}")
        else:
            values.pop(key, None)
    return values


def _check_media_type(header: str) -> None:
    if header == "application/json":
        return
    media_type, _, parameters = header.partition(";")
    media_type = media_type.strip().lower()
    if media_type == "multipart/form-data":
        raise UnsupportedMediaType(
            "Files are not taken with GraphQL requests.", hint="Send 'Content-Type: application/json'."
        )
    if media_type != "application/json":
        raise UnsupportedMediaType(
            f"The body is {media_type[:100] or 'of no type'}, not JSON.", hint="Send 'Content-Type: application/json'."
        )
    for parameter in parameters.lower().split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(f"The body is in {value.strip()[:50]}.", hint="Send JSON in UTF-8.")


def _check_encoding(header: str) -> None:
    # A few bytes unpack to gigabytes; a query gains nothing by it.
    if header.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            f"The body is compressed ({header.strip()[:50]}).", hint="Send it as it is, without Content-Encoding."
        )


async def body_of(receive: Receive, declared: str, most: int) -> bytes:
    """The body of a request.

    Args:
        declared: the header `content-length`.

    Raises:
        BodyTooLarge: it has more than `most` bytes. InvalidRequest: the connection ended before it did.
    """
    if declared.isdigit() and (len(declared) > 12 or int(declared) > most):
        raise _too_large(most)
    # Most bodies come in one message; collecting chunks costs as much as all the rest of reading.
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and message["type"] == "http.request" and len(body) <= most:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise InvalidRequest("The connection ended before the body did.", hint="Send the request again.")
    if len(body) > most:
        raise _too_large(most)
    return body


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body has more than {most} bytes.", hint="Send less at a time.")


def json_of(raw: bytes, what: str) -> Any:
    """The JSON value in some bytes.

    Raises:
        InvalidRequest: there is none; `what` says in what.
    """
    try:
        if raw.startswith(b"\xef\xbb\xbf"):
            raise InvalidRequest(
                f"{what} cannot be read as JSON: it begins with a byte order mark.", hint="Leave it out."
            )
        values = orjson.loads(raw)
        if any(raw.count(name) > 1 for name in _MEMBERS):
            json.loads(raw, object_pairs_hook=_without_duplicates)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise InvalidRequest(
            f"{what} cannot be read as JSON: {_not_utf_8(raw) or error}.",
            hint='Send {"query": "…", "variables": {…}} in UTF-8.',
        ) from error
    return values


def _not_utf_8(raw: bytes) -> str | None:
    """Where the bytes are not UTF-8, in words; orjson does not say it."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 from byte {error.start + 1} on"
    return None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise InvalidRequest(f"The member {name[:100]!r} is given twice in one object.", hint="Give it once.")
        seen.add(name)


def checked_request(values: Any, limits: Limits, *, read_only: bool) -> GraphQLRequest:
    """The request in a JSON value.

    Raises:
        InvalidRequest: there is none in it.
    """
    if isinstance(values, list):
        raise InvalidRequest("Batches are not taken.", hint="Send one operation per request; it may have many fields.")
    if not isinstance(values, dict):
        raise InvalidRequest("The body is not a JSON object.", hint='Send {"query": "…"}.')
    query, variables, name = values.get("query"), values.get("variables"), values.get("operationName")
    extensions = values.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise InvalidRequest("There is no query.", hint='Send it as a text under "query".')
    if not isinstance(variables, dict | None):
        raise InvalidRequest("The variables are not an object.", hint='Send {"name": value, …} under "variables".')
    if not isinstance(name, str | None):
        raise InvalidRequest("The operation's name is not a text.", hint='Send a text under "operationName".')
    if not isinstance(extensions, dict | None):
        raise InvalidRequest("The extensions are not an object.", hint='Send an object under "extensions", or nothing.')
    check_variables(variables or {}, limits.variable_depth)
    return GraphQLRequest(query, variables or {}, name or None, read_only)


def check_variables(variables: Mapping[str, Any], most: int) -> None:
    """Refuse variables that are nested deeper than any input of ours.

    Raises:
        InvalidRequest: they are.
    """
    level: list[Any] = [variables]
    for _ in range(most):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise InvalidRequest(f"The variables are nested more than {most} levels deep.", hint="Send flatter values.")
