"""The JavaScript clients urql and graphql-ws against the running server; `make test-clients` fetches them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Served

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "node"


@pytest.fixture
def installed() -> Path:
    """The folder with the packages, and the script beside them."""
    folder = os.environ.get("EVENHAND_NODE_CLIENTS")
    if shutil.which("node") is None:
        pytest.skip("node is not installed; it runs urql and graphql-ws against the server")
    if folder is None or not (Path(folder) / "node_modules").is_dir():
        pytest.skip("urql and graphql-ws are not there; run: make test-clients")
    shutil.copy(HERE / "client.mjs", folder)
    return Path(folder)


async def test_urql_and_graphql_ws(served: Served, installed: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        "node",
        "client.mjs",
        served.address,
        served.key,
        cwd=installed,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert output.decode().strip() == "ok"
