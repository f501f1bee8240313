"""Which event types there are, and how a row of the outbox becomes one. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import structlog
from pydantic import ValidationError, create_model

from evenhand.errors import EvenhandError, InvalidInput, Problem
from evenhand.events import approvals, changes, conflicts, handovers, pools, reclaims, records, setup
from evenhand.events.base import Archived, Created, Event, Restored, Updated

log = structlog.get_logger(__name__)

EVERYTHING = "*"
"""Stands for all types in a subscription."""
GENERIC: tuple[type[Event], ...] = (Created, Updated, Archived, Restored)
"""What every entity has of its own: {entity}Created and so on."""


class UnknownEvent(EvenhandError):
    """An event of a type that there is not, or with other fields than its type has: a defect of whoever emits it."""

    code = "UNKNOWN_EVENT"


@cache
def event_types() -> dict[str, type[Event]]:
    """Every type by its name, the special ones first; an entity without classes of its own gets plain ones."""
    from evenhand.entities.registry import ENTITIES

    found: dict[str, type[Event]] = {
        name: getattr(module, name)
        for module in (changes, approvals, conflicts, handovers, pools, reclaims, records, setup)
        for name in module.__all__
    }
    for entity in ENTITIES:
        for base in GENERIC:
            name = f"{entity}{base.__name__}"
            if name not in found:
                found[name] = create_model(name, __base__=base, __doc__=base.__doc__)
    return found


@cache
def payload_fields(event_type: type[Event]) -> tuple[frozenset[str], frozenset[str]]:
    """The keys that a payload of this type must have, and those that it may have."""
    own = {name: field for name, field in event_type.model_fields.items() if name not in Event.model_fields}
    return frozenset(name for name, field in own.items() if field.is_required()), frozenset(own)


def check_event(name: str, payload: Mapping[str, Any]) -> None:
    """Hold an event that is emitted to its type: cheap, by the keys alone.

    Raises:
        UnknownEvent.
    """
    event_type = event_types().get(name)
    if event_type is None:
        raise UnknownEvent(f"There is no event {name!r}.", hint="Declare a class of this name in evenhand.events.")
    required, allowed = payload_fields(event_type)
    if not required <= payload.keys() or not payload.keys() <= allowed:
        missing, unknown = sorted(required - payload.keys()), sorted(payload.keys() - allowed)
        raise UnknownEvent(
            f"{name} does not fit its type: missing {missing}, unknown {unknown}.",
            hint=f"Emit exactly the fields of {event_type.__name__}.",
        )


def read_event(row: Mapping[str, Any]) -> Event:
    """The event of a row of the outbox, as its own class.

    One that an earlier version wrote in another shape comes as a plain `Event`.
    """
    event_type = event_types().get(row["type"], Event)
    try:
        return event_type.model_validate({**row["payload"], **row})
    except ValidationError as error:
        log.warning("event.other_shape", type=row["type"], event_id=str(row["id"]), problems=error.error_count())
        return Event.model_validate(row)


def checked_types(names: Iterable[str], field: str = "events") -> list[str]:
    """The names, each once and in order, if they are types of events or "*".

    Raises:
        InvalidInput: naming the first that is none.
    """
    known = event_types()
    wanted = sorted(set(names))
    for name in wanted:
        if name != EVERYTHING and name not in known:
            message = f"{field}: there is no event type {name[:80]!r}."
            hint = 'Use a name from the list of event types, such as "LeadCreated", or "*" for all.'
            raise InvalidInput([Problem(field, "UNKNOWN_EVENT_TYPE", message, hint)])
    return [EVERYTHING] if EVERYTHING in wanted else wanted
