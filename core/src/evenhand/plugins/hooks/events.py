"""Hooks about what happened."""

from __future__ import annotations

from evenhand.plugins.contract import HappenedEvent, TenantContext
from evenhand.plugins.hooks.spec import Policy, Result, spec


class EventHooks:
    """Asked after a transaction, by the delivery of its events."""

    @spec(result=Result.ONE, policy=Policy.RETRY)
    async def on_event(self, ctx: TenantContext, event: HappenedEvent) -> None:
        """Take note of an event of a type that the manifest names in `events`.

        Each event is delivered to each plugin at least once, in order per record; the same `event.id` may come again,
        and must then change nothing more. The actor is the tenant's system.

        Returns: nothing. An error repeats the delivery later; after many it becomes a dead letter, which an admin can
        read and replay.
        """
        raise NotImplementedError
