"""How the tour writes answers and commands."""

from __future__ import annotations

import json
import shlex
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from evenhand_schema.demo.queries import curl, customer_query, why_query
from evenhand_schema.demo.show import compact, shortened

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.integers(20, 120))
def test_compact_json_is_the_same_json(value: Any, width: int) -> None:
    assert json.loads(compact(value, width)) == value


def test_short_neighbours_share_a_line() -> None:
    value = {"name": "华星", "tier": "A", "owner": {"name": "Li Wei", "team": {"name": "North"}}}
    assert compact(value, 60).splitlines() == [
        "{",
        '  "name": "华星", "tier": "A",',
        '  "owner": {"name": "Li Wei", "team": {"name": "North"}}',
        "}",
    ]
    assert all(len(line) <= 30 for line in compact(list(range(100)), 30).splitlines())


def test_long_lists_and_texts_are_cut_with_a_note() -> None:
    assert shortened({"nodes": [1, 2, 3, 4, 5]}) == {"nodes": [1, 2, "… 3 more"]}
    assert shortened([1, 2]) == [1, 2]
    assert shortened("x" * 80) == "x" * 80
    assert shortened("x" * 81) == "x" * 79 + "…"


def test_the_command_quotes_key_and_query() -> None:
    for query in (customer_query(UUID(int=1)), why_query(UUID(int=2))):
        words = shlex.split(curl("http://127.0.0.1:8000/graphql", "evh_a_b", query).replace("\\\n", " "))
        assert "Authorization: Bearer evh_a_b" in words
        (sent,) = [word for word in words if word.startswith("query=")]
        assert sent.removeprefix("query=").split() == query.split()
