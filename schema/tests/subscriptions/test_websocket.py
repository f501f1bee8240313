"""The subprotocol graphql-transport-ws: its messages, its close codes, and what hostile clients get."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from evenhand.actions.records import update_record
from evenhand.auth.keys import create_api_key, revoke_api_key
from evenhand.auth.models import ApiKey
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import transaction
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

from .conftest import Running, serving, until

LEADS = "subscription { leadsChanged { resync changes { id } } }"
INIT: dict[str, Any] = {"type": "connection_init"}


def _subscribe(query: Any = LEADS, operation_id: Any = "1", **more: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": operation_id, "payload": {"query": query, **more}}


async def test_queries_and_mutations_work_too(running: Running, key: str) -> None:
    async with running.socket(key) as socket:
        await socket.send(_subscribe("{ me { role } }"))
        assert await socket.data() == {"me": {"role": "ADMIN"}}
        assert await socket.receive() == {"type": "complete", "id": "1"}
        create = "mutation ($name: String!) { createLead(input: {name: $name}) { ... on Lead { name } } }"
        await socket.send(_subscribe(create, variables={"name": "Li"}))
        assert await socket.data() == {"createLead": {"name": "Li"}}
        assert await socket.receive() == {"type": "complete", "id": "1"}


async def test_the_key_may_come_in_the_header(running: Running, key: str) -> None:
    async with running.socket(additional_headers={"Authorization": f"Bearer {key}"}) as socket:
        await socket.send(INIT)
        assert await socket.receive() == {"type": "connection_ack"}


async def test_pings_are_answered_before_and_after(running: Running, key: str) -> None:
    async with running.socket() as socket:
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        await socket.send({"type": "pong", "payload": {}})
        await socket.init(key)
        await socket.send({"type": "ping", "payload": {"at": 1}})
        assert await socket.receive() == {"type": "pong", "payload": {"at": 1}}
        await socket.send({"type": "pong"})


async def test_complete_ends_an_operation_and_frees_its_id(running: Running, key: str, tenant: SomeTenant) -> None:
    async with running.socket(key) as socket:
        open_before = running.live.subscriptions
        for _ in range(3):
            await socket.send(_subscribe())
            await socket.data()
            assert running.live.subscriptions == open_before + 1
            await socket.send({"type": "complete", "id": "1"})
        await socket.send({"type": "complete", "id": "unknown"})
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        assert running.live.subscriptions == open_before


async def test_one_bad_operation_leaves_the_others_alone(running: Running, key: str, tenant: SomeTenant) -> None:
    async with running.socket(key) as socket:
        await socket.send(_subscribe(operation_id="good"))
        await socket.data("good")
        bad: list[tuple[dict[str, Any], str]] = [
            (_subscribe("{"), "INVALID_REQUEST"),
            (_subscribe("{ nothing }"), "INVALID_REQUEST"),
            (_subscribe(""), "INVALID_REQUEST"),
            (_subscribe(5), "INVALID_REQUEST"),
            (_subscribe("{ me { id } }", variables=[1]), "INVALID_REQUEST"),
            (_subscribe("{ me { id } }", operationName=1), "INVALID_REQUEST"),
            (_subscribe("{ me { id } }", operationName="x"), "INVALID_REQUEST"),
            (_subscribe("query ($a: ID!) { account(id: $a) { id } }"), "INVALID_REQUEST"),
            (_subscribe("{" + "a{" * 500 + "}" * 501), ""),
        ]
        for message, code in bad:
            await socket.send(message)
            answer = await socket.receive()
            assert (answer["type"], answer["id"]) == ("error", "1"), message
            assert code in answer["payload"][0]["extensions"]["code"]
        lead = await tenant.create("Lead", name="Still told")
        assert (await socket.data("good"))["leadsChanged"]["changes"] == [{"id": str(lead)}]


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([b"\x00\x01"], 4400),
        (["no json"], 4400),
        ([""], 4400),
        (["null"], 4400),
        (["5"], 4400),
        (['"text"'], 4400),
        (["[]"], 4400),
        (["[" * 5000], 4400),
        (['{"a":' * 2000 + "1" + "}" * 2000], 4400),
        (["{}"], 4400),
        ([{"type": 5}], 4400),
        ([{"type": "unknown"}], 4400),
        ([{"type": "next"}], 4400),
        ([{**INIT, "payload": "x"}], 4400),
        ([{**INIT, "payload": [1]}], 4400),
        ([{"type": "ping", "payload": 1}], 4400),
        ([INIT], 4403),
        ([{**INIT, "payload": {}}], 4403),
        ([{**INIT, "payload": {"authorization": 5}}], 4403),
        ([{**INIT, "payload": {"authorization": "Basic x"}}], 4403),
        ([{**INIT, "payload": {"authorization": "Bearer evh_none_" + "x" * 43}}], 4403),
        ([{**INIT, "payload": {"authorization": "Bearer \x00"}}], 4403),
        ([_subscribe()], 4401),
        ([{"type": "complete", "id": "1"}], 4400),
        ([], 4408),
    ],
)
async def test_it_closes_with_the_codes_of_the_protocol_before(
    running: Running, messages: list[Any], code: int
) -> None:
    async with running.socket() as socket:
        for message in messages:
            await socket.send(message)
        assert await socket.close_code() == code


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([b"\x00"], 4400),
        (["{"], 4400),
        ([{"type": "unknown"}], 4400),
        ([{"type": "subscribe"}], 4400),
        ([{"type": "subscribe", "id": "1"}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": "x"}], 4400),
        ([_subscribe(operation_id="")], 4400),
        ([_subscribe(operation_id=5)], 4400),
        ([_subscribe(operation_id=None)], 4400),
        ([_subscribe(operation_id="x" * 300)], 4400),
        ([{"type": "complete"}], 4400),
        ([{"type": "pong", "payload": []}], 4400),
        ([INIT], 4429),
        ([_subscribe(), _subscribe()], 4409),
        (["x" * (1024 * 1024 + 1)], 1009),
    ],
)
async def test_it_closes_with_the_codes_of_the_protocol_after(
    running: Running, key: str, messages: list[Any], code: int
) -> None:
    async with running.socket(key) as socket:
        for message in messages:
            await socket.send(message)
        assert await socket.close_code() == code


async def test_other_subprotocols_are_refused(running: Running) -> None:
    async with running.socket(protocol=None) as socket:
        assert await socket.close_code() == 4406


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_types = st.sampled_from(["connection_init", "subscribe", "complete", "ping", "pong", "next", "error", "x"])
_messages = st.fixed_dictionaries(
    {"type": _types},
    optional={
        "id": _json | st.just("1"),
        "payload": _json
        | st.fixed_dictionaries({"query": _json | st.just("{ me { id } }")}, optional={"variables": _json}),
    },
).map(json.dumps)
_frames = _messages | _json.map(json.dumps) | st.text(max_size=40) | st.binary(max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(_frames, min_size=1, max_size=8), initialised=st.booleans())
async def test_whatever_comes_in_it_answers_or_closes_in_order(
    running: Running, key: str, frames: list[str | bytes], initialised: bool
) -> None:
    async with running.socket(key if initialised else None) as socket:
        try:
            for frame in frames:
                await socket.send(frame)
            await socket.send({"type": "ping", "payload": {"last": True}})
            while await socket.receive() != {"type": "pong", "payload": {"last": True}}:
                pass
        except ConnectionClosed:
            pass
    # Our own end closes with 1000.
    assert socket.connection.close_code in {1000, 4400, 4401, 4403, 4409, 4429}
    assert not running.live.waiting


async def test_clients_that_vanish_leave_nothing_behind(running: Running, key: str) -> None:
    for _ in range(5):
        async with running.socket(key) as socket:
            await socket.send(_subscribe())
            await socket.data()
            socket.connection.transport.abort()
    await until(lambda: not running.live.subscriptions and not len(running.live))
    assert len(running.live.feed) == 0


async def test_operations_and_connections_are_limited(database: DatabaseConfig, api: Api, tenant: SomeTenant) -> None:
    key, other = await api.key(tenant), await api.key(tenant, Role.REP)
    async with serving(database, operations=2, connections=2) as running, running.socket(key) as first:
        for number in range(2):
            await first.send(_subscribe(operation_id=str(number)))
            await first.data(str(number))
        await first.send(_subscribe(operation_id="one too many"))
        message = await first.receive()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "TOO_MANY_OPERATIONS")
        async with running.socket(key), running.socket() as third:
            await third.send({**INIT, "payload": {"authorization": f"Bearer {key}"}})
            assert await third.close_code() == 1013
            async with running.socket(other):
                pass
        await first.send({"type": "complete", "id": "0"})
        await first.send(_subscribe(operation_id="free again"))
        await first.data("free again")


async def test_a_revoked_key_ends_its_subscriptions_at_once(running: Running, tenant: SomeTenant, key: str) -> None:
    with acting_as(tenant.system):
        doomed = await create_api_key(tenant.users[Role.REP], "doomed")
    async with running.socket(doomed) as socket, running.socket(key) as other:
        await socket.send(_subscribe())
        await socket.data()
        with acting_as(tenant.system):
            await revoke_api_key(doomed[:60])
        async with asyncio.timeout(3):
            message = await socket.receive()
            assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
            assert await socket.close_code() == 4403
        await other.send({"type": "ping"})
        assert await other.receive() == {"type": "pong"}


async def test_a_deactivated_user_is_out_at_once(running: Running, api: Api, tenant: SomeTenant) -> None:
    async with running.socket(await api.key(tenant, Role.REP)) as socket:
        await socket.send(_subscribe())
        await socket.data()
        with acting_as(tenant.system):
            await update_record("User", tenant.users[Role.REP], {"is_active": False})
        async with asyncio.timeout(3):
            assert await socket.close_code() == 4403


async def test_a_key_that_expires_is_found_in_time(database: DatabaseConfig, tenant: SomeTenant) -> None:
    """Nobody writes when a key expires."""
    async with serving(database, recheck_seconds=0.2) as running:
        with acting_as(tenant.system):
            key = await create_api_key(tenant.users[Role.REP], "short")
        async with running.socket(key) as socket:
            await socket.send(_subscribe())
            await socket.data()
            with acting_as(tenant.system):
                async with transaction():
                    await ApiKey.filter(name="short").update(expires_at=datetime.now(UTC))
            async with asyncio.timeout(3):
                assert await socket.close_code() == 4403


async def test_a_lesser_role_counts_at_once(running: Running, api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant, Role.MANAGER)
    create = 'mutation { createTag(input: {name: "x"}) { __typename ... on Failure { code } } }'
    async with running.socket(key) as socket:
        with acting_as(tenant.system):
            await update_record("User", tenant.users[Role.MANAGER], {"role": "read_only"})
        async with asyncio.timeout(5):
            while True:
                await socket.send(_subscribe(create))
                (result,) = (await socket.data()).values()
                await socket.receive()
                if result["__typename"] == "PermissionDenied":
                    break


async def test_a_key_without_the_right_to_read_hears_nothing(running: Running, api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant, Role.ADMIN, Scope.WRITE)
    async with running.socket(key) as socket:
        await socket.send(_subscribe())
        message = await socket.receive()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "PERMISSION_DENIED")


async def test_a_server_that_stops_says_so(database: DatabaseConfig, api: Api, tenant: SomeTenant) -> None:
    key = await api.key(tenant)
    async with serving(database) as running, running.socket(key) as socket:
        await socket.send(_subscribe())
        await socket.data()
        running.server.should_exit = True
        assert await socket.receive() == {"type": "complete", "id": "1"}
        async with asyncio.timeout(5):
            assert await socket.close_code() == 1001
