"""Write the events of a transaction, and note down to whom each is to be delivered: one statement for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand.db.bulk import to_json
from evenhand.db.session import after_transaction, raw_connection
from evenhand.events.catalogue import EVERYTHING, read_event
from evenhand.events.waking import wake_afterwards

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
_SOURCE = ", ".join(f"${number}::{kind}[]" for number, (_, kind) in enumerate(_COLUMNS, start=2))
# Ids of deliveries need no order of time, and the database makes them where they are needed.
_WRITE = f"""
WITH written AS (
    INSERT INTO outbox_events (tenant_id, {_NAMES})
    SELECT $1, {_NAMES} FROM unnest({_SOURCE}) WITH ORDINALITY AS source ({_NAMES}, place) ORDER BY place
    RETURNING id, type, record_id, sequence
)
INSERT INTO event_deliveries (tenant_id, id, event_id, subscriber_id, record_id, sequence, state, attempts)
SELECT $1, gen_random_uuid(), written.id, subscriber.id, written.record_id, written.sequence, 'pending', 0
FROM written JOIN event_subscribers AS subscriber ON subscriber.tenant_id = $1 AND subscriber.active
    AND (subscriber.events ? '{EVERYTHING}' OR subscriber.events ? written.type)
ORDER BY written.sequence
"""

_strict = False


def check_payloads(strict: bool) -> None:
    """Whether every event is held to the types of its fields when it is written, not only to their names (tests)."""
    global _strict
    _strict = strict


async def write_events(client: TransactionWrapper, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write events and their deliveries in the open transaction; deliveries begin when it is committed.

    Args:
        rows: the columns of the outbox but for its sequence; all of one tenant.
    """
    if not rows:
        return
    texts = [payload_text(row["payload"]) for row in rows]
    if _strict:
        _hold_to_types(rows, texts)
    arrays = [texts if name == "payload" else [row[name] for row in rows] for name, _ in _COLUMNS]
    status = await raw_connection(client).execute(_WRITE, rows[0]["tenant_id"], *arrays)
    if not status.endswith(" 0"):
        await after_transaction(wake_afterwards)


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
