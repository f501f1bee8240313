"""How often one may ask: per API key, and per address for those who come with a wrong key.

Counted in fixed windows in the memory of this process; several processes allow as many times more.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from hashlib import blake2b

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from evenhand_schema.errors import InvalidRequest
from evenhand_schema.http.config import HttpConfig

MOST_COUNTERS = 100_000
"""The one begun first gives way: whoever asks from very many addresses cannot fill the memory."""


class RateLimited(InvalidRequest):
    """Too many requests in a short time; `details["retry_after"]` says in how many seconds to come again."""

    code = "RATE_LIMITED"


class Counters(Storage):
    """Counters in memory, of a bounded number.

    The library's own memory storage walks over all counters after every request.
    """

    STORAGE_SCHEME = None

    def __init__(self, most: int = MOST_COUNTERS) -> None:
        super().__init__()
        self._most = most
        self._counters: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counters)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the storage itself may raise."""
        return ValueError

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count; a window that has ended begins anew."""
        now = time.time()
        ends, counted = self._counters.get(key, (0.0, 0))
        if ends <= now:
            self._counters.pop(key, None)
            ends, counted = now + expiry, 0
            self._forget(now)
        self._counters[key] = (ends, counted + amount)
        return counted + amount

    def _forget(self, now: float) -> None:
        while self._counters:
            oldest = next(iter(self._counters))
            if self._counters[oldest][0] > now and len(self._counters) < self._most:
                return
            del self._counters[oldest]

    async def get(self, key: str) -> int:
        """What was counted in the present window."""
        ends, counted = self._counters.get(key, (0.0, 0))
        return counted if ends > time.time() else 0

    async def get_expiry(self, key: str) -> float:
        """When the present window ends."""
        return self._counters.get(key, (time.time(), 0))[0]

    async def check(self) -> bool:
        """Memory is always there."""
        return True

    async def reset(self) -> int:
        """Forget all counters; returns how many there were."""
        count = len(self._counters)
        self._counters.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forget one counter."""
        self._counters.pop(key, None)


class Rates:
    """The limits of one server process."""

    def __init__(self, config: HttpConfig) -> None:
        self._rate = _item(config.rate)
        self._refused = _item(config.refused_rate)
        # Windows of one length end in the order in which they began, which `Counters` relies on.
        self._by_key = Counters()
        self._refusals = Counters()
        self._by_address = FixedWindowRateLimiter(self._refusals)

    async def take(self, api_key: str) -> dict[str, str]:
        """Count a request with this key.

        Returns: the headers that say what is left.

        Raises:
            RateLimited: nothing is.
        """
        if self._rate is None:
            return {}
        # The counters must not hold the keys themselves.
        name = blake2b(api_key.encode(), digest_size=16).hexdigest()
        key = self._rate.key_for(name)
        amount, window = self._rate.amount, self._rate.get_expiry()
        # As the library's strategy counts, which would work out the same key four times for what is said here.
        counted = await self._by_key.incr(key, window)
        left = max(0, amount - counted)
        wait = max(1, math.ceil(await self._by_key.get_expiry(key) - time.time()))
        headers = {"RateLimit-Policy": f'"key";q={amount};w={window}', "RateLimit": f'"key";r={left};t={wait}'}
        if counted > amount:
            raise RateLimited(
                f"This API key has asked {amount} times in {window} seconds, which is all it may.",
                hint=f"Wait {wait} seconds. Ask for more in one request.",
                retry_after=wait,
                headers=headers,
            )
        return headers

    async def check_address(self, host: str) -> None:
        """Refuse an address from which too many wrong keys came.

        Raises:
            RateLimited: they did.
        """
        if (
            self._refused is None
            or not len(self._refusals)
            or await self._by_address.test(self._refused, _network(host))
        ):
            return
        ends, _ = await self._by_address.get_window_stats(self._refused, _network(host))
        wait = max(1, math.ceil(ends - time.time()))
        raise RateLimited(
            "Too many requests without a valid API key came from your address.",
            hint=f"Wait {wait} seconds and send a valid key.",
            retry_after=wait,
        )

    async def count_refused(self, host: str) -> None:
        """Count a wrong key from this address."""
        if self._refused is not None:
            await self._by_address.hit(self._refused, _network(host))


def _item(text: str | None) -> RateLimitItem | None:
    return parse(text) if text else None


def _network(host: str) -> str:
    """Whoever has one address of IPv6 has all of its /64."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return host
