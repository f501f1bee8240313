"""How the API is served, read from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from evenhand.errors import EvenhandError


class InvalidSetting(EvenhandError):
    """An environment variable that cannot be understood."""

    code = "INVALID_SETTING"


@dataclass(frozen=True)
class HttpConfig:
    """How the API is served.

    Attributes:
        development: for developers of clients; not for the open internet.
        debug_headers: say in the answer how it was made (`Evenhand-Executor`); by default in development.
    """

    development: bool = False
    debug_headers: bool = False


def _flag(name: str, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise InvalidSetting(f"{name} is {text!r}, neither on nor off.", hint=f"Set {name}=1 or {name}=0.")


def http_from_environment() -> HttpConfig:
    """What `EVENHAND_DEVELOPMENT` and the other variables say.

    Raises:
        InvalidSetting: one cannot be understood.
    """
    development = _flag("EVENHAND_DEVELOPMENT", False)
    return HttpConfig(development=development, debug_headers=_flag("EVENHAND_DEBUG_HEADERS", development))
