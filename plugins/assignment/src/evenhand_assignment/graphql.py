"""What assignment tells over GraphQL: why a record went where it went, and how the turns stand."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.api import Decided, InvalidInput, Problem, TenantContext, decisions_for, names_of_users
from evenhand_assignment.models import UserTurn
from evenhand_assignment.rules import Explanation, Turn, explain
from evenhand_assignment.service import turns_of
from evenhand_assignment.settings import ROUND_ROBIN, WEIGHT_UNIT
from evenhand_schema.api import (
    JSON,
    BigInt,
    Contribution,
    EntityField,
    Order,
    RootField,
    TableField,
    TableList,
    User,
    computed,
    one,
    part_type,
    record,
    rows,
    table_type,
)

SLUG = "assignment"
DEALT = ("Account", "Lead", "Opportunity")

Locale = Annotated[str | None, strawberry.argument(description='"en" or "zh"; by default the language of the tenant.')]


class Said:
    """A decision with what is needed to put it into words, once per language."""

    def __init__(self, ctx: TenantContext, decided: Decided, names: Mapping[UUID, str]) -> None:
        self.decided = decided
        self.names = names
        self._locale = ctx.locale
        self._explained: dict[str, Explanation] = {}

    def explain(self, locale: str | None) -> Explanation:
        """The decision in the language asked for, by default the tenant's."""
        wanted = locale or self._locale
        if wanted not in self._explained:
            self._explained[wanted] = explain(self.decided.verdicts, self.decided.owner_id, self.names, wanted)
        return self._explained[wanted]


def _about_candidate(root: Any, locale: Locale = None) -> str:
    said: Said = root.said
    return said.explain(locale).candidates[UUID(root.user_id)]


@strawberry.type(description="What the rules found about one candidate for one record.")
class AssignmentCandidate:
    said: strawberry.Private[Said]
    user_id: strawberry.ID = strawberry.field(description="Id of the user.")
    name: str | None = strawberry.field(description="The user's name today; null when the user is gone.")
    eligible: bool = strawberry.field(description="Whether the record could have gone to the user.")
    reason: str = strawberry.field(
        description="CHOSEN, LATER_IN_TURN, INACTIVE, ABSENT, ROLE_NOT_ELIGIBLE or NOT_IN_TEAM; or the limit that kept "
        "the record from the user: CAP_REACHED, COOLING_DOWN, FROZEN or HELD_BY_CONFLICT. As it was decided."
    )
    rank: int | None = strawberry.field(description="Place in line, 1 is first; null when not eligible.")
    evidence: JSON = strawberry.field(
        description="The numbers behind it: records received before, records due with this one, weight."
    )
    sentence: str = strawberry.field(resolver=_about_candidate, description="The reason in words.")


async def _owner(root: Any, info: Info) -> User | None:
    owner_id: UUID | None = root.said.decided.owner_id
    found: User | None = None if owner_id is None else await record(info, "User", owner_id)
    return found


def _about_decision(root: Any, locale: Locale = None) -> str:
    said: Said = root.said
    return said.explain(locale).sentence


def _candidates(root: Any) -> list[AssignmentCandidate]:
    said: Said = root.said
    return [
        AssignmentCandidate(
            said=said,
            user_id=strawberry.ID(str(verdict.candidate_id)),
            name=said.names.get(verdict.candidate_id),
            eligible=verdict.eligible,
            reason=verdict.reason,
            rank=verdict.rank,
            evidence=JSON(dict(verdict.evidence)),
        )
        for verdict in sorted(said.decided.verdicts, key=lambda item: (item.rank is None, item.rank or 0))
    ]


@strawberry.type(description="Why a record went to whom it went.")
class AssignmentDecision:
    said: strawberry.Private[Said]
    id: strawberry.ID = strawberry.field(description="The decision's id; ledger lines name it.")
    policy: str = strawberry.field(description="The policy that decided.")
    seed: BigInt = strawberry.field(
        description="The seed that decided among equals; the same seed decides the same way again."
    )
    decided_at: datetime = strawberry.field(description="When it was decided.")
    owner: User | None = strawberry.field(
        resolver=_owner, description="Who got the record; null when nobody was eligible."
    )
    sentence: str = strawberry.field(resolver=_about_decision, description="The decision in words.")
    candidates: list[AssignmentCandidate] = strawberry.field(
        resolver=_candidates,
        description="Everybody there was, the first in line first, then those who were not eligible.",
    )


@strawberry.type(description="What fair assignment knows of a record.")
class RecordAssignment:
    decision: AssignmentDecision | None = strawberry.field(
        description="The newest decision about it; null when it was never assigned in turn."
    )


def _decision(ctx: TenantContext, decided: Decided, names: Mapping[UUID, str]) -> AssignmentDecision:
    return AssignmentDecision(
        said=Said(ctx, decided, names),
        id=strawberry.ID(str(decided.id)),
        policy=decided.policy,
        seed=BigInt(decided.seed),
        decided_at=decided.decided_at,
    )


async def load_assignments(entity: str, ctx: TenantContext, ids: Sequence[UUID]) -> dict[UUID, RecordAssignment]:
    """The newest decision of each record; two statements for all of them."""
    decided = await decisions_for(entity, ids, plugin=SLUG)
    people = {verdict.candidate_id for one in decided.values() for verdict in one.verdicts}
    names = await names_of_users(people) if people else {}
    found = {one: _decision(ctx, decided[one], names) for one in decided}
    return {one: RecordAssignment(decision=found.get(one)) for one in ids}


async def _member(root: Any, info: Info) -> User:
    found: User = await record(info, "User", root.member_id)
    return found


@strawberry.type(description="Where one user stands in the turns of one kind of record.")
class AssignmentTurn:
    member_id: strawberry.Private[UUID]
    user: User = strawberry.field(resolver=_member, description="The user.")
    weight: float = strawberry.field(description="The user's share, as it was last dealt with.")
    received: int = strawberry.field(description="Records received in turn.")
    due: float = strawberry.field(description="Records that were due by weight, to a thousandth.")
    in_turn: bool = strawberry.field(description="Whether the user took part when records were last given out.")


def _turn(user_id: UUID, turn: Turn) -> AssignmentTurn:
    return AssignmentTurn(
        member_id=user_id,
        weight=turn.weight / WEIGHT_UNIT,
        received=turn.received,
        due=turn.due,
        in_turn=turn.in_turn,
    )


@table_type(UserTurn, columns=("entity", "policy", "user_id", "received", "in_turn"))
class AssignmentStanding:
    """Where one user stands in the turns of one kind of record under one policy."""

    user = one("User", "user_id", "The user.")
    weight = computed(Decimal, "round({row}.weight / 1000.0, 3)", "The share that the user was last dealt with.")
    due = computed(
        Decimal,
        "round({row}.received + {row}.credit / {row}.scale::numeric, 3)",
        "Records that were due by weight, to a thousandth.",
    )


@part_type
class UserAssignment:
    """What fair assignment knows of a user."""

    standings = rows(
        "AssignmentStanding",
        "user_id",
        "The user's place in the turns, one for each kind of record and policy.",
        Order("entity"),
    )


Kind = Annotated[str, strawberry.argument(description="The kind of record: Account, Lead or Opportunity.")]
Policy = Annotated[str, strawberry.argument(description="The policy by its name.")]


async def assignment_turns(
    ctx: TenantContext, entity: Kind = "Lead", policy: Policy = ROUND_ROBIN
) -> list[AssignmentTurn]:
    """How the turns stand, by user id; empty before the first assignment."""
    if entity not in DEALT:
        hint = f"Use one of: {', '.join(DEALT)}."
        raise InvalidInput([Problem("entity", "NOT_A_CHOICE", f"entity: {entity!r} records have no turns.", hint)])
    turns = await turns_of(entity, policy)
    return [_turn(user, turns[user]) for user in sorted(turns)]


def _field(entity: str) -> EntityField:
    load: Any = partial(load_assignments, entity)
    return EntityField(RecordAssignment, load, "Why fair assignment gave it to whom it gave it.")


CONTRIBUTION = Contribution(
    fields={
        **{entity: _field(entity) for entity in DEALT},
        "User": TableField(UserAssignment, "Where the user stands in the turns."),
    },
    queries=(
        TableList("assignmentStandings", AssignmentStanding, "Where everybody stands in the turns."),
        RootField("assignmentTurns", assignment_turns, "Who is due how many records, and who received how many."),
    ),
)
