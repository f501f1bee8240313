"""Commission over GraphQL: of one opportunity, and of one user over a period."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.api import CommissionLine as Line
from evenhand.api import TenantContext
from evenhand_commission.plugin import plan_of
from evenhand_commission.rules import totals
from evenhand_commission.service import lines_of, statement
from evenhand_schema.api import Contribution, EntityField, Opportunity, RootField, User, record, to_uuid

Locale = Annotated[str | None, strawberry.argument(description='"en" or "zh"; by default the language of the tenant.')]


async def _user(root: Any, info: Info) -> User:
    found: User = await record(info, "User", root.line.user_id)
    return found


async def _opportunity(root: Any, info: Info) -> Opportunity:
    found: Opportunity = await record(info, "Opportunity", root.line.opportunity_id)
    return found


def _explanation(root: Any, locale: Locale = None) -> str:
    line: Line = root.line
    return line.explanation["zh" if (locale or root.locale).lower().startswith("zh") else "en"]


@strawberry.type(description="What one user earns for one won opportunity under the plan.")
class CommissionLine:
    line: strawberry.Private[Line]
    locale: strawberry.Private[str]
    user: User = strawberry.field(resolver=_user, description="Who earns it: the opportunity's owner.")
    opportunity: Opportunity = strawberry.field(resolver=_opportunity, description="The opportunity it is earned for.")
    plan: str = strawberry.field(description="The plan's name.")
    basis: Decimal = strawberry.field(description="The amount that it was computed from.")
    amount: Decimal = strawberry.field(description="What is earned, to hundredths.")
    currency: str = strawberry.field(description="The currency of basis and amount, by its ISO 4217 letters.")
    earned_on: date = strawberry.field(description="The day of winning.")
    explanation: str = strawberry.field(resolver=_explanation, description="How it was computed, in words.")


@strawberry.type(description="The commission of one opportunity.")
class Commission:
    lines: list[CommissionLine] = strawberry.field(description="Who earns what; none until it is won by somebody.")


@strawberry.type(description="What the lines in one currency add up to.")
class CommissionTotal:
    currency: str = strawberry.field(description="The currency, by its ISO 4217 letters.")
    amount: Decimal = strawberry.field(description="The sum of the lines.")


@strawberry.type(description="One user's commission for a period.")
class CommissionStatement:
    lines: list[CommissionLine] = strawberry.field(description="One line per won opportunity, in order of winning.")
    totals: list[CommissionTotal] = strawberry.field(description="The sum for each currency.")


def _shown(ctx: TenantContext, lines: Sequence[Line]) -> list[CommissionLine]:
    return [
        CommissionLine(
            line=line,
            locale=ctx.locale,
            plan=line.plan,
            basis=line.basis,
            amount=line.amount,
            currency=line.currency,
            earned_on=line.earned_on,
        )
        for line in lines
    ]


async def load_commission(ctx: TenantContext, ids: Sequence[UUID]) -> dict[UUID, Commission]:
    """The lines of each opportunity."""
    found = await lines_of(plan_of(ctx), ids)
    return {one: Commission(lines=_shown(ctx, found[one])) for one in ids}


UserId = Annotated[strawberry.ID, strawberry.argument(description="Whose commission.")]
First = Annotated[date, strawberry.argument(description="First day of winning.")]
Last = Annotated[date, strawberry.argument(description="Last day of winning, included.")]


async def commission_statement(ctx: TenantContext, user_id: UserId, first: First, last: Last) -> CommissionStatement:
    """One user's lines and their sums."""
    lines = await statement(plan_of(ctx), to_uuid(user_id), first, last)
    sums = [CommissionTotal(currency=currency, amount=amount) for currency, amount in totals(lines).items()]
    return CommissionStatement(lines=_shown(ctx, lines), totals=sums)


CONTRIBUTION = Contribution(
    fields={"Opportunity": EntityField(Commission, load_commission, "What is earned for winning it.")},
    queries=(RootField("commissionStatement", commission_statement, "One user's commission for a period."),),
)
