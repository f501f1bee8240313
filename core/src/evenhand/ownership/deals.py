"""Closed opportunities as figures and commissions are computed from them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

from evenhand.db.session import reading
from evenhand.plugins.contract import Deal, Outcome
from evenhand.tenancy.context import current_tenant

# A deal that was entered after it closed (an import) has no known first day: its day of entry says nothing.
_CLOSED = """
SELECT deal.id, deal.name, deal.account_id, deal.owner_id, stage.kind, coalesce(deal.amount, 0) AS amount,
       deal.currency, deal.closed_on,
       coalesce(
           deal.opened_on,
           CASE WHEN (deal.created_at AT TIME ZONE tenant.time_zone)::date <= deal.closed_on
                THEN (deal.created_at AT TIME ZONE tenant.time_zone)::date END
       ) AS opened_on
FROM opportunities AS deal
JOIN stages AS stage ON stage.tenant_id = $1 AND stage.id = deal.stage_id
JOIN tenants AS tenant ON tenant.id = $1
WHERE deal.tenant_id = $1
  AND deal.archived_at IS NULL
  AND stage.kind IN ('won', 'lost')
  AND deal.closed_on IS NOT NULL
  AND ($2::date IS NULL OR deal.closed_on >= $2)
  AND ($3::date IS NULL OR deal.closed_on <= $3)
  AND ($4::uuid[] IS NULL OR deal.owner_id = ANY ($4))
  AND ($5::uuid[] IS NULL OR deal.account_id = ANY ($5))
  AND ($6::uuid[] IS NULL OR deal.id = ANY ($6))
ORDER BY deal.closed_on, deal.id
"""


def _ids(wanted: Collection[UUID] | None) -> list[UUID] | None:
    return None if wanted is None else list(wanted)


async def closed_deals(
    first: date | None = None,
    last: date | None = None,
    *,
    owner_ids: Collection[UUID] | None = None,
    account_ids: Collection[UUID] | None = None,
    opportunity_ids: Collection[UUID] | None = None,
) -> list[Deal]:
    """The current tenant's opportunities that were won or lost, in the order in which they closed; one statement.

    Archived ones are left out. An opportunity without an amount counts as 0. One without an `opened_on` counts
    from the day it was entered, in the tenant's time zone; when that is after it closed, its first day is unknown.

    Args:
        first, last: calendar days of closing, both included; None is without bound.
        owner_ids, account_ids, opportunity_ids: only those of these; None is of any.
    """
    async with reading() as client:
        rows = await client.execute_query_dict(
            _CLOSED, [current_tenant(), first, last, _ids(owner_ids), _ids(account_ids), _ids(opportunity_ids)]
        )
    return [
        Deal(
            opportunity_id=row["id"],
            name=row["name"],
            account_id=row["account_id"],
            owner_id=row["owner_id"],
            outcome=Outcome(row["kind"]),
            amount=row["amount"],
            currency=row["currency"],
            opened_on=row["opened_on"],
            closed_on=row["closed_on"],
        )
        for row in rows
    ]
