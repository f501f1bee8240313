"""What a query costs: counted before it is executed, in time that is linear in its text."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from graphql import GraphQLSyntaxError, build_schema, get_introspection_query
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand_schema.documents import Document, Documents
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.limits import Limits, QueryTooExpensive
from evenhand_schema.schema import build_schema as build_evenhand

SCHEMA = build_schema("""
    type Query { item: Item, items(first: Int = 50, last: Int): Page!, plain(first: Int! = 3): [Item!]!, all: [Item!]!,
        days(first: String!, last: String!): Item! }
    interface Named { name: String }
    type Item implements Named { id: ID!, name: String, parent: Item, items(first: Int = 50): Page!, tags: [Item!]! }
    type Page { nodes: [Item!]!, edges: [Edge!]!, info: Info! }
    type Edge { node: Item! }
    type Info { more: Boolean }
""")


def _document(text: str) -> Document:
    document = Documents(SCHEMA, Limits(cost=1_000)).get(text)
    assert document.errors == ()
    return document


def _cost(text: str, **variables: object) -> int:
    document = _document(text)
    return document.cost(document.operation(), variables)


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ __typename }", 0),
        ("{ item { id name } }", 1),
        ("{ item { parent { parent { id } } } }", 3),
        ("{ items { nodes { id } } }", 1 + 50),
        ("{ items(first: 7) { nodes { id } } }", 1 + 7),
        ("{ items(last: 7, first: 9) { nodes { id } } }", 1 + 9),
        ("{ items(first: null) { nodes { id } } }", 1 + 50),
        ("{ items(first: 2000000000) { nodes { id } } }", 1 + 200),
        ("{ items(first: -5) { nodes { id } } }", 1),
        ("{ items(first: 7) { info { more } nodes { parent { id } } } }", 1 + 1 + 7 * 2),
        ("{ items(first: 7) { edges { node { id } } } }", 1 + 7 * 2),
        ("{ items(first: 4) { nodes { items(first: 5) { nodes { id } } } } }", 1 + 4 * (1 + 1 + 5)),
        ("{ items(first: 4) { nodes { tags { id } } } }", 1 + 4 * (1 + 10)),
        ("{ plain { id } }", 3),
        ("{ plain(first: 8) { parent { id } } }", 8 * 2),
        ("{ all { id } }", 10),
        ('{ days(first: "2026-01-01", last: "2026-02-01") { tags { id } } }', 1 + 10),
        ("{ items(first: 3) { ...p } } fragment p on Page { nodes { ...n } } fragment n on Named { name }", 1 + 3),
        ("{ items(first: 3) { ... on Page { nodes { ... { id } } } } }", 1 + 3),
        ("{ a: items(first: 3) { nodes { id } } b: items(first: 3) { nodes { id } } }", 2 * (1 + 3)),
    ],
)
def test_objects_are_counted(query: str, cost: int) -> None:
    assert _cost(query) == cost


def test_variables_count_with_their_values() -> None:
    query = "query ($n: Int = 6, $m: Int) { items(first: $n) { nodes { items(first: $m) { nodes { id } } } } }"
    assert _cost(query) == 1 + 6 * (2 + 50)
    assert _cost(query, n=2) == 1 + 2 * (2 + 50)
    assert _cost(query, n=2, m=3) == 1 + 2 * (2 + 3)
    assert _cost(query, n="2", m=[3]) == 1 + 50 * (2 + 50)
    assert _cost(query, n=2.0, m=10**30) == 1 + 2 * (2 + 200)


def test_the_same_values_are_counted_once() -> None:
    document = _document("query ($n: Int, $x: Boolean!) { items(first: $n) { nodes { id @include(if: $x) } } }")
    counted: list[object] = []
    estimate = document.costs.estimate

    def counting(*arguments: object) -> object:
        counted.append(arguments)
        return estimate(*arguments)  # type: ignore[arg-type]

    document.costs.estimate = counting  # type: ignore[method-assign,assignment]
    operation = document.operation()
    assert [document.cost(operation, {"n": n, "x": x}) for n in (1, 2) for x in (True, False)] == [2, 2, 3, 3]
    assert len(counted) == 2
    for n in range(1_000):
        document.cost(operation, {"n": n})
    assert len(document._known_costs) <= 102


def test_each_operation_is_counted_by_itself() -> None:
    document = _document("query a { items(first: 2) { nodes { id } } } query b { item { id } }")
    assert [document.cost(document.operation(name), {}) for name in ("a", "b", "a")] == [3, 1, 3]


def test_what_is_too_much_is_refused_with_figures() -> None:
    document = _document("query ($n: Int) { items(first: $n) { nodes { items(first: $n) { nodes { id } } } } }")
    assert document.check_cost(document.operation(), {"n": 20}) == 1 + 20 * 22
    with pytest.raises(QueryTooExpensive, match=r"2,500 objects; 1,000 are allowed") as refused:
        document.check_cost(document.operation(), {"n": 49})
    assert refused.value.details == {"cost": 2_500, "allowed": 1_000}


def _chain(length: int, spread: str) -> str:
    fragments = "".join(f"fragment f{n} on Item {{ {spread.replace('@', f'f{n + 1}')} }} " for n in range(length))
    return f"{{ item {{ ...f0 }} }} {fragments} fragment f{length} on Item {{ id }}"


@pytest.mark.parametrize(
    "query",
    [
        _chain(400, "...@ ...@ ...@"),
        _chain(300, "... on Item { ...@ } ... on Item { ...@ }"),
        _chain(20, "parent { ...@ } x: parent { ...@ }"),
        _chain(300, "parent { ...@ }"),
        "{ item { ...f } } fragment f on Item { parent { ...f } tags { ...f } }",
        "{ item { ...f0 } } " + "".join(f"fragment f{n} on Item {{ ...f{(n + 1) % 500} }} " for n in range(500)),
        "{ item { "
        + " ".join(f"...f{n}" for n in range(400))
        + " } } "
        + "".join(f"fragment f{n} on Item {{ id name }} " for n in range(400)),
        "{ item { " + "... on Item { " * 300 + "id" + " }" * 300 + " } }",
        "{ item { " + "... on Item { id } " * 700 + "} }",
        "{ item { " + "id " * 4_900 + "} }",
        "{ item { " + " ".join(f"x{n}" for n in range(4_900)) + " } }",
        "{ item { " + "parent { id } " * 1_200 + "} }",
        " ".join(f"query q{n} {{ ...f0 }}" for n in range(300))
        + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(300)),
        "query (" + " ".join(f"$v{n}: Int" for n in range(1_200)) + ") { item { id } }",
        "{ " + "{" * 2_000,
    ],
)
def test_hostile_documents_take_little_time(query: str) -> None:
    """Every shape that multiplies: the whole of reading, measuring, counting and validating is bounded."""
    documents = Documents(SCHEMA)
    started = time.process_time()
    with suppress(InvalidRequest, GraphQLSyntaxError):
        document = documents.get(query)
        document.check_cost(next(iter(document.operations.values())), {})
    assert time.process_time() - started < 2


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.lists(st.lists(st.integers(0, 29), max_size=4), min_size=30, max_size=30))
def test_fragments_in_any_knot_are_measured(roots: int, spreads: list[list[int]]) -> None:
    fragments = " ".join(
        f"fragment f{n} on Item {{ id {' '.join(f'parent {{ ...f{target} }}' for target in targets)} }}"
        for n, targets in enumerate(spreads)
    )
    query = f"{{ item {{ {' '.join(f'...f{n}' for n in range(roots))} }} }} {fragments}"
    try:
        document = Documents(SCHEMA).get(query)
    except InvalidRequest:
        return
    cost = document.cost(document.operation(), {})
    assert cost == document.cost(document.operation(), {}) >= 1


GENEROUS = """query ($id: ID!, $n: Int = 50) { account(id: $id) {
    name owner { name team { name } } parent { name }
    contacts(first: 50) { nodes { name channels(first: 50) { nodes { kind value } } } }
    orders(first: 50) { nodes { number lines(first: 50) { nodes { product { name } } } } }
    opportunities(first: $n) { nodes { name stage { name } owner { name } } }
    activities(first: 50) { nodes { kind author { name } } } tickets(first: 50) { nodes { subject } }
    tasks(first: 50) { nodes { subject } } tags(first: 50) { nodes { tag { name } } }
    leads(first: 50) { nodes { name } } children(first: 50) { nodes { name owner { name } } }
    ownershipHistory(first: 50) { nodes { owner { name } pool { name } } } } }"""
NESTED = """{ accounts(first: 50) { edges { node { name owner { name team { name } } contacts(first: 20) { edges {
    node { name account { name } channels(first: 5) { edges { node { kind } } } } } } } } } }"""


@pytest.mark.parametrize(("query", "share"), [(GENEROUS, 0.2), (NESTED, 0.3), (get_introspection_query(), 0.34)])
def test_what_people_ask_is_far_from_the_limit(query: str, share: float) -> None:
    document = Documents(build_evenhand().graphql_schema).get(query)
    assert document.errors == ()
    assert 0 < document.check_cost(document.operation(), {}) <= Limits().cost * share


def test_much_introspection_is_refused() -> None:
    document = Documents(build_evenhand().graphql_schema).get(
        "{ "
        + " ".join(f"a{n}: __schema {{ types {{ fields {{ type {{ fields {{ name }} }} }} }} }}" for n in range(40))
        + " }"
    )
    with pytest.raises(QueryTooExpensive):
        document.check_cost(document.operation(), {})
