"""After an upgrade: subscribe plugins to the events that their new versions want."""

from __future__ import annotations

import asyncio

from evenhand.db.session import transaction
from evenhand.events.subscribers import set_subscriber
from evenhand.plugins.host import current_host
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import acting_as, system_actor
from evenhand.tenancy.directory import tenant_ids


async def renew_plugin_subscriptions() -> None:
    """Bring the current tenant's subscriptions of plugins in line with the installed manifests."""
    manifests = current_host().manifests
    async with transaction():
        for row in await TenantPlugin.filter(archived_at=None).order_by("slug"):
            if row.slug in manifests:
                await set_subscriber("plugin", row.slug, manifests[row.slug].events, active=row.enabled)


async def keep_subscriptions(stop: asyncio.Event) -> None:
    """Do it for every tenant; once, when a worker starts."""
    for tenant_id in await tenant_ids():
        if stop.is_set():
            return
        with acting_as(system_actor(tenant_id, via="upgrade")):
            await renew_plugin_subscriptions()
    await stop.wait()
