"""The tutorial for authors of plugins, followed to the letter."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import ROOT, Installation
from .environment import Client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TUTORIAL = ROOT / "docs" / "plugins" / "tutorial.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EDIT = re.compile(r"File `([^`]+)`, in place of `([^`]+)`:")
SECONDS = 60


@dataclass(frozen=True)
class Block:
    """A fenced block with the words since the one before it."""

    language: str
    text: str
    words: str


def blocks() -> Iterator[Block]:
    """The tutorial's blocks in order."""
    page, end = TUTORIAL.read_text(encoding="utf-8"), 0
    for match in FENCE.finditer(page):
        yield Block(match[1], match[2], page[end : match.start()])
        end = match.end()


def replace_in(folder: Path, block: Block) -> None:
    """Put a Python block where the words before it say."""
    edit = EDIT.search(block.words)
    assert edit is not None, f"the tutorial does not say where this goes:\n{block.text}"
    path = folder / edit[1]
    before = path.read_text(encoding="utf-8")
    assert before.count(edit[2]) == 1, f"{path} has not exactly one {edit[2]}"
    path.write_text(before.replace(edit[2], block.text.rstrip("\n")), encoding="utf-8")


def expect(client: Client, query: str, answer: str) -> None:
    """Ask until the answer is the tutorial's; a mutation is sent once."""
    wanted = json.loads(answer)
    found = client.body(query)
    until = time.monotonic() + SECONDS
    while found != wanted and not query.startswith("mutation") and time.monotonic() < until:
        time.sleep(0.1)
        found = client.body(query)
    assert found == wanted


def test_it_can_be_followed_to_the_letter(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    said, tried, query, person = "", 0, "", ""
    with ExitStack() as stack:
        address = ""
        for block in blocks():
            person = next((name for name in ("Olga", "Ada") if f"s {name}" in block.words), person)
            if block.language == "shell" and "evenhand serve" in block.text:
                address = stack.enter_context(installation.environment.serving())
            elif block.language == "shell":
                said += installation.environment.shell(block.text, folder)
            elif block.language == "python":
                replace_in(folder, block)
            elif block.language == "graphql":
                query = block.text
            else:
                key = (folder / {"Ada": "acme.key", "Olga": "other.key"}[person]).read_text().split()[-1]
                expect(Client(address, key), query, block.text)
                tried += 1
    assert tried == 4
    assert "evenhand-word-marks 0.1.0" in said
    assert " passed" in said
    assert "word_marks" not in said.split(" passed")[1].split("is disabled for acme.")[1]


def test_it_shows_what_the_template_writes() -> None:
    template = ROOT / "core/src/evenhand/template/plugin/src/evenhand_{{ slug }}"
    page = TUTORIAL.read_text(encoding="utf-8")
    for path in template.rglob("*"):
        name = path.name.removesuffix(".jinja")
        if path.is_file() and path.parent == template and name not in ("__init__.py", "py.typed"):
            assert f"evenhand_word_marks/{name}" in page, f"the tutorial does not tell of {name}"
