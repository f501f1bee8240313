"""Stored files: kept once per tenant by the hash of their content, in the data directory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from uuid import UUID

from evenhand.db.config import data_directory
from evenhand.errors import EvenhandError

MOST_BYTES = 25 * 1024 * 1024


class FileTooLarge(EvenhandError):
    """A file is larger than what is stored."""

    code = "FILE_TOO_LARGE"


class FileMissing(EvenhandError):
    """The content of an attachment is not in the data directory."""

    code = "FILE_MISSING"


def _place(tenant_id: UUID, sha256: str) -> Path:
    return data_directory() / "files" / str(tenant_id) / sha256[:2] / sha256


def store_file(tenant_id: UUID, content: bytes) -> str:
    """Keep content; the same content is kept once. A file is whole or not there, also after a crash.

    Returns: its SHA-256 in hexadecimal.

    Raises:
        FileTooLarge: over 25 MiB.
    """
    if len(content) > MOST_BYTES:
        raise FileTooLarge(
            f"The file has {len(content)} bytes.", hint=f"At most {MOST_BYTES} bytes are stored; link to larger files."
        )
    sha256 = hashlib.sha256(content).hexdigest()
    place = _place(tenant_id, sha256)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    return sha256


def read_file(tenant_id: UUID, sha256: str) -> bytes:
    """The content kept under this hash.

    Raises:
        FileMissing: it is not there, or was damaged since.
    """
    place = _place(tenant_id, sha256)
    content = place.read_bytes() if place.exists() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise FileMissing(
            f"The file {sha256[:12]}… is missing or damaged.",
            hint="Restore the folder 'files' of the data directory from a backup.",
        )
    return content
