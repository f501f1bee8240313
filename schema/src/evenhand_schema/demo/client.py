"""Ask the server over HTTP, as the printed commands do."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import orjson

SECONDS = 30.0
"""How long an answer may take."""


def ask(host: str, port: int, key: str, query: str) -> dict[str, Any]:
    """Send a query with GET. Returns: the whole answer, with "data" and perhaps "errors".

    Raises:
        OSError: the server cannot be reached or does not answer in time.
    """
    connection = HTTPConnection(host, port, timeout=SECONDS)
    try:
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        connection.request("GET", f"/graphql?{urlencode({'query': query})}", headers=headers)
        answer: dict[str, Any] = orjson.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer
