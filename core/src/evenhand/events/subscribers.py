"""Who gets which events, and how each kind of subscriber is given them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

from evenhand.db.bulk import to_json
from evenhand.db.session import driver_transaction, raw_connection
from evenhand.events.base import Event
from evenhand.events.catalogue import checked_types
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import uuid7

Deliver = Callable[[str, Sequence[Event]], Awaitable[None]]

_SET = """
INSERT INTO event_subscribers (tenant_id, id, kind, name, events, active, changed_at)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, clock_timestamp())
ON CONFLICT (tenant_id, kind, name) DO UPDATE
SET events = excluded.events, active = excluded.active, changed_at = excluded.changed_at
WHERE (event_subscribers.events, event_subscribers.active) IS DISTINCT FROM (excluded.events, excluded.active)
"""


@dataclass(frozen=True)
class Kind:
    """A kind of subscriber.

    Attributes:
        transactional: effects and the end of the delivery are one transaction; else it is leased meanwhile.
        attempts: how often before it is a dead letter.
        timeout: for one event; a batch may take a few times as long.
    """

    name: str
    deliver: Deliver
    transactional: bool
    attempts: int
    timeout: timedelta


class Undeliverable(Exception):
    """Raised by whoever delivers: trying again will not help, the delivery is a dead letter."""


class TryLater(Exception):
    """Raised by whoever delivers: the attempt failed, and the other side may have said how long to wait."""

    def __init__(self, message: str, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


KIND_MODULES = ["evenhand.events.plugins", "evenhand.webhooks.delivery", "evenhand.automation.delivery"]
"""Modules that declare kinds of subscribers; whoever adds a kind adds its module."""
_kinds: dict[str, Kind] = {}


def delivers(
    kind: str, *, transactional: bool, attempts: int = 15, timeout: timedelta = timedelta(seconds=10)
) -> Callable[[Deliver], Deliver]:
    """Declare how events are delivered to subscribers of a kind.

    The function gets the subscriber's name and events in order. A transactional one runs inside one transaction
    with the end of these deliveries, so its effects in the database happen exactly once; what it does for an
    event it does inside `handling(event)`. When it raises, all is rolled back and every event of the batch is
    tried alone. Another one is called outside of any transaction with one event at a time, and may get it again.

    Args:
        attempts: after so many failures a delivery is a dead letter.
        timeout: how long one event may take.
    """

    def register(deliver: Deliver) -> Deliver:
        _kinds[kind] = Kind(kind, deliver, transactional, attempts, timeout)
        return deliver

    return register


def known_kinds() -> dict[str, Kind]:
    """The kinds of subscribers that this process can deliver to."""
    for module in KIND_MODULES:
        import_module(module)
    return dict(_kinds)


async def set_subscriber(kind: str, name: str, events: Collection[str], *, active: bool = True) -> None:
    """Say which events somebody gets from now on, in the open transaction, for the current tenant.

    Inactive: nothing new is noted down for it; what waits already is delivered when it is active again.

    Args:
        kind: e.g. "plugin"; name: unique within its kind, e.g. the plugin's slug.
        events: names of event types, "*" for all.

    Raises:
        InvalidInput: a type of event that there is not.
    """
    types = checked_types(events)
    await raw_connection(driver_transaction()).execute(
        _SET, current_tenant(), uuid7(), kind, name, to_json(types), active and bool(types)
    )
