"""Mutations of hand-overs: `planHandover`, `changeHandoverLines`, `executeHandover`, `undoHandover`, …"""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from dataclasses import asdict
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import LineChange, cancel_handover, change_handover_lines, plan_handover
from evenhand.actions.handovers.settings import set_handover_limits
from evenhand.actions.handovers.undoing import undo_handover
from evenhand.entities.enums import HandoverMethod, Tier
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.handovers.reading import ENTITIES
from evenhand.ownership.handovers.rules import NOBODY, Step, Target, Where
from evenhand_schema.columns import enum_type
from evenhand_schema.context import request_of
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import ID, REQUIRED, VERSION, described, mutation, result
from evenhand_schema.mutations.records import changed
from evenhand_schema.resolvers import record
from evenhand_schema.scalars import BigInt
from evenhand_schema.types.handover import Handover
from evenhand_schema.types.shared import OwnableEntity

MOST_CHANGES = 1_000
"""So many changes of lines in one call."""


@strawberry.input(description="Which records; each part that is left out takes any.")
class HandoverWhere:
    """A condition on records of a book."""

    entities: list[OwnableEntity] | None = strawberry.field(default=None, description="The kinds of records.")
    tiers: list[enum_type(Tier)] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="The customer's tier is one of these."
    )
    regions: list[str] | None = strawberry.field(
        default=None, description="The region of the account or lead, or of the deal's customer, is one of these."
    )
    sources: list[str] | None = strawberry.field(default=None, description="The record's source is one of these.")
    record_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="It is one of these records.")
    account_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="It is one of these customers, or a lead or deal of one."
    )


@strawberry.input(description="One way to choose who gets records for which no step before it has chosen.")
class HandoverStepInput:
    """A step of a plan."""

    method: enum_type(HandoverMethod) = strawberry.field(description="How to choose.")  # type: ignore[valid-type]
    users: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Among whom; for HAND the one who gets all. Left out: those with the same role in the team, and "
        "for POLICY everybody.",
    )
    shares: list[int] | None = strawberry.field(
        default=None, description="For SHARES and BALANCE: how many parts each of the users gets; alike when left out."
    )
    pool_id: strawberry.ID | None = strawberry.field(default=None, description="For HAND: the pool that gets all.")
    policy: str | None = strawberry.field(
        default=None, description="For POLICY: one that a plugin offers, as plugin:name; its usual way when left out."
    )
    where: HandoverWhere | None = strawberry.field(default=None, description="For which records; all when left out.")


@strawberry.input(description="A change of lines by hand; a line with a new target is locked unless `locked` is false.")
class HandoverLineChange:
    """What is to be different about some lines."""

    where: HandoverWhere = strawberry.field(description="Which lines.")
    to_user_id: strawberry.ID | None = strawberry.field(default=None, description="Who is to get them.")
    to_pool_id: strawberry.ID | None = strawberry.field(default=None, description="Or the pool that is to.")
    stays: bool = strawberry.field(default=False, description="They stay with who hands over.")
    locked: bool | None = strawberry.field(
        default=None, description="Whether planning the rest again leaves them as they are."
    )
    override_reason: str | None = strawberry.field(
        default=None, description='Why their customers may change hands although they did too often; "" takes it back.'
    )


async def _plan_of(root: Any, info: Info) -> Handover | None:
    found: Handover | None = await record(info, "Handover", root.id)
    return found


@strawberry.type(description="What came of executing a hand-over.")
class HandoverDone:
    """The answer of `executeHandover`."""

    id: strawberry.Private[UUID]
    handover: Handover | None = strawberry.field(resolver=_plan_of, description="The hand-over.")
    moved: int = strawberry.field(description="How many records changed hands.")
    stale: int = strawberry.field(description="How many had changed hands since the plan, and were left alone.")
    tasks: int = strawberry.field(description="How many open tasks and tickets went along, or to a superior.")


@strawberry.type(description="What came of undoing a hand-over.")
class HandoverTakenBack:
    """The answer of `undoHandover`."""

    id: strawberry.Private[UUID]
    handover: Handover | None = strawberry.field(resolver=_plan_of, description="The hand-over.")
    returned: int = strawberry.field(description="How many records went back.")
    kept: int = strawberry.field(description="How many had changed hands since, and were left alone.")
    tasks: int = strawberry.field(description="How many open tasks and tickets went back.")


@strawberry.type(description="The tenant's limits of hand-overs.")
class HandoverLimits:
    """The answer of `setHandoverLimits`."""

    changes_per_year: int = strawberry.field(
        description="How often a customer may get another owner within 365 days without an override."
    )
    undo_days: int = strawberry.field(description="For how many days a hand-over can be undone.")


def _where(given: Any) -> Where:
    if given is None:
        return Where()
    return Where(
        entities=frozenset(one.value for one in given.entities or ()),
        tiers=frozenset(one.value for one in given.tiers or ()),
        regions=frozenset(given.regions or ()),
        sources=frozenset(given.sources or ()),
        record_ids=frozenset(map(to_uuid, given.record_ids or ())),
        account_ids=frozenset(map(to_uuid, given.account_ids or ())),
    )


def _steps(given: list[Any]) -> list[Step]:
    return [
        Step(
            HandoverMethod(one.method.value),
            tuple(map(to_uuid, one.users or ())),
            tuple(one.shares or ()),
            None if one.pool_id is None else to_uuid(one.pool_id),
            one.policy,
            _where(one.where),
        )
        for one in given
    ]


def _change(number: int, given: Any) -> LineChange:
    named = (given.to_user_id is not None) + (given.to_pool_id is not None) + given.stays
    if named > 1:
        where = f"changes.{number}"
        message = f"{where}: more than one of to_user_id, to_pool_id and stays is given."
        raise InvalidInput([Problem(where, "ONE_HOLDER", message, "Give at most one of them.")])
    target: Target | None = None
    if named:
        user = None if given.to_user_id is None else to_uuid(given.to_user_id)
        target = NOBODY if given.stays else Target(user, None if user is not None else to_uuid(given.to_pool_id))
    return LineChange(_where(given.where), target, given.locked, given.override_reason)


async def _plan(
    info: Info,
    from_user_id: Any,
    steps: list[Any],
    entities: list[Any] | None,
    note: str | None,
    seed: int | None,
    keep_watching: bool,
) -> Any:
    covered = ENTITIES if entities is None else [one.value for one in entities]

    async def act() -> UUID:
        return await plan_handover(
            to_uuid(from_user_id), _steps(steps), entities=covered, note=note, seed=seed, keep_watching=keep_watching
        )

    return await changed(info, "Handover", act)


async def _change_lines(
    info: Info, id: Any, changes: list[Any] | None, steps: list[Any] | None, seed: int | None, version: int | None
) -> Any:
    given = changes or []
    if len(given) > MOST_CHANGES:
        message = f"changes: {len(given)} are too many."
        raise InvalidInput([Problem("changes", "TOO_MANY", message, f"Send at most {MOST_CHANGES} at a time.")])
    wanted = [_change(number, one) for number, one in enumerate(given)]

    async def act() -> UUID:
        again = None if steps is None else _steps(steps)
        await change_handover_lines(to_uuid(id), wanted, steps=again, seed=seed, version=version)
        return to_uuid(id)

    return await changed(info, "Handover", act)


async def _execute(info: Info, id: Any, version: int | None, override_reason: str | None) -> HandoverDone:
    await request_of(info).renew()
    done = await execute_handover(to_uuid(id), version=version, override=override_reason)
    return HandoverDone(id=done.handover_id, moved=done.moved, stale=done.stale, tasks=done.tasks)


async def _undo(info: Info, id: Any, pool_id: Any) -> HandoverTakenBack:
    await request_of(info).renew()
    done = await undo_handover(to_uuid(id), pool_id=None if pool_id is None else to_uuid(pool_id))
    return HandoverTakenBack(id=done.handover_id, returned=done.returned, kept=done.kept, tasks=done.tasks)


async def _cancel(info: Info, id: Any) -> Any:
    async def act() -> UUID:
        await cancel_handover(to_uuid(id))
        return to_uuid(id)

    return await changed(info, "Handover", act)


async def _set_limits(info: Info, changes_per_year: int | None, undo_days: int | None) -> HandoverLimits:
    await request_of(info).renew()
    return HandoverLimits(**asdict(await set_handover_limits(changes_per_year=changes_per_year, undo_days=undo_days)))


def handover_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    plan = result("Handover", Handover, description="The hand-over, or why nothing was changed.")
    seed = (described(BigInt | None, "For ties; random when left out, always recorded."), None)
    steps = "How to choose who gets what, in order; a record goes by the first that chooses for it."
    return {
        "plan_handover": mutation(
            _plan,
            {
                "from_user_id": (described(strawberry.ID, "Who hands over."), REQUIRED),
                "steps": (described(list[HandoverStepInput], steps), REQUIRED),
                "entities": (described(list[OwnableEntity] | None, "Only such records; all when left out."), None),
                "note": (described(str | None, "Why; kept in the ledger."), None),
                "seed": seed,
                "keep_watching": (described(bool, "Whether who hands over stays as a watcher."), False),
            },
            plan,
            "Plan to hand over what a user holds; nothing changes hands yet. For admins, and for managers about "
            "themselves and their people.",
        ),
        "change_handover_lines": mutation(
            _change_lines,
            {
                "id": (ID, REQUIRED),
                "changes": (described(list[HandoverLineChange] | None, "One after the other."), None),
                "steps": (described(list[HandoverStepInput] | None, "Plan all that is not locked again so."), None),
                "seed": seed,
                "version": (VERSION, None),
            },
            plan,
            "Change lines of a draft by hand, lock them, or plan the rest again.",
        ),
        "execute_handover": mutation(
            _execute,
            {
                "id": (ID, REQUIRED),
                "version": (VERSION, None),
                "override_reason": (described(str | None, "Why limits may be passed over; kept in the ledger."), None),
            },
            result("ExecuteHandover", HandoverDone, description="What changed hands, or why nothing did."),
            "Give the records to those whom the plan names, all or nothing; done once however often it is called.",
        ),
        "undo_handover": mutation(
            _undo,
            {
                "id": (ID, REQUIRED),
                "pool_id": (
                    described(strawberry.ID | None, "Where to put records whose former owner cannot hold any."),
                    None,
                ),
            },
            result("UndoHandover", HandoverTakenBack, description="What went back, or why nothing did."),
            "Give back what a hand-over moved and nobody moved since, while its time for that lasts.",
        ),
        "cancel_handover": mutation(_cancel, {"id": (ID, REQUIRED)}, plan, "Give up a draft."),
        "set_handover_limits": mutation(
            _set_limits,
            {
                "changes_per_year": (described(int | None, "Changes of owners per customer within 365 days."), None),
                "undo_days": (described(int | None, "Days in which a hand-over can be undone, 0 to 365."), None),
            },
            result("SetHandoverLimits", HandoverLimits, description="The limits now, or why nothing was changed."),
            "Set the tenant's limits of hand-overs; what is left out stays. Admins only.",
        ),
    }
