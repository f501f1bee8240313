"""Read won deals and compute their commission; nothing is stored, everything can be computed again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from evenhand.api import (
    CommissionLine,
    Deal,
    InvalidInput,
    Period,
    Problem,
    closed_deals,
    current_tenant,
    raw_connection,
    reading,
    shares_of,
)
from evenhand_commission.rules import lines_for
from evenhand_commission.settings import CommissionSettings

EVER = Period(date.min, date.max)


async def statement(plan: CommissionSettings, user_id: UUID, first: date, last: date) -> list[CommissionLine]:
    """One user's lines for the days from `first` to `last` of winning, both included.

    Raises:
        InvalidInput: the period ends before it starts.
    """
    if last < first:
        message = f"last: {last} is before first {first}."
        raise InvalidInput([Problem("last", "ENDS_BEFORE_START", message, f"Give a day on or after {first}.")])
    # Also of deals that others own: the user may have a share of them.
    lines = await team_lines(await closed_deals(first, last), Period(first, last), plan)
    return [line for line in lines if line.user_id == user_id]


async def team_lines(deals: Sequence[Deal], period: Period, plan: CommissionSettings) -> list[CommissionLine]:
    """The lines of deals, one for each share that somebody has of one now."""
    shares = await shares_of("Opportunity", [deal.opportunity_id for deal in deals]) if deals else {}
    return lines_for(deals, period, plan, shares)


async def lines_of(plan: CommissionSettings, opportunity_ids: Collection[UUID]) -> dict[UUID, list[CommissionLine]]:
    """The lines of each opportunity; two statements for all of them."""
    found: defaultdict[UUID, list[CommissionLine]] = defaultdict(list)
    for line in await team_lines(await closed_deals(opportunity_ids=opportunity_ids), EVER, plan):
        found[line.opportunity_id].append(line)
    return {one: found[one] for one in opportunity_ids}


async def won_stages(stage_ids: Collection[UUID]) -> set[UUID]:
    """Those of the stages in which deals are won; inside the open transaction."""
    async with reading() as client:
        rows = await raw_connection(client).fetch(
            "SELECT id FROM stages WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND kind = 'won'",
            current_tenant(),
            list(stage_ids),
        )
    return {row["id"] for row in rows}
