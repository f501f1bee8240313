"""How the events of a transaction are written, with a note to whom each is to be delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.db.bulk import to_json
from evenhand.events.catalogue import EVERYTHING, read_event

LONGEST_PAYLOAD = 32_000
"""Characters of JSON; the longest values of a payload beyond it are cut."""
LONGEST_VALUE = 1_000
"""Characters that a value keeps when its payload is too long."""
CUT = "…"

_COLUMNS = (
    ("id", "uuid"),
    ("type", "text"),
    ("entity", "text"),
    ("record_id", "uuid"),
    ("payload", "jsonb"),
    ("user_id", "uuid"),
    ("via", "text"),
    ("occurred_at", "timestamptz"),
    ("cause", "uuid"),
    ("depth", "smallint"),
)
_NAMES = ", ".join(name for name, _ in _COLUMNS)
# Ids of deliveries need no order of time, and the database makes them where they are needed.
_WRITE = """
written AS (
    INSERT INTO outbox_events (tenant_id, {names})
    SELECT $1, {names} FROM unnest({source}) WITH ORDINALITY AS source ({names}, place) ORDER BY place
    RETURNING id, type, record_id, sequence
), delivered AS (
    INSERT INTO event_deliveries (tenant_id, id, event_id, subscriber_id, record_id, sequence, state, attempts)
    SELECT $1, gen_random_uuid(), written.id, subscriber.id, written.record_id, written.sequence, 'pending', 0
    FROM written JOIN event_subscribers AS subscriber ON subscriber.tenant_id = $1 AND subscriber.active
        AND (subscriber.events ? '{everything}' OR subscriber.events ? written.type)
    ORDER BY written.sequence
    RETURNING id
)
"""

_strict = False


def check_payloads(strict: bool) -> None:
    """Whether every event is held to the types of its fields when it is written, not only to their names (tests)."""
    global _strict
    _strict = strict


def events_part(first: int) -> tuple[str, int]:
    """The part of a statement that writes events and their deliveries, which are called `delivered` in it.

    Args:
        first: the number of the first parameter; the tenant is `$1`.

    Returns: the part, and how many parameters it has.
    """
    source = ", ".join(f"${number}::{kind}[]" for number, (_, kind) in enumerate(_COLUMNS, start=first))
    return _WRITE.format(names=_NAMES, source=source, everything=EVERYTHING), len(_COLUMNS)


def event_arrays(rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """The parameters of `events_part`.

    Args:
        rows: the columns of the outbox but for its sequence; all of one tenant.
    """
    texts = [payload_text(row["payload"]) for row in rows]
    if _strict:
        _hold_to_types(rows, texts)
    return [texts if name == "payload" else [row[name] for row in rows] for name, _ in _COLUMNS]


def payload_text(payload: Mapping[str, Any]) -> str:
    """A payload as JSON of bounded length: of one that is too long, long texts keep their beginning only."""
    text = to_json(payload)
    if len(text) <= LONGEST_PAYLOAD:
        return text
    return to_json({name: _shortened(value) for name, value in payload.items()})


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shortened(item) for name, item in value.items()} if len(value) <= 100 else CUT
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return value[:LONGEST_VALUE] + CUT
    if isinstance(value, list | tuple) and len(to_json(value)) > LONGEST_VALUE:
        return CUT
    return value


def _hold_to_types(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> None:
    import orjson

    from evenhand.events.base import Event
    from evenhand.events.catalogue import UnknownEvent

    for row, text in zip(rows, texts, strict=True):
        if type(read_event({**row, "payload": orjson.loads(text)})) is Event:
            raise UnknownEvent(f"{row['type']} has values of other types: {text}.", hint="See the log for which.")
