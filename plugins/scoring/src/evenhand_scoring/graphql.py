"""Key figures over GraphQL: of an account, of a user, of the tenant."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.api import Kpi, TenantContext
from evenhand_schema.api import Contribution, EntityField, RootField, load_together, to_uuid
from evenhand_scoring.service import Figures, Subjects, figures_of, figures_overall, period_of, settings_of

First = Annotated[
    date | None,
    strawberry.argument(description="First day of closing; by default as many days up to the last as an admin set."),
]
Last = Annotated[date | None, strawberry.argument(description="Last day of closing; by default today at the tenant.")]
Locale = Annotated[str | None, strawberry.argument(description='"en" or "zh"; by default the language of the tenant.')]


def _title(root: Any, locale: Locale = None) -> str:
    titles: Mapping[str, str] = root.kpi.titles
    return titles["zh" if (locale or root.locale).lower().startswith("zh") else "en"]


@strawberry.type(description="One value of a key figure.")
class ScoringKpi:
    kpi: strawberry.Private[Kpi]
    locale: strawberry.Private[str]
    key: str = strawberry.field(description="The figure's name for programs: revenue, win_rate or sales_cycle.")
    title: str = strawberry.field(resolver=_title, description="The figure's name for people.")
    value: Decimal = strawberry.field(description="The value.")
    unit: str = strawberry.field(description='A currency such as "CNY", "percent" or "days".')
    formula: str = strawberry.field(description="How it is computed.")


def _shown(ctx: TenantContext, figures: Figures) -> list[ScoringKpi]:
    return [
        ScoringKpi(
            kpi=kpi,
            locale=ctx.locale,
            key=kpi.key,
            value=measurement.value,
            unit=measurement.unit,
            formula=kpi.formula,
        )
        for kpi, measurements in figures
        for measurement in measurements
    ]


async def _kpis(root: Any, info: Info, first: First = None, last: Last = None) -> list[ScoringKpi]:
    period = period_of(root.ctx, first, last)

    async def load(ids: list[Any]) -> Sequence[Figures]:
        found = await figures_of(Subjects(root.by, ids), period, settings_of(root.ctx))
        return [found[one] for one in ids]

    return _shown(root.ctx, await load_together(info, root.subject_id, load))


@strawberry.type(description="Key figures of the opportunities of one account or of one owner.")
class Scoring:
    ctx: strawberry.Private[TenantContext]
    by: strawberry.Private[Literal["account", "owner"]]
    subject_id: strawberry.Private[UUID]
    kpis: list[ScoringKpi] = strawberry.field(
        resolver=_kpis,
        description="Figures over the opportunities closed in a period; a figure without any value is left out.",
    )


async def load_scoring(by: Literal["account", "owner"], ctx: TenantContext, ids: Sequence[UUID]) -> dict[UUID, Scoring]:
    """What figures are asked of; nothing is read before they are."""
    return {one: Scoring(ctx=ctx, by=by, subject_id=one) for one in ids}


OwnerId = Annotated[strawberry.ID | None, strawberry.argument(description="Only opportunities that this user owns.")]
AccountId = Annotated[strawberry.ID | None, strawberry.argument(description="Only opportunities of this account.")]


async def scoring_kpis(
    ctx: TenantContext,
    first: First = None,
    last: Last = None,
    owner_id: OwnerId = None,
    account_id: AccountId = None,
) -> list[ScoringKpi]:
    """Figures over all opportunities closed in a period."""
    figures = await figures_overall(
        period_of(ctx, first, last),
        settings_of(ctx),
        owner_id=None if owner_id is None else to_uuid(owner_id),
        account_id=None if account_id is None else to_uuid(account_id),
    )
    return _shown(ctx, figures)


def _field(by: Literal["account", "owner"], description: str) -> EntityField:
    load: Any = partial(load_scoring, by)
    return EntityField(Scoring, load, description)


CONTRIBUTION = Contribution(
    fields={
        "Account": _field("account", "Key figures of the account's opportunities."),
        "User": _field("owner", "Key figures of the opportunities that the user owns."),
    },
    queries=(RootField("scoringKpis", scoring_kpis, "Key figures of the tenant, of one owner or of one account."),),
)
