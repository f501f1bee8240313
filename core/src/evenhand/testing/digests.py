"""What all tables of a tenant hold, in short: to prove that nothing changed."""

from __future__ import annotations

from evenhand.db.session import raw_connection, transaction
from evenhand.tenancy.context import acting_as
from evenhand.testing.rows import tenant_models
from evenhand.testing.tenants import SomeTenant

_NOTED_BY_READING = ("api_keys", "tenants")
"""Tables that change when somebody only comes in, or that are not the tenant's alone."""


async def tenant_digest(tenant: SomeTenant) -> dict[str, str]:
    """A digest of each table's rows, by table; any change of any row shows, the journal's included."""
    parts = [
        f"SELECT '{table}' AS name, md5(coalesce(string_agg(md5(t::text), '' ORDER BY t.id), '')) AS held "
        f'FROM "{table}" AS t WHERE t.tenant_id = $1'
        for table in sorted({model._meta.db_table for model in tenant_models()} - set(_NOTED_BY_READING))
    ]
    with acting_as(tenant.system):
        async with transaction() as client:
            rows = await raw_connection(client).fetch(" UNION ALL ".join(parts), tenant.id)
    return {row["name"]: row["held"] for row in rows}
