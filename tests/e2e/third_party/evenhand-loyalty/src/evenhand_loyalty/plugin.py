"""What happens with points, and a policy of its own for leads."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.api import (
    AssignmentPolicy,
    Candidate,
    HappenedEvent,
    OpenRecord,
    Resolution,
    TenantContext,
    Verdict,
    hookimpl,
    transaction,
    uuid7,
)
from evenhand_loyalty.settings import LoyaltySettings

_AWARD = """
INSERT INTO evenhand_loyalty_points (tenant_id, id, account_id, opportunity_id, points)
SELECT $1, $2, deal.account_id, deal.id, floor(deal.amount / $4::bigint)
FROM opportunities AS deal
WHERE deal.tenant_id = $1 AND deal.id = $3 AND deal.account_id IS NOT NULL AND deal.amount IS NOT NULL
ON CONFLICT (tenant_id, opportunity_id) DO NOTHING
"""


class LoyaltyPlugin:
    """Awards points; gives leads to whoever has fewest."""

    @hookimpl
    async def on_event(self, ctx: TenantContext, event: HappenedEvent) -> None:
        settings = ctx.settings if isinstance(ctx.settings, LoyaltySettings) else LoyaltySettings()
        async with transaction() as client:
            await client.execute_query(_AWARD, [ctx.tenant_id, uuid7(), event.record_id, settings.money_per_point])

    @hookimpl
    def assignment_policies(self) -> Sequence[AssignmentPolicy]:
        return [AssignmentPolicy("fewest", {"en": "Fewest open records", "zh": "未结记录最少者优先"})]

    @hookimpl
    def resolve_owner(
        self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
    ) -> Sequence[Resolution]:
        able = sorted((one for one in candidates if one.is_active and one.role == "rep"), key=_load)
        verdicts = [
            Verdict(one.user_id, True, "FEWEST" if rank == 1 else "HAS_MORE", rank, {"open": one.open_records})
            for rank, one in enumerate(able, start=1)
        ]
        verdicts += [Verdict(one.user_id, False, "NOT_AN_ACTIVE_REP") for one in candidates if one not in able]
        owner = able[0].user_id if able else None
        return [Resolution(record.record_id, owner, "fewest", ctx.seed, verdicts) for record in records]


def _load(candidate: Candidate) -> tuple[int, str]:
    return candidate.open_records, str(candidate.user_id)


plugin = LoyaltyPlugin()
