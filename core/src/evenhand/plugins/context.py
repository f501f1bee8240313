"""The context of a hook call."""

from __future__ import annotations

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

from evenhand import clock
from evenhand.db.session import reading
from evenhand.errors import NotFound
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.snapshot import VERSION
from evenhand.tenancy.context import current_actor

_TENANT = (
    f"SELECT t.slug, t.locale, t.time_zone, t.currency, {VERSION} AS plugins_version FROM tenants AS t WHERE t.id = $1"
)


async def tenant_context(*, seed: int | None = None, now: datetime | None = None) -> TenantContext:
    """The context of a hook call for the current tenant and actor; one statement.

    It says also which state the tenant's plugins are in, so that asking them needs no further statement while
    nothing about them changes.

    Args:
        seed: to repeat an earlier call; by default a new random one.
    """
    actor = current_actor()
    async with reading() as client:
        rows = await client.execute_query_dict(_TENANT, [actor.tenant_id])
    if not rows:
        raise NotFound("Tenant", actor.tenant_id)
    tenant, moment = rows[0], now or clock.now()
    return TenantContext(
        tenant_id=actor.tenant_id,
        slug=tenant["slug"],
        locale=tenant["locale"],
        time_zone=tenant["time_zone"],
        currency=tenant["currency"],
        actor=actor,
        now=moment,
        today=moment.astimezone(ZoneInfo(tenant["time_zone"])).date(),
        seed=seed if seed is not None else secrets.randbits(62),
        plugins_version=tenant["plugins_version"],
    )
