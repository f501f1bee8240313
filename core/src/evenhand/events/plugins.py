"""Deliver events to plugins: their `on_event`, inside the transaction that ends the delivery."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.events.base import Event
from evenhand.events.cause import handling
from evenhand.events.subscribers import TryLater, delivers
from evenhand.plugins.host import current_host, tenant_context


@delivers("plugin", transactional=True)
async def deliver_to_plugin(slug: str, events: Sequence[Event]) -> None:
    """Hand events to one plugin, one by one.

    Raises:
        Exception: the plugin's own. TryLater: the plugin is not enabled, or not installed here.
    """
    ctx = await tenant_context()
    for event in events:
        with handling(event):
            outcome = await current_host().deliver_event(ctx, slug, event=event)
        if outcome is None:
            raise TryLater(f"Plugin {slug} is not enabled or not installed here, or takes no events.")
        if outcome.error is not None:
            raise outcome.error
