"""Which tenants there are; all that can be asked about all of them at once."""

from __future__ import annotations

from uuid import UUID


async def tenant_ids() -> list[UUID]:
    """The ids of all tenants, the oldest first. Everything else is asked as one of them."""
    from tortoise.connection import get_connection

    rows = await get_connection("default").execute_query_dict("SELECT evenhand_tenant_ids() AS id")
    return [row["id"] for row in rows]
