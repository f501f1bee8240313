"""Plan a hand-over, change it while it is a draft, and cancel it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from evenhand.actions.errors import VersionConflict
from evenhand.actions.handovers.choosing import Choice, choose
from evenhand.actions.journal import Journal, writing
from evenhand.actions.stages import tenant_zone
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.db.session import raw_connection
from evenhand.entities import User
from evenhand.entities.enums import HandoverMethod, HandoverState
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.handovers.errors import HandoverEnded, HandoverOpen, NothingHeld
from evenhand.ownership.handovers.models import Handover, HandoverLine
from evenhand.ownership.handovers.reading import ENTITIES, book_of, items_of, may_hand_over, people
from evenhand.ownership.handovers.rules import NOBODY, Item, Step, Target, Where
from evenhand.ownership.models import Pool
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

_KEPT = ("to_user_id", "to_pool_id", "method", "policy", "seed", "verdicts", "locked", "override_reason")


@dataclass(frozen=True)
class LineChange:
    """What is to be different about some lines of a draft.

    Attributes:
        target: who is to get them, or `NOBODY`: they stay; None leaves that as it is.
        locked: whether planning the rest again leaves them as they are; None: they are locked when a target is given.
        override_reason: why their customers may change hands although they did so too often; "" takes it back.
    """

    where: Where
    target: Target | None = None
    locked: bool | None = None
    override_reason: str | None = None


async def plan_handover(
    from_user_id: UUID,
    steps: Sequence[Step],
    *,
    entities: Sequence[str] = ENTITIES,
    note: str | None = None,
    seed: int | None = None,
    keep_watching: bool = False,
) -> UUID:
    """Plan to hand over what a user holds: nothing changes hands before `execute_handover`.

    For admins, and for managers about themselves and their people. There is one draft for a user at a time.

    Args:
        steps: how to choose who gets what, in order; a record goes by the first that chooses for it.
        entities: which kinds of records; all that have owners by default.
        note: why, in words.
        seed: for ties; random by default, and always recorded.
        keep_watching: whether the user stays with the records as a watcher.

    Returns: the plan's id.

    Raises:
        HandoverOpen, NothingHeld, InvalidInput, NotFound, NoPolicy, PluginFailed, PermissionDenied.
    """
    require(current_actor(), Operation.ASSIGN, "Handover")
    covered = _entities(entities)
    said = require_value(Handover, "note", note)
    async with writing("plan_handover") as journal:
        await require_people(from_user_id)
        today = await today_of(journal)
        items = [item for item in await book_of(from_user_id, today) if item.entity in covered]
        if not items:
            raise NothingHeld("This user holds nothing of that kind.", hint="There is nothing to hand over.")
        drawn = seed if seed is not None else secrets.randbits(62)
        chosen = await choose(items, steps, leaver=from_user_id, seed=drawn, journal=journal, today=today)
        plan = _new_plan(from_user_id, covered, steps, said, drawn, keep_watching, journal)
        suffix = "ON CONFLICT (tenant_id, from_user_id) WHERE state = 'draft' DO NOTHING RETURNING id"
        if not await insert_rows(journal.client, Handover, [plan], suffix=suffix):
            raise HandoverOpen(
                "There is a draft of a hand-over for this user already.",
                hint="Change it, execute it, or cancel it first.",
            )
        await insert_rows(journal.client, HandoverLine, [_new_line(plan["id"], item, chosen) for item in items])
        shown = {name: plan[name] for name in ("from_user_id", "state", "note", "entities", "steps", "seed")}
        journal.record("Handover", plan["id"], before=None, after={**shown, "lines": len(items)})
        made: UUID = plan["id"]
        return made


def _entities(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in ENTITIES:
            message = f"entities: {name[:64]!r} records have no owner."
            raise InvalidInput([Problem("entities", "NOT_OWNABLE", message, f"Use any of: {', '.join(ENTITIES)}.")])
    if not names:
        raise InvalidInput([Problem("entities", "REQUIRED", "entities: none is named.", "Name one, or leave it out.")])
    return [name for name in ENTITIES if name in names]


def _new_plan(
    from_user_id: UUID,
    entities: Sequence[str],
    steps: Sequence[Step],
    note: str | None,
    seed: int,
    keep_watching: bool,
    journal: Journal,
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "from_user_id": from_user_id,
        "state": HandoverState.DRAFT,
        "note": note,
        "entities": list(entities),
        "steps": shown_steps(steps),
        "seed": seed,
        "keep_watching": keep_watching,
        "version": 1,
        "planned_at": journal.now,
        "created_at": journal.now,
        "created_by_id": journal.actor.user_id,
        "moved": 0,
        "stale": 0,
        "tasks_moved": 0,
        "returned": 0,
        "books": {},
    }


def shown_steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Steps as JSON keeps them, without what is empty."""
    found = []
    for step in steps:
        where = {name: sorted(map(str, values)) for name, values in asdict(step.where).items() if values}
        plain = {
            "method": step.method.value,
            "users": [str(user) for user in step.users],
            "shares": list(step.shares),
            "pool": str(step.pool_id) if step.pool_id is not None else None,
            "policy": step.policy,
            "where": where,
        }
        found.append({name: value for name, value in plain.items() if value})
    return found


def _new_line(plan_id: UUID, item: Item, chosen: Mapping[UUID, Choice]) -> dict[str, Any]:
    choice = chosen.get(item.record_id, Choice())
    return {
        "id": uuid7(),
        "tenant_id": current_actor().tenant_id,
        "handover_id": plan_id,
        "entity": item.entity,
        "record_id": item.record_id,
        "account_id": item.account_id,
        "since": item.since,
        **choice.columns(),
        "locked": False,
        "override_reason": None,
    }


async def today_of(journal: Journal) -> date:
    """The tenant's day."""
    return journal.now.astimezone(await tenant_zone()).date()


async def require_people(user_id: UUID) -> None:
    """Raise `NotFound` for no user, `PermissionDenied` unless the actor may hand over this user's book."""
    if not await User.exists(id=user_id):
        raise NotFound("User", user_id)
    if not await may_hand_over(current_actor(), user_id):
        raise PermissionDenied(
            "Managers hand over what they and their own people hold.", hint="Ask an admin, or the user's manager."
        )


async def lock_handover(handover_id: UUID) -> Handover:
    """Lock a plan; for those who may hand over its user's book.

    Raises:
        NotFound, PermissionDenied.
    """
    found = await Handover.filter(id=handover_id).select_for_update().first()
    if found is None:
        raise NotFound("Handover", handover_id)
    await require_people(found.from_user_id)
    return found


def require_draft(plan: Handover, version: int | None) -> None:
    """Raise `HandoverEnded` unless the plan is a draft, and `VersionConflict` unless it is at this version."""
    if plan.state is not HandoverState.DRAFT:
        raise HandoverEnded(
            f"The hand-over is {plan.state.value} already.", hint="Plan another one.", state=plan.state.value
        )
    if version is not None and version != plan.version:
        raise VersionConflict(
            f"Hand-over {plan.id} is at version {plan.version}, the change was made on {version}.",
            hint="Read it again, look at what changed, and send the change with the new version.",
            current=plan.version,
        )


async def lines_of(handover_id: UUID, journal: Journal) -> list[dict[str, Any]]:
    """The lines of a plan as rows, in the order of the records' ids."""
    rows = await raw_connection(journal.client).fetch(
        "SELECT id, entity, record_id, account_id, since, to_user_id, to_pool_id, method, policy, seed, verdicts, "
        "locked, override_reason, outcome, held_since FROM handover_lines WHERE tenant_id = $1 AND handover_id = $2 "
        "ORDER BY record_id",
        journal.actor.tenant_id,
        handover_id,
    )
    return [dict(row) for row in rows]


def target_of(line: Mapping[str, Any]) -> Target:
    """Who is to get the record of a line."""
    return Target(line["to_user_id"], line["to_pool_id"])


async def change_handover_lines(
    handover_id: UUID,
    changes: Sequence[LineChange],
    *,
    steps: Sequence[Step] | None = None,
    seed: int | None = None,
    version: int | None = None,
) -> int:
    """Change lines of a draft by hand, and with `steps` plan all that is not locked again.

    Planning again looks at the book anew: what the user does not hold any more leaves the plan, what is new joins it.

    Args:
        changes: one after the other; a later one may change what an earlier one set.
        version: the version the change was made on; None takes whatever is there.

    Returns: how many lines there are.

    Raises:
        NotFound, HandoverEnded, VersionConflict, InvalidInput, NoPolicy, PermissionDenied.
    """
    require(current_actor(), Operation.ASSIGN, "Handover")
    async with writing("change_handover_lines") as journal:
        plan = await lock_handover(handover_id)
        require_draft(plan, version)
        today = await today_of(journal)
        await _check_targets([change.target for change in changes if change.target], plan.from_user_id, today)
        lines = await lines_of(handover_id, journal)
        touched = await _apply(lines, changes, today)
        if steps is None:
            await update_rows(journal.client, HandoverLine, [_row(line, journal) for line in touched])
        else:
            lines = await _plan_again(plan, lines, steps, seed, today, journal)
        new: dict[str, Any] = {"version": plan.version + 1}
        if steps is not None:
            new |= {"planned_at": journal.now, "steps": shown_steps(steps)}
            new |= {"seed": seed} if seed is not None else {}
        await update_rows(journal.client, Handover, [{"id": plan.id, "tenant_id": plan.tenant_id, **new}])
        before = {name: getattr(plan, name) for name in new}
        told = {"changes": [_told(change) for change in changes]} if changes else {}
        journal.record("Handover", plan.id, before=before, after={**new, **told})
        return len(lines)


def _row(line: Mapping[str, Any], journal: Journal) -> dict[str, Any]:
    # As they came from the database, verdicts are text, and have not changed.
    kept = {name: line[name] for name in _KEPT if name != "verdicts" or isinstance(line[name], list)}
    return {"id": line["id"], "tenant_id": journal.actor.tenant_id, **kept}


def _told(change: LineChange) -> dict[str, Any]:
    """A change as the audit keeps it."""
    where = {name: sorted(map(str, values)) for name, values in asdict(change.where).items() if values}
    target = {name: str(value) for name, value in asdict(change.target or NOBODY).items() if value is not None}
    plain = {"where": where, "target": target, "locked": change.locked, "override_reason": change.override_reason}
    return {name: value for name, value in plain.items() if value is not None}


async def _check_targets(targets: Sequence[Target], leaver: UUID, today: date) -> None:
    known = await people(today)
    pools = {pool.id for pool in await Pool.filter(archived_at=None)}
    problems = []
    for target in targets:
        user = known.get(target.user_id) if target.user_id is not None else None
        if target.user_id is not None and (user is None or not user["eligible"] or target.user_id == leaver):
            message = f"to_user_id: user {target.user_id} cannot take over these records."
            problems.append(Problem("to_user_id", "NOT_ELIGIBLE", message, "Choose another active user."))
        if target.pool_id is not None and (target.pool_id not in pools or target.user_id is not None):
            message = f"to_pool_id: pool {target.pool_id} cannot take these records."
            problems.append(Problem("to_pool_id", "REFERENCE_NOT_FOUND", message, "Give one user or one pool."))
    if problems:
        raise InvalidInput(problems)


async def _apply(lines: Sequence[dict[str, Any]], changes: Sequence[LineChange], today: date) -> list[dict[str, Any]]:
    """Change the rows of lines in place. Returns: those that were named."""
    if not changes:
        return []
    items = await items_of([line["record_id"] for line in lines], today)
    touched: dict[UUID, dict[str, Any]] = {}
    for number, change in enumerate(changes):
        reason = require_value(HandoverLine, "override_reason", change.override_reason)
        found = [line for line in lines if change.where.takes(items.get(line["record_id"]) or _gone(line))]
        missing = change.where.record_ids - {line["record_id"] for line in found}
        if missing:
            field_name = f"changes.{number}.record_ids"
            message = f"{field_name}: record {min(missing)} is not in this hand-over, or not one of the others named."
            raise InvalidInput([Problem(field_name, "REFERENCE_NOT_FOUND", message, "Name records of its lines.")])
        for line in found:
            if change.target is not None:
                method = HandoverMethod.HAND if change.target else None
                line |= Choice(change.target, method).columns()
                line["locked"] = True
            if change.locked is not None:
                line["locked"] = change.locked
            if change.override_reason is not None:
                line["override_reason"] = reason
            touched[line["id"]] = line
    return list(touched.values())


def _gone(line: Mapping[str, Any]) -> Item:
    """A record that is closed, converted or archived by now."""
    return Item(line["entity"], line["record_id"], line["since"], line["account_id"])


async def _plan_again(
    plan: Handover,
    lines: Sequence[Mapping[str, Any]],
    steps: Sequence[Step],
    seed: int | None,
    today: date,
    journal: Journal,
) -> list[dict[str, Any]]:
    items = [item for item in await book_of(plan.from_user_id, today) if item.entity in plan.entities]
    held = {item.record_id: item for item in items}
    locked = {
        line["record_id"]: line
        for line in lines
        if line["locked"] and line["record_id"] in held and held[line["record_id"]].since == line["since"]
    }
    reasons = {line["record_id"]: line["override_reason"] for line in lines}
    chosen = await choose(
        items,
        steps,
        leaver=plan.from_user_id,
        seed=seed if seed is not None else plan.seed,
        journal=journal,
        today=today,
        kept={record_id: target_of(line) for record_id, line in locked.items()},
    )
    fresh = [_new_line(plan.id, item, chosen) for item in items]
    for row in fresh:
        if row["record_id"] in locked:
            row |= {name: locked[row["record_id"]][name] for name in _KEPT}
            row["verdicts"] = orjson.loads(row["verdicts"]) if isinstance(row["verdicts"], str) else row["verdicts"]
        row["override_reason"] = reasons.get(row["record_id"])
    await raw_connection(journal.client).execute(
        "DELETE FROM handover_lines WHERE tenant_id = $1 AND handover_id = $2", plan.tenant_id, plan.id
    )
    await insert_rows(journal.client, HandoverLine, fresh)
    return fresh


async def cancel_handover(handover_id: UUID) -> bool:
    """Give up a draft. Returns: False when it was cancelled already.

    Raises:
        NotFound, HandoverEnded, PermissionDenied.
    """
    require(current_actor(), Operation.ASSIGN, "Handover")
    async with writing("cancel_handover") as journal:
        plan = await lock_handover(handover_id)
        if plan.state is HandoverState.CANCELLED:
            return False
        require_draft(plan, None)
        new = {"state": HandoverState.CANCELLED, "ended_at": journal.now, "ended_by_id": journal.actor.user_id}
        row = {"id": plan.id, "tenant_id": plan.tenant_id, "version": plan.version + 1, **new}
        await update_rows(journal.client, Handover, [row])
        journal.record("Handover", plan.id, before={"state": plan.state}, after={"state": HandoverState.CANCELLED})
        return True
