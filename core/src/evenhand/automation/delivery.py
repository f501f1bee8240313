"""Deliver events to the tenant's rules, inside the transaction that ends the delivery."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.automation.running import run_rules
from evenhand.events.base import Event
from evenhand.events.cause import handling
from evenhand.events.subscribers import delivers


@delivers("automation", transactional=True)
async def deliver_to_rules(name: str, events: Sequence[Event]) -> None:
    """Ask all rules about events, in order; what they do for an event has it as its cause."""
    await run_rules(events, because=handling)
