"""Secrets at rest: sealed with a key that is not in the database, so that a copy of the database tells none of them."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from evenhand.db.config import data_directory
from evenhand.environment import InvalidSetting, words
from evenhand.errors import EvenhandError

VARIABLE = "EVENHAND_SECRET_KEY"
_MAKE_ONE = "Make one with: openssl rand -base64 32"


class SecretKeyMissing(EvenhandError):
    """There is no key to seal with: `DATABASE_URL` names a server, and `EVENHAND_SECRET_KEY` is not set."""

    code = "SECRET_KEY_MISSING"


class SecretUnreadable(EvenhandError):
    """A sealed secret cannot be opened with the keys there are, or was changed."""

    code = "SECRET_UNREADABLE"


def seal(text: str) -> str:
    """Encrypt and sign a text with the first key.

    Returns: a token of ASCII letters, digits, `-`, `_` and `=`; another one at every call.

    Raises:
        SecretKeyMissing; InvalidSetting: the key cannot be used.
    """
    return _keys().encrypt(text.encode()).decode()


def unseal(token: str) -> str:
    """The text that `seal` made this token of.

    Raises:
        SecretUnreadable; SecretKeyMissing; InvalidSetting: the key cannot be used.
    """
    try:
        return _keys().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadable(
            "A stored secret cannot be opened with this key.",
            hint=f"Put the key that sealed it back into {VARIABLE} (several keys stand between commas; the first one "
            "seals), or enter the secret again.",
        ) from error


def _keys() -> MultiFernet:
    return _read_keys(os.environ.get(VARIABLE, "").strip() or _generated_key())


@lru_cache(maxsize=4)
def _read_keys(text: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in words(text)])
    except ValueError as error:
        # The key itself is not repeated: messages end in logs.
        raise InvalidSetting(
            f"{VARIABLE} holds something that is no key of 32 bytes in base64.", hint=_MAKE_ONE
        ) from error


def _generated_key() -> str:
    """The key in the data folder, made by the first process that needs one; only beside the embedded database.

    Several machines may share a database server: each would make a key of its own and not read the others' secrets.
    """
    if os.environ.get("DATABASE_URL"):
        raise SecretKeyMissing(
            f"Secrets are not stored without a key: {VARIABLE} is not set.",
            hint=f"Set it to the same key for every process. {_MAKE_ONE}",
        )
    place = data_directory() / "secret.key"
    if not place.exists():
        _make_key(place)
    return place.read_text().strip()


def _make_key(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    # Readable by this user only, and whole before it has its name; of two that make one at once, the first counts.
    handle, name = tempfile.mkstemp(dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, place)
    finally:
        Path(name).unlink()
