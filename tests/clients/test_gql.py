"""The Python client gql against the running server: queries, variables, mutations, pages, subscriptions, errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from graphql import GraphQLSchema

from .conftest import Served

pytestmark = pytest.mark.slow

CREATE = """mutation ($name: String!) {
  createLead(input: {name: $name}) { __typename ... on Lead { id name } ... on Failure { code } }
}"""
LEADS = """query ($after: String) {
  leads(first: 2, after: $after, orderBy: [{field: NAME}]) { nodes { name } pageInfo { hasNextPage endCursor } }
}"""
CHANGES = GraphQLRequest("subscription { leadsChanged { resync changes { operation record { name } } } }")


def _create(name: str) -> GraphQLRequest:
    return GraphQLRequest(CREATE, variable_values={"name": name})


def _over_http(served: Served) -> Client:
    headers = {"Authorization": f"Bearer {served.key}"}
    return Client(transport=HTTPXAsyncTransport(url=f"http://{served.address}/graphql", headers=headers, timeout=30))


def _over_websocket(served: Served, key: str | None = None) -> Client:
    payload = {"authorization": f"Bearer {key or served.key}"}
    return Client(transport=WebsocketsTransport(url=f"ws://{served.address}/graphql", init_payload=payload))


@pytest.mark.parametrize("make", [_over_http, _over_websocket])
async def test_reading_writing_and_paging(served: Served, make: Any) -> None:
    async with make(served) as session:
        for name in ("A", "B", "C"):
            created = await session.execute(_create(name))
            assert created["createLead"]["name"] == name
        names: list[str] = []
        after = None
        while True:
            page = (await session.execute(GraphQLRequest(LEADS, variable_values={"after": after})))["leads"]
            names += [node["name"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert names == ["A", "B", "C"]
        refused = await session.execute(_create("x" * 301))
        assert refused["createLead"] == {"__typename": "InvalidInput", "code": "INVALID_INPUT"}
        with pytest.raises(TransportQueryError) as wrong:
            await session.execute(GraphQLRequest("{ nothing }"))
        assert wrong.value.errors
        assert wrong.value.errors[0]["extensions"]["code"] == "INVALID_REQUEST"


async def test_subscribing(served: Served) -> None:
    async with asyncio.timeout(30), _over_websocket(served) as session:
        changes = session.subscribe(CHANGES)
        assert (await anext(changes))["leadsChanged"]["resync"]
        await session.execute(_create("Li"))
        told = (await anext(changes))["leadsChanged"]["changes"]
        assert told == [{"operation": "CREATED", "record": {"name": "Li"}}]
        await changes.aclose()


async def test_the_client_reads_the_schema(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.key}"}
    transport = HTTPXAsyncTransport(url=f"http://{served.address}/graphql", headers=headers, timeout=30)
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        schema: GraphQLSchema | None = session.client.schema
        assert schema is not None
        assert schema.subscription_type is not None
        assert "leadsChanged" in schema.subscription_type.fields
