"""What waits to be delivered and what could not be, for admins: `eventSubscribers` and `deadLetters`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import datetime
from typing import Any

import strawberry
from strawberry import Info

from evenhand.actions.deliveries import MOST, dead_letters, subscribers_waiting
from evenhand.errors import InvalidInput, Problem
from evenhand.events.catalogue import event_types
from evenhand_schema.mutations.arguments import described
from evenhand_schema.resolvers import with_arguments


@strawberry.type(description="An event that a subscriber did not take although it was tried often enough.")
class DeadLetter:
    """One of `deadLetters`."""

    id: strawberry.ID = strawberry.field(description="The delivery's id, for `replayDeadLetters`.")
    event_id: strawberry.ID = strawberry.field(description="The event's id.")
    type: str = strawberry.field(description="The event's type.")
    entity: str = strawberry.field(description="What it happened to.")
    record_id: strawberry.ID = strawberry.field(description="To which record.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    kind: str = strawberry.field(description="The subscriber's kind: plugin, webhook or automation.")
    name: str = strawberry.field(description="The subscriber's name: a slug, an endpoint's id, rules.")
    attempts: int = strawberry.field(description="How often it was tried.")
    last_error: str | None = strawberry.field(description="Why the last attempt failed.")
    failed_at: datetime | None = strawberry.field(description="When the last attempt failed.")


@strawberry.type(description="Somebody to whom events are delivered.")
class EventSubscriber:
    """One of `eventSubscribers`."""

    kind: str = strawberry.field(description="plugin, webhook or automation.")
    name: str = strawberry.field(description="A slug, an endpoint's id, rules.")
    active: bool = strawberry.field(description="Whether it gets events now.")
    pending: int = strawberry.field(description="Deliveries that wait.")
    dead: int = strawberry.field(description="Dead letters.")


async def _subscribers(info: Info) -> list[EventSubscriber]:
    found = await subscribers_waiting()
    return [EventSubscriber(**vars(one)) for one in found]


async def _dead(info: Info, kind: str | None, name: str | None, first: int) -> list[DeadLetter]:
    if not 1 <= first <= MOST:
        message = f"first: {first} is not between 1 and {MOST}."
        raise InvalidInput([Problem("first", "OUT_OF_RANGE", message, f"Ask for 1 to {MOST}.")])
    found = await dead_letters(kind=kind, name=name, most=first)
    return [
        DeadLetter(
            **{
                **vars(one),
                "id": strawberry.ID(str(one.id)),
                "event_id": strawberry.ID(str(one.event_id)),
                "record_id": strawberry.ID(str(one.record_id)),
            }
        )
        for one in found
    ]


def _types() -> list[str]:
    """The types of events that can be subscribed to."""
    return sorted(event_types())


def delivery_fields() -> dict[str, Any]:
    """The fields of `Query` by Python name."""
    with_arguments(
        _dead,
        {
            "kind": (described(str | None, "Only those of subscribers of this kind."), None),
            "name": (described(str | None, "Only those of the subscriber of this name."), None),
            "first": (described(int, f"How many at most, up to {MOST}."), 100),
        },
        returns=list[DeadLetter],
    )
    return {
        "event_types": strawberry.field(resolver=_types, description="The types of events that can be subscribed to."),
        "event_subscribers": strawberry.field(
            resolver=_subscribers, description="To whom events are delivered, and what waits for them; admins only."
        ),
        "dead_letters": strawberry.field(
            resolver=_dead, description="Events that were not taken, those that failed last first; admins only."
        ),
    }
