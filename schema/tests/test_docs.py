"""What the documentation shows is what the API takes and answers."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from graphql import build_schema, parse, validate

from evenhand.testing import SomeTenant
from evenhand_schema.sdl import current_sdl
from evenhand_schema.testing import Api

DOCS = Path(__file__).parents[2] / "docs" / "api"
PAGE = DOCS / "mutations.md"
ASKED = re.compile(r"^\$ ask -d '(?P<body>.*)'\n(?P<answer>.*) (?P<status>\d{3})$", re.MULTILINE)


def _blocks(language: str, page: Path = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_examples_are_valid() -> None:
    schema = build_schema(current_sdl())
    examples = _blocks("graphql")
    assert len(examples) == 6
    for example in examples:
        assert validate(schema, parse(example)) == []


@pytest.mark.parametrize("example", _blocks("graphql", DOCS / "approvals.md"))
def test_examples_of_approvals_are_valid(example: str) -> None:
    assert validate(build_schema(current_sdl()), parse(example)) == []


@pytest.mark.parametrize("example", _blocks("graphql", DOCS / "notifications.md"))
def test_examples_of_notifications_are_valid(example: str) -> None:
    assert validate(build_schema(current_sdl()), parse(example)) == []


@pytest.mark.parametrize("example", _blocks("json"))
def test_variables_and_answers_are_json(example: str) -> None:
    assert isinstance(orjson.loads(example), dict)


BAD_REQUESTS = ASKED.findall((DOCS / "http.md").read_text(encoding="utf-8"))


def test_bad_requests_are_shown() -> None:
    assert len(BAD_REQUESTS) >= 15


@pytest.mark.parametrize(("body", "shown", "status"), BAD_REQUESTS, ids=[body[:40] for body, _, _ in BAD_REQUESTS])
async def test_bad_requests_are_answered_as_shown(
    api: Api, tenant: SomeTenant, body: str, shown: str, status: str
) -> None:
    headers = {"Authorization": f"Bearer {await api.key(tenant)}", "Content-Type": "application/json"}
    answer = await api.http.post("/graphql", content=body.encode(), headers=headers)
    assert (answer.status_code, answer.json()) == (int(status), orjson.loads(shown))
