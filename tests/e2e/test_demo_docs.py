"""The commands of the page "First query" do what it says, on the demo's data."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGE = Path(__file__).parents[2] / "docs" / "api" / "first-query.md"


def blocks(text: str) -> list[str]:
    """The commands of the page after the one that sets address and key."""
    return re.findall(r"```bash\n(.*?)```", text, re.DOTALL)[1:]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a shell in which the demo is served. Yields: URL and KEY as the page sets them."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    data = tmp_path_factory.mktemp("docs")
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    process = subprocess.Popen(
        [Path(sys.executable).with_name("evenhand"), "demo", "--port", "0"],
        env={**kept, "EVENHAND_DATA": str(data), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if line.startswith("Serving"):
            break
    address = re.search(r"http://\S+/graphql", shown)
    assert address, shown
    yield {**kept, "URL": address.group(), "KEY": (data / "demo" / "brightwell.key").read_text().strip()}
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def run(block: str, shell: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(["bash", "-c", block], env=shell, capture_output=True, text=True, check=True, timeout=60)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_command_of_the_page_works(shell: dict[str, str]) -> None:
    good, _, wrong = PAGE.read_text().partition("## When something is wrong")
    answers = [run(block, shell) for block in blocks(good)]
    assert len(answers) == 6
    assert not [answer for answer in answers if "errors" in answer]
    accounts, found, customer, why, created, assigned = (answer["data"] for answer in answers)
    assert len(accounts["accounts"]["nodes"]) == 2
    assert found["leads"]["nodes"]
    assert customer["account"]["ownershipHistory"]["nodes"]
    assert why["leads"]["nodes"][0]["assignment"]["decision"]["candidates"]
    assert created["createLead"]["__typename"] == "Lead"
    assert [item["owner"] is not None for item in assigned["assignLeads"]["assignments"]] == [True]
    no_key, refused = (run(block, shell) for block in re.findall(r"```bash\n(.*?)```", wrong, re.DOTALL))
    assert no_key["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert refused["data"]["createLead"]["problems"][0]["field"] == "email"
