"""GraphiQL: in development alone, from files of our own, which are what they should be."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from evenhand_schema.http import graphiql
from evenhand_schema.http.app import create_app
from evenhand_schema.http.config import HttpConfig
from evenhand_schema.http.graphiql import ASSETS, Asset, CannotFetch, fetch


@asynccontextmanager
async def _client(development: bool) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(None, http=HttpConfig(development=development))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
        yield http


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("evenhand_schema.http.graphiql.folder", lambda: tmp_path)
    for name in ASSETS:
        (tmp_path / name).write_text(f"/* {name} */")
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path


async def test_the_page_is_for_development_alone(fetched: Path) -> None:
    async with _client(development=False) as http:
        for path in ("/graphiql", "/graphiql/assets/page.js"):
            assert (await http.get(path)).status_code == 404


async def test_the_page_loads_nothing_from_elsewhere(fetched: Path) -> None:
    async with _client(development=True) as http:
        page = await http.get("/graphiql")
        assert page.status_code == 200
        assert 'id="key"' in page.text
        addresses = re.findall(r'(?:src|href)="([^"]*)"', page.text)
        assert len(addresses) == 6
        for address in addresses:
            assert address.startswith("/graphiql/assets/")
            answer = await http.get(address)
            assert answer.status_code == 200
            assert answer.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")
            assert answer.headers["x-content-type-options"] == "nosniff"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "http" not in policy
        assert "<script>" not in page.text


@pytest.mark.parametrize("name", ["secret.txt", "..%2fsecret.txt", "%2e%2e/graphql", "graphiql.html", ""])
async def test_no_other_file_can_be_had(fetched: Path, name: str) -> None:
    async with _client(development=True) as http:
        answer = await http.get(f"/graphiql/assets/{name}")
    assert answer.status_code in (401, 404)
    assert "secret" not in answer.text.replace("secret.txt", "")


async def test_the_page_says_when_its_files_are_missing(fetched: Path) -> None:
    (fetched / "graphiql.min.js").unlink()
    async with _client(development=True) as http:
        page = await http.get("/graphiql")
    assert page.status_code == 503
    assert "make graphiql" in page.text


def _package(folder: Path, content: bytes) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/a.js")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def test_only_the_expected_files_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good = Asset("a@1", "package/a.js", hashlib.sha256(b"good").hexdigest())
    monkeypatch.setattr(graphiql, "ASSETS", {"a.js": good})
    packed: list[str] = []

    def pack(content: bytes) -> None:
        def packing(package: str, folder: Path) -> Path:
            packed.append(package)
            return _package(folder, content)

        monkeypatch.setattr(graphiql, "_packed", packing)

    pack(b"evil")
    with pytest.raises(CannotFetch, match="not the file that was expected"):
        fetch(tmp_path)
    assert not (tmp_path / "a.js").exists()
    pack(b"good")
    for _ in range(2):
        fetch(tmp_path)
    assert (tmp_path / "a.js").read_bytes() == b"good"
    assert packed == ["a@1", "a@1"]


def test_without_npm_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CannotFetch, match="npm is not on this machine"):
        fetch(tmp_path)
