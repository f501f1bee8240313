"""Settings from environment variables, refused in words when they cannot be understood."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from evenhand.errors import EvenhandError

T = TypeVar("T")


class InvalidSetting(EvenhandError):
    """An environment variable that cannot be understood."""

    code = "INVALID_SETTING"


def setting(name: str, default: T, read: Callable[[str], T]) -> T:
    """The value of a variable; the default when it is not set or empty.

    Raises:
        InvalidSetting: `read` raised a ValueError, which says what it takes.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        return read(text)
    except ValueError as error:
        raise InvalidSetting(f"{name} is {text!r}.", hint=f"Set it to {error}.") from error


def flag(text: str) -> bool:
    """On or off."""
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("1 or 0")


def count(text: str) -> int:
    """A whole number above zero."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError("a whole number above zero")
    return int(text)


def seconds(text: str) -> float:
    """A time in seconds, above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e6:
        raise ValueError("a number of seconds above zero")
    return value


def hours(text: str) -> float:
    """A time in hours, above zero, at most a year."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 8784:
        raise ValueError("a number of hours above zero, at most 8784")
    return value


def words(text: str) -> tuple[str, ...]:
    """Values between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
