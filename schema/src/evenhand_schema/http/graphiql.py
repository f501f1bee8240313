"""`/graphiql`: a page to try queries on, in development alone; all of its files come from this server.

GraphiQL and React are fetched once from npm with `make graphiql` into the data directory.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from evenhand.db.config import data_directory
from evenhand.errors import EvenhandError

_STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}


@dataclass(frozen=True)
class Asset:
    """A file of an npm package, and the SHA-256 that it must have."""

    package: str
    path: str
    digest: str


ASSETS = {
    "graphiql.min.js": Asset(
        "graphiql@3.8.3",
        "package/graphiql.min.js",
        "22faab94067b695e5f7959619fbe686ebcc8955002a0c97d986bcbba4ad4bc2c",
    ),
    "graphiql.min.css": Asset(
        "graphiql@3.8.3",
        "package/graphiql.min.css",
        "b1868247f8e0502cd869e581f5f3cb55b334862e7f51b1d6cbace11059b9adc2",
    ),
    "react.production.min.js": Asset(
        "react@18.3.1",
        "package/umd/react.production.min.js",
        "d949f1c3687aedadcedac85261865f29b17cd273997e7f6b2bfc53b2f9d4c4dd",
    ),
    "react-dom.production.min.js": Asset(
        "react-dom@18.3.1",
        "package/umd/react-dom.production.min.js",
        "35f4f974f4b2bcd44da73963347f8952e341f83909e4498227d4e26b98f66f0d",
    ),
}
_OWN = frozenset(("page.js", "page.css"))


class CannotFetch(EvenhandError):
    """The files of GraphiQL could not be fetched, or are not what they should be."""

    code = "CANNOT_FETCH"


def folder() -> Path:
    """Where the fetched files are."""
    return data_directory() / "graphiql"


async def page(request: Request) -> Response:
    """The page, or how to get its files."""
    there = all((folder() / name).is_file() for name in ASSETS)
    text = (_STATIC / ("graphiql.html" if there else "missing.html")).read_text(encoding="utf-8")
    return HTMLResponse(text, 200 if there else 503, _HEADERS)


async def asset(request: Request) -> Response:
    """One of the page's files; no other file can be named."""
    name = request.path_params["name"]
    path = _STATIC / name if name in _OWN else folder() / name if name in ASSETS else None
    if path is None or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, headers=_HEADERS)


def graphiql_routes() -> list[Route]:
    """The page and its files."""
    return [Route("/graphiql", page), Route("/graphiql/assets/{name}", asset)]


def fetch(target: Path) -> None:
    """Fetch the files with npm; files that are there already are checked and kept.

    Raises:
        CannotFetch: npm is missing or fails, or a file is not the one that is expected.
    """
    target.mkdir(parents=True, exist_ok=True)
    missing = {name: asset for name, asset in ASSETS.items() if not _right(target / name, asset)}
    for package in sorted({asset.package for asset in missing.values()}):
        wanted = {name: asset for name, asset in missing.items() if asset.package == package}
        with tempfile.TemporaryDirectory() as folder, tarfile.open(_packed(package, Path(folder))) as archive:
            for name, asset in wanted.items():
                _take(archive, asset, target / name)


def _right(path: Path, asset: Asset) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == asset.digest


def _packed(package: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotFetch("npm is not on this machine.", hint="Install Node.js 18 or newer, which brings npm.")
    command = [npm, "pack", "--silent", package]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    archives = list(folder.glob("*.tgz"))
    if done.returncode or not archives:
        said = done.stderr.strip()[-300:] or "no reason given"
        raise CannotFetch(f"npm could not fetch {package}: {said}.", hint="Check npm's registry and the network.")
    return archives[0]


def _take(archive: tarfile.TarFile, asset: Asset, path: Path) -> None:
    try:
        member = archive.extractfile(asset.path)
    except KeyError:
        member = None
    data = member.read() if member else b""
    if hashlib.sha256(data).hexdigest() != asset.digest:
        raise CannotFetch(
            f"{asset.path} of {asset.package} is not the file that was expected.",
            hint="Don't use what came; check which registry npm asks.",
        )
    path.write_bytes(data)


def main() -> int:
    """Fetch into the data directory."""
    try:
        fetch(folder())
    except EvenhandError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"GraphiQL is in {folder()}. Start 'EVENHAND_DEVELOPMENT=1 evenhand serve' and open /graphiql.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
