"""How often one may ask: per key, and per address for those without a valid one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.http.rates import Counters, RateLimited, Rates
from evenhand_schema.testing import Api

ASKED = {"query": "{ me { role } }"}


@asynccontextmanager
async def _clients(config: HttpConfig, *hosts: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """One application, and a client of it at each of these addresses."""
    app = create_app(None, http=config)
    clients = [
        httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(host, 1)), base_url="http://evenhand.test")
        for host in hosts
    ]
    try:
        yield clients
    finally:
        for client in clients:
            await client.aclose()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_key_may_ask_so_often_and_no_more(api: Api, tenant: SomeTenant) -> None:
    admin, rep = await api.key(tenant), await api.key(tenant, Role.REP)
    async with _clients(HttpConfig(rate="3/minute"), "203.0.113.1") as (http,):
        answers = [await http.post("/graphql", json=ASKED, headers=_bearer(admin)) for _ in range(5)]
        other = await http.post("/graphql", json=ASKED, headers=_bearer(rep))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit"].split(";t=")[0] for answer in answers] == [
        '"key";r=2', '"key";r=1', '"key";r=0', '"key";r=0', '"key";r=0'
    ]  # fmt: skip
    assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=60'
    (error,) = answers[3].json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert f"Wait {answers[3].headers['retry-after']} seconds" in error["extensions"]["hint"]
    assert other.status_code == 200


async def test_parallel_requests_share_the_limit(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    async with _clients(HttpConfig(rate="5/minute"), "203.0.113.1") as (http,):
        posts = [http.post("/graphql", json=ASKED, headers=_bearer(key)) for _ in range(20)]
        statuses = [answer.status_code for answer in await asyncio.gather(*posts)]
    assert sorted(statuses) == [200] * 5 + [429] * 15


async def test_an_address_may_fail_so_often_and_no_more(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    async with _clients(HttpConfig(refused_rate="3/minute"), "203.0.113.1", "203.0.113.2") as (one, other):
        for number in range(3):
            wrong = _bearer(f"evh_{tenant.slug}_{'A' * 42}{number}")
            assert (await one.post("/graphql", json=ASKED, headers=wrong)).status_code == 401
        limited = await one.post("/graphql", json=ASKED, headers=_bearer(key))
        assert (limited.status_code, limited.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
        assert (await one.post("/graphql", json=ASKED)).status_code == 429
        assert (await other.post("/graphql", json=ASKED, headers=_bearer(key))).status_code == 200


async def test_whoever_has_a_valid_key_is_not_counted_as_refused(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    async with _clients(HttpConfig(refused_rate="1/minute"), "203.0.113.1") as (http,):
        for _ in range(5):
            assert (await http.post("/graphql", json=ASKED, headers=_bearer(key))).status_code == 200
            assert (await http.post("/graphql", content=b"{", headers=_bearer(key))).status_code == 415


async def test_limits_can_be_off(api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    async with _clients(HttpConfig(rate=None, refused_rate=None), "203.0.113.1") as (http,):
        answer = await http.post("/graphql", json=ASKED, headers=_bearer(key))
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers
        for _ in range(200):
            assert (await http.post("/graphql", json=ASKED)).status_code == 401


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("not:an:address", "not:an:address", True),
    ],
)
async def test_neighbours_in_a_network_of_ipv6_are_one(one: str, other: str, same: bool) -> None:
    rates = Rates(HttpConfig(refused_rate="1/minute"))
    await rates.count_refused(one)
    if same:
        with pytest.raises(RateLimited):
            await rates.check_address(other)
    else:
        await rates.check_address(other)


async def test_a_window_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = Rates(HttpConfig(rate="1/second"))
    await rates.take("key")
    with pytest.raises(RateLimited):
        await rates.take("key")
    later = time.time() + 1.01
    monkeypatch.setattr("evenhand_schema.http.rates.time.time", lambda: later)
    await rates.take("key")


@given(st.lists(st.integers(0, 30), max_size=100), st.integers(1, 10))
async def test_there_are_never_more_counters_than_allowed(keys: list[int], most: int) -> None:
    counters = Counters(most)
    for key in keys:
        assert await counters.incr(str(key), 60) == await counters.get(str(key)) >= 1
        assert len(counters) <= most


async def test_keys_are_not_kept_as_they_are() -> None:
    rates = Rates(HttpConfig())
    await rates.take("evh_acme_secret")
    assert "secret" not in str(rates._by_key.__dict__)


async def test_counting_takes_microseconds_however_many_are_counted() -> None:
    rates = Rates(HttpConfig(rate="1000000/minute"))
    for number in range(20_000):
        await rates.take(f"key {number}")
    started = time.process_time()
    for number in range(2_000):
        await rates.check_address("192.0.2.1")
        await rates.take(f"key {number % 7}")
        await asyncio.sleep(0)
    assert (time.process_time() - started) / 2_000 < 0.0002
