"""Read closed deals once and compute the key figures of many accounts or owners from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from evenhand.api import Deal, InvalidInput, Kpi, Measurement, Period, Problem, TenantContext, closed_deals
from evenhand_scoring.rules import KPIS
from evenhand_scoring.settings import ScoringSettings

Figures = Sequence[tuple[Kpi, Sequence[Measurement]]]
"""Every calculator with what it found."""


@dataclass(frozen=True)
class Subjects:
    """Whose deals count: all of these accounts' or of these owners'."""

    by: Literal["account", "owner"]
    ids: Collection[UUID]


def settings_of(ctx: TenantContext) -> ScoringSettings:
    """What the tenant set."""
    return ctx.settings if isinstance(ctx.settings, ScoringSettings) else ScoringSettings()


def chosen(settings: ScoringSettings) -> list[Kpi]:
    """The calculators that the tenant chose, in the order in which people read them."""
    return [kpi for kpi in KPIS if kpi.key in settings.figures]


def period_of(ctx: TenantContext, first: date | None, last: date | None) -> Period:
    """The period asked for; by default as many days as the tenant set, which end today in its calendar.

    Raises:
        InvalidInput: it ends before it starts.
    """
    end = last or ctx.today
    start = first or end - timedelta(days=min(settings_of(ctx).period_days - 1, (end - date.min).days))
    if end < start:
        message = f"last: {end} is before first {start}."
        raise InvalidInput([Problem("last", "ENDS_BEFORE_START", message, f"Give a day on or after {start}.")])
    return Period(start, end)


def figures(deals: Sequence[Deal], kpis: Sequence[Kpi] = KPIS) -> Figures:
    """Key figures of these deals."""
    return [(kpi, kpi.calculate(deals)) for kpi in kpis]


async def figures_of(
    subjects: Subjects, period: Period, settings: ScoringSettings | None = None
) -> dict[UUID, Figures]:
    """The key figures of each subject in the period; one statement for all."""
    asked = {f"{subjects.by}_ids": subjects.ids}
    grouped: defaultdict[UUID | None, list[Deal]] = defaultdict(list)
    for deal in await closed_deals(period.first, period.last, **asked):
        grouped[deal.account_id if subjects.by == "account" else deal.owner_id].append(deal)
    kpis = chosen(settings or ScoringSettings())
    return {subject: figures(grouped[subject], kpis) for subject in subjects.ids}


async def figures_overall(
    period: Period,
    settings: ScoringSettings | None = None,
    *,
    owner_id: UUID | None = None,
    account_id: UUID | None = None,
) -> Figures:
    """The key figures of the tenant in the period, or of one owner, of one account, or of one owner at one account."""
    return figures(
        await closed_deals(
            period.first,
            period.last,
            owner_ids=None if owner_id is None else [owner_id],
            account_ids=None if account_id is None else [account_id],
        ),
        chosen(settings or ScoringSettings()),
    )
