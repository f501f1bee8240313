"""The mutations that the documentation shows are those of the schema."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from graphql import build_schema, parse, validate

from evenhand_schema.sdl import current_sdl

PAGE = Path(__file__).parents[2] / "docs" / "api" / "mutations.md"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_examples_are_valid() -> None:
    schema = build_schema(current_sdl())
    examples = _blocks("graphql")
    assert len(examples) == 6
    for example in examples:
        assert validate(schema, parse(example)) == []


@pytest.mark.parametrize("example", _blocks("json"))
def test_variables_and_answers_are_json(example: str) -> None:
    assert isinstance(orjson.loads(example), dict)
