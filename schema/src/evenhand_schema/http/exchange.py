"""What is known of one HTTP request while it is answered; logs and metrics are written from it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from uuid import UUID

from starlette.types import Scope

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")
_random = random.Random()  # noqa: S311 - tells requests apart, keeps no secret
_SCOPE = "evenhand.exchange"


@dataclass(slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        operation: the operation's name in the document.
        kind: "query", "mutation" or "subscription".
        executor: what executed it.
        tenant: whose data it was about.
        key: the readable start of the API key, never all of it.
        refused: the code of the error for which it was not executed.
    """

    request_id: str
    operation: str | None = None
    kind: str | None = None
    executor: str | None = None
    tenant: UUID | None = None
    key: str | None = None
    refused: str | None = None


def begin_exchange(scope: Scope) -> Exchange:
    """Begin to know the request of this scope: by the client's `X-Request-Id` when it is well-formed, else a new id."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    request_id = given.decode() if _REQUEST_ID.fullmatch(given) else f"{_random.getrandbits(128):032x}"
    exchange = scope[_SCOPE] = Exchange(request_id)
    return exchange


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that a scope belongs to."""
    found: Exchange = scope[_SCOPE]
    return found
