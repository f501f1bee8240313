"""Points in the API."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import strawberry

from evenhand.api import TenantContext, current_tenant, reading
from evenhand_schema.api import BigInt, Contribution, EntityField, RootField

_OF_ACCOUNTS = """
SELECT account_id, sum(points)::bigint AS points FROM evenhand_loyalty_points
WHERE tenant_id = $1 AND account_id = ANY($2) GROUP BY account_id
"""
_TOTAL = "SELECT coalesce(sum(points), 0)::bigint AS points FROM evenhand_loyalty_points WHERE tenant_id = $1"


@strawberry.type(description="What a customer has collected.")
class Loyalty:
    points: BigInt = strawberry.field(description="Points of all won opportunities.")


async def load_points(ctx: TenantContext, ids: Sequence[Any]) -> Mapping[UUID, Loyalty]:
    async with reading() as client:
        rows = await client.execute_query_dict(_OF_ACCOUNTS, [current_tenant(), list(ids)])
    found = {row["account_id"]: row["points"] for row in rows}
    return {account: Loyalty(points=found.get(account, 0)) for account in ids}


async def loyalty_total(ctx: TenantContext) -> BigInt:
    async with reading() as client:
        (row,) = await client.execute_query_dict(_TOTAL, [current_tenant()])
    total: BigInt = row["points"]
    return total


CONTRIBUTION = Contribution(
    fields={"Account": EntityField(Loyalty, load_points, "The customer's points.")},
    queries=(RootField("loyaltyTotal", loyalty_total, "Points of all customers."),),
)
