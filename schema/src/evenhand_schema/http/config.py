"""How the API is served, read from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import limits as rate_limits

from evenhand.environment import flag, hours, setting, words
from evenhand_schema.limits import Limits, limits_from_environment


@dataclass(frozen=True)
class HttpConfig:
    """How the API is served.

    Attributes:
        development: for developers of clients, with GraphiQL; not for the open internet.
        debug_headers: say in the answer how it was made (`Evenhand-Executor`); by default in development.
        introspection: whether callers may ask for the schema; off also hides suggestions of names in errors.
        suggestions: whether errors suggest names ("Did you mean"); never without introspection.
        access_log: one line for every request.
        cors_origins: pages of these origins may call from a browser; "*" for all.
        metrics_token: the bearer token for `/metrics`; without one only this machine may read it.
        rate: how often one API key may ask, e.g. "6000/minute"; None for no limit.
        refused_rate: how often one address may come with a wrong key; None for no limit.
        idempotency_hours: how long answers to mutations with an `Idempotency-Key` are kept.
        limits: what one request may ask for.
    """

    development: bool = False
    debug_headers: bool = False
    introspection: bool = True
    suggestions: bool = True
    access_log: bool = True
    cors_origins: tuple[str, ...] = ()
    metrics_token: str | None = field(default=None, repr=False)
    rate: str | None = "6000/minute"
    refused_rate: str | None = "120/minute"
    idempotency_hours: float = 24.0
    limits: Limits = field(default_factory=Limits)


def _rate(text: str) -> str | None:
    if text.lower() == "off":
        return None
    try:
        rate_limits.parse(text)
    except ValueError:
        raise ValueError("a number and a time such as 6000/minute, or off") from None
    return text


def _origins(text: str) -> tuple[str, ...]:
    origins = words(text)
    for origin in origins:
        parts = urlsplit(origin)
        if origin != "*" and origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("origins such as https://app.example.com between commas, or *")
    return origins


def http_from_environment() -> HttpConfig:
    """What the environment says.

    Raises:
        InvalidSetting: a variable cannot be understood.
    """
    known = HttpConfig()
    development = setting("EVENHAND_DEVELOPMENT", known.development, flag)
    introspection = setting("EVENHAND_INTROSPECTION", known.introspection, flag)
    return HttpConfig(
        development=development,
        debug_headers=setting("EVENHAND_DEBUG_HEADERS", development, flag),
        introspection=introspection,
        suggestions=introspection and setting("EVENHAND_SUGGESTIONS", known.suggestions, flag),
        access_log=setting("EVENHAND_ACCESS_LOG", known.access_log, flag),
        cors_origins=setting("EVENHAND_CORS_ORIGINS", known.cors_origins, _origins),
        metrics_token=setting("EVENHAND_METRICS_TOKEN", known.metrics_token, str),
        rate=setting("EVENHAND_RATE_LIMIT", known.rate, _rate),
        refused_rate=setting("EVENHAND_REFUSED_RATE_LIMIT", known.refused_rate, _rate),
        idempotency_hours=setting("EVENHAND_IDEMPOTENCY_HOURS", known.idempotency_hours, hours),
        limits=limits_from_environment(),
    )
