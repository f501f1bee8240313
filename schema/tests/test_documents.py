"""Documents: read once, kept within bounds, and clear about which operation is meant."""

from __future__ import annotations

import pytest
from graphql import GraphQLSyntaxError, build_schema
from hypothesis import given
from hypothesis import strategies as st

from evenhand_schema.documents import Documents
from evenhand_schema.errors import InvalidRequest
from evenhand_schema.limits import Limits

SCHEMA = build_schema("type Query { a: Int, b: Int, c: Query }")


def test_a_text_is_read_once() -> None:
    documents = Documents(SCHEMA)
    first = documents.get("{ a }")
    first.plans["x"] = 1
    assert documents.get("{ a }") is first
    assert documents.get("{ a }").plans == {"x": 1}
    assert documents.get("{  a }") is not first
    assert len(documents) == 2


def test_what_validation_finds_is_kept_with_the_document() -> None:
    documents = Documents(SCHEMA)
    (error,) = documents.get("{ nothing }").errors
    assert "nothing" in error.message
    assert documents.get("{ a }").errors == ()


def test_the_one_used_longest_ago_gives_way() -> None:
    documents = Documents(SCHEMA, Limits(documents=2))
    a, b = documents.get("{ a }"), documents.get("{ b }")
    assert documents.get("{ a }") is a
    documents.get("{ a b }")
    assert documents.get("{ a }") is a
    assert documents.get("{ b }") is not b


def test_texts_are_bounded_together_and_one_that_is_larger_is_not_kept() -> None:
    documents = Documents(SCHEMA, Limits(document_characters=20))
    documents.get("{ a }")
    documents.get("{ a " + " " * 20 + "}")
    assert len(documents) == 1
    documents.get("{ a         }")
    documents.get("{ b         }")
    assert len(documents) == 1


def test_what_is_refused_is_not_kept() -> None:
    documents = Documents(SCHEMA)
    with pytest.raises(GraphQLSyntaxError):
        documents.get("{ a ")
    with pytest.raises(InvalidRequest, match="levels deep"):
        documents.get("{ c " * 50 + "{ a }" + "}" * 50)
    assert len(documents) == 0


TEXTS = st.builds(lambda name, pad: "{ " + name + " " * pad + "}", st.sampled_from("abcxyz"), st.integers(1, 12))


@given(st.lists(TEXTS, max_size=40), st.integers(0, 5), st.integers(0, 60))
def test_bounds_hold_whatever_comes(texts: list[str], most: int, most_characters: int) -> None:
    documents = Documents(SCHEMA, Limits(documents=most, document_characters=most_characters))
    for text in texts:
        assert documents.get(text).text == text
        kept = documents._kept
        assert len(kept) <= most
        assert documents._characters == sum(map(len, kept)) <= most_characters


def test_operations_and_fragments_are_known_by_name() -> None:
    document = Documents(SCHEMA).get("query one { ...f } query two { ...f } fragment f on Query { a }")
    assert set(document.operations) == {"one", "two"}
    assert set(document.fragments) == {"f"}
    assert document.operation("two") is document.operations["two"]
    for name, message in [(None, 'It has: "one", "two"'), ("three", 'none named "three"')]:
        with pytest.raises(InvalidRequest, match="not clear which operation") as refused:
            document.operation(name)
        assert message in refused.value.message


def test_a_single_operation_needs_no_name_but_a_wrong_name_is_wrong() -> None:
    documents = Documents(SCHEMA)
    assert documents.get("query one { a }").operation().name is not None
    assert documents.get("{ a }").operation().name is None
    with pytest.raises(InvalidRequest, match='none named "one"'):
        documents.get("{ a }").operation("one")
    with pytest.raises(InvalidRequest, match="the document has none"):
        documents.get("fragment f on Query { a }").operation()
