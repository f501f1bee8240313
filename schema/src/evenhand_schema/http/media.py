"""Which media type an answer has: what the client accepts, of what we have."""

from __future__ import annotations

from functools import lru_cache

from evenhand_schema.errors import InvalidRequest

GRAPHQL = "application/graphql-response+json"
"""With it, the status says whether the operation was executed."""
JSON = "application/json"
"""With it, the status is 200 for every request that was understood, as clients of old expect."""
OFFERED = (GRAPHQL, JSON)


class NotAcceptable(InvalidRequest):
    """The client accepts none of the media types that we have."""

    code = "NOT_ACCEPTABLE"


@lru_cache(maxsize=256)
def answer_type(accept: str | None) -> str:
    """The media type to answer with; the first offered one when the client does not say.

    Args:
        accept: the header `Accept`.

    Raises:
        NotAcceptable: nothing that we have is accepted.
    """
    if accept is None or not accept.strip():
        return OFFERED[0]
    ranges = [_range(part) for part in accept.split(",")[:50]]
    best = max(OFFERED, key=lambda offered: _fit(offered, ranges))
    if _fit(best, ranges)[0] <= 0:
        raise NotAcceptable(f"None of {accept[:200]!r} can be sent.", hint=f"Accept {' or '.join(OFFERED)}.")
    return best


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return kind, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return kind, 0.0


def _fit(offered: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """How gladly a type is taken: the quality of the most specific range that covers it, and how specific that is."""
    found = (0.0, -1)
    for kind, quality in ranges:
        specific = {offered: 2, "application/*": 1, "*/*": 0}
        if kind in specific and specific[kind] > found[1]:
            found = (quality, specific[kind])
    return found
