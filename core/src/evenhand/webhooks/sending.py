"""Make the requests of webhooks: to the address that was checked, with bounds on everything."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from weakref import WeakKeyDictionary

import httpx

from evenhand.clock import now
from evenhand.environment import InvalidSetting
from evenhand.webhooks.addresses import AddressRefused, Target, check_address, read_target

VARIABLE = "EVENHAND_WEBHOOKS_PRIVATE"
TOTAL_SECONDS = 15.0
"""For everything from the name to the end of the answer."""
CONNECT_SECONDS = 5.0
RESPONSE_BYTES = 4_000
"""So much of an answer is read; the rest is not waited for."""
LONGEST_WAIT = timedelta(hours=24)
"""Longer pauses that an endpoint asks for are cut."""


@dataclass(frozen=True)
class Answer:
    """What came of one request.

    Attributes:
        status: None when no answer came.
        error: why it counts as failed; None when it was accepted.
        after: how long the other side asked to wait.
    """

    status: int | None
    duration_ms: int
    response: str | None = None
    error: str | None = None
    after: timedelta | None = None


def private_allowed() -> bool:
    """Whether webhooks may go to private addresses and by http: `EVENHAND_WEBHOOKS_PRIVATE=allow`.

    Raises:
        InvalidSetting: any other value.
    """
    text = os.environ.get(VARIABLE, "").strip().lower()
    if text not in ("", "allow"):
        raise InvalidSetting(f"{VARIABLE} is {text!r}.", hint='Set it to "allow", or leave it out.')
    return text == "allow"


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()


def _client() -> httpx.AsyncClient:
    """One for each loop; it keeps no connection, so that none is used for another host at the same address."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_keepalive_connections=0, max_connections=200),
        )
    return client


async def addresses_of(target: Target, *, private: bool) -> list[str]:
    """The addresses of a target, all of them checked; IPv4 first.

    Raises:
        AddressRefused: one of them is not public: the name may stand for another one the next time.
    """
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    ordered = sorted(found, key=lambda one: one[0] != socket.AF_INET)
    return list(dict.fromkeys(check_address(str(one[4][0]), private=private) for one in ordered))


async def send(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post a body; never raises for what the other side does."""
    started = monotonic()
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            return await _post(url, body, headers, started)
    except AddressRefused as error:
        return Answer(None, _since(started), error=str(error))
    except TimeoutError:
        return Answer(None, _since(started), error=f"No answer within {TOTAL_SECONDS:.0f} s.")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError) as error:
        return Answer(None, _since(started), error=f"{type(error).__name__}: {error}"[:1000])


def _since(started: float) -> int:
    return round((monotonic() - started) * 1000)


async def _post(url: str, body: bytes, headers: Mapping[str, str], started: float) -> Answer:
    private = private_allowed()
    target = read_target(url, private=private)
    address = (await addresses_of(target, private=private))[0]
    sent = {
        **headers,
        "host": target.authority,
        "content-type": "application/json",
        "user-agent": "Evenhand-Webhooks",
        "accept-encoding": "identity",
    }
    # The name was turned into an address once; asking for it again could give another one.
    request = _client().build_request(
        "POST", target.at(address), content=body, headers=sent, extensions={"sni_hostname": target.host}
    )
    response = await _client().send(request, stream=True)
    try:
        text = await _beginning(response)
    finally:
        await response.aclose()
    duration = _since(started)
    if response.is_success:
        return Answer(response.status_code, duration, text)
    what = "redirects are not followed" if response.is_redirect else response.reason_phrase or "no success"
    after = _retry_after(response.headers.get("retry-after"))
    return Answer(response.status_code, duration, text, f"HTTP {response.status_code}: {what}.", after)


async def _beginning(response: httpx.Response) -> str:
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= RESPONSE_BYTES:
            break
    return read[:RESPONSE_BYTES].decode("utf-8", "replace").replace("\x00", "")


def _retry_after(text: str | None) -> timedelta | None:
    """What the header asks for: seconds, or a date."""
    if not text:
        return None
    try:
        wait = timedelta(seconds=int(text)) if text.isascii() and text.isdigit() else _until(text)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)


def _until(text: str) -> timedelta:
    moment = parsedate_to_datetime(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - now()


__all__ = ["VARIABLE", "Answer", "addresses_of", "private_allowed", "send"]
