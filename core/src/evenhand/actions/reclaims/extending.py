"""Ask to keep a record longer, and decide on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, writing
from evenhand.actions.notifications import notify
from evenhand.actions.reclaims.errors import ExtensionDecidedAlready, ExtensionPending, ExtensionRefused
from evenhand.actions.reclaims.protection import lock_held
from evenhand.actions.reclaims.reclaiming import lock_records
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import User
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.clocks.models import ExtensionRequest, ExtensionState
from evenhand.ownership.clocks.reading import Held, RuleBook, read_held, rule_book
from evenhand.ownership.superiors import superiors_of
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import uuid7

_POOL_MANAGERS = """
SELECT DISTINCT u.id FROM pool_members AS m JOIN users AS u ON u.tenant_id = $1 AND u.is_active
    AND u.archived_at IS NULL
    AND (u.id = m.user_id OR u.regions ? m.region OR u.product_lines ? m.product_line
        OR EXISTS (SELECT FROM team_closure AS c WHERE c.tenant_id = $1
            AND c.ancestor_id = m.team_id AND c.descendant_id = u.team_id))
WHERE m.tenant_id = $1 AND m.pool_id = $2 AND m.role = 'manager' AND m.archived_at IS NULL
"""


async def request_extension(entity_name: str, record_id: UUID, days: int, reason: str) -> UUID:
    """Ask to keep a record so many days longer; the managers of the pool or the holder's manager decide.

    The same request again is the same request.

    Returns: the request's id.

    Raises:
        ExtensionRefused, ExtensionPending, NotHolder, NotFound, RecordArchived, InvalidInput, PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.UPDATE, kind.name)
    days, words = _checked(days, reason)
    async with writing("request_extension") as journal:
        held, book = await lock_held(kind, [record_id], journal)
        one = held[record_id]
        requests = await ExtensionRequest.filter(record_id=record_id, held_since=one.held_since)
        for request in requests:
            if request.state is ExtensionState.PENDING:
                if (request.days, request.reason) == (days, words):
                    return request.id
                message = f"{one.name}: a request for {request.days} days waits for its decision."
                raise ExtensionPending(message, hint="Wait for it.", request=str(request.id))
        _refuse(one, book, days, sum(request.state is ExtensionState.APPROVED for request in requests))
        # A request of an earlier holder, which nobody decided, is over.
        await ExtensionRequest.filter(record_id=record_id, state=ExtensionState.PENDING).update(
            state=ExtensionState.CANCELLED, decided_at=journal.now
        )
        row = _row(kind.name, one, days, words, journal)
        await insert_rows(journal.client, ExtensionRequest, [row])
        given = {"record_id": record_id, "days": days, "reason": words}
        journal.record("ExtensionRequest", row["id"], before=None, after=given)
        payload = {"request_id": row["id"], "days": days, "reason": words}
        journal.emit("ExtensionRequested", kind.name, record_id, payload)
        await _ask(kind.name, one, days, words, row["id"], journal)
    request_id: UUID = row["id"]
    return request_id


def _checked(days: int, reason: str) -> tuple[int, str]:
    problems = []
    if not 1 <= days <= 36_500:
        problems.append(Problem("days", "OUT_OF_RANGE", f"days: {days} is out of range.", "Give 1 to 36500."))
    words = str(require_value(ExtensionRequest, "reason", reason) or "").strip()
    if not words:
        problems.append(Problem("reason", "REQUIRED", "reason: must not be empty.", "Say why more time is needed."))
    if problems:
        raise InvalidInput(problems)
    return days, words


def _refuse(one: Held, book: RuleBook, days: int, granted: int) -> None:
    rule = None if one.rule is None else book.pool_rule(one.rule)
    if rule is None or not rule.extensions_most:
        message = f"{one.name}: no rule grants more time."
        raise ExtensionRefused(message, hint="An admin sets extensionsMost of the pool's rule.")
    if granted >= rule.extensions_most:
        message = f"{one.name}: it was extended {granted} times, rule {rule.name!r} allows {rule.extensions_most}."
        raise ExtensionRefused(message, hint="It cannot be kept longer.")
    if rule.extension_days is not None and days > rule.extension_days:
        message = f"{one.name}: rule {rule.name!r} grants {rule.extension_days} days at most, {days} were asked for."
        raise ExtensionRefused(message, hint=f"Ask for at most {rule.extension_days} days.")


def _row(name: str, one: Held, days: int, reason: str, journal: Journal) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "entity": name,
        "record_id": one.record_id,
        "user_id": one.owner_id,
        "held_since": one.held_since,
        "days": days,
        "reason": reason,
        "state": ExtensionState.PENDING,
        "requested_at": journal.now,
        "decided_at": None,
        "decider_id": None,
        "note": None,
        "extended_until": None,
    }


async def deciders_of(one: Held, journal: Journal) -> set[UUID]:
    """Who decides on a request for a record besides the admins: the managers of its pool, the holder's manager."""
    found: set[UUID] = set()
    if one.rule is not None:
        rows = await raw_connection(journal.client).fetch(_POOL_MANAGERS, journal.actor.tenant_id, one.rule.pool_id)
        found = {row["id"] for row in rows}
    found |= set((await superiors_of([one.owner_id]))[one.owner_id][:1])
    return found - {one.owner_id}


async def _ask(name: str, one: Held, days: int, reason: str, request_id: UUID, journal: Journal) -> None:
    users = await deciders_of(one, journal)
    if not users:
        admins = await User.filter(role=Role.ADMIN, is_active=True, archived_at=None)
        users = {admin.id for admin in admins} - {one.owner_id}
    await notify(
        journal,
        sorted(users),
        kind="extension_requested",
        title={"en": f"More time asked for: {one.name}", "zh": f"申请延期：{one.name}"},
        body={"en": f"{days} days: {reason}", "zh": f"{days} 天：{reason}"},
        entity=name,
        record_id=one.record_id,
        key=f"extension:{request_id}",
    )


async def decide_extension(request_id: UUID, *, approve: bool, note: str | None = None) -> ExtensionState:
    """Grant or refuse more time. Nobody decides on the own request.

    Returns: where the request stands then; cancelled when the record changed hands meanwhile.

    Raises:
        ExtensionDecidedAlready, NotFound, PermissionDenied.
    """
    words = require_value(ExtensionRequest, "note", note)
    async with writing("decide_extension") as journal:
        request = await ExtensionRequest.get_or_none(id=request_id)
        if request is None:
            raise NotFound("ExtensionRequest", request_id)
        kind = entity(request.entity)
        require(journal.actor, Operation.READ, kind.name)
        # Who manages the pool decides, also on records that only their holder sees.
        await lock_records(kind, [request.record_id], journal)
        request = await ExtensionRequest.get(id=request_id)
        book = await rule_book(kind.name, journal.now)
        one = next(iter(await read_held(book, ids=[request.record_id])), None)
        await _require_decider(request, one, journal)
        if request.state is not ExtensionState.PENDING:
            message = f"The request is {request.state.value} since {request.decided_at}."
            raise ExtensionDecidedAlready(message, hint="Ask for more time again, if it is needed.")
        new: dict[str, Any] = {"decided_at": journal.now, "decider_id": journal.actor.user_id, "note": words}
        if one is None or one.held_since != request.held_since:
            new["state"] = ExtensionState.CANCELLED
        elif approve:
            _refuse(one, book, request.days, await _granted(request))
            new |= {"state": ExtensionState.APPROVED, "extended_until": _extended(one, book, request, journal.now)}
        else:
            new["state"] = ExtensionState.REJECTED
        await _write(request, new, journal)
        await _answer(request, new, "" if one is None else one.name, journal)
    state: ExtensionState = new["state"]
    return state


async def _granted(request: ExtensionRequest) -> int:
    return await ExtensionRequest.filter(
        record_id=request.record_id, held_since=request.held_since, state=ExtensionState.APPROVED
    ).count()


async def _require_decider(request: ExtensionRequest, one: Held | None, journal: Journal) -> None:
    actor = journal.actor
    if actor.user_id is None:
        return
    require(actor, Operation.ASSIGN if actor.role is not Role.REP else Operation.UPDATE, request.entity)
    allowed = actor.role is Role.ADMIN or (one is not None and actor.user_id in await deciders_of(one, journal))
    if not allowed or actor.user_id == request.user_id:
        raise PermissionDenied(
            "Only a manager of the pool, the holder's manager or an admin decides on this request, never the holder.",
            hint="Ask one of them.",
        )


def _extended(one: Held, book: RuleBook, request: ExtensionRequest, now: datetime) -> datetime:
    """From the deadline as it is, or from now when that is later, so many days."""
    calendar = book.calendars.of(one.country)
    end = now if one.deadline is None else max(now, one.deadline.at - timedelta(microseconds=1))
    working = one.rule is not None and one.rule.working_days
    return calendar.end(calendar.later(calendar.day_of(end), request.days, working=working))


async def _write(request: ExtensionRequest, new: Mapping[str, Any], journal: Journal) -> None:
    await ExtensionRequest.filter(id=request.id).update(**new)
    before = {name: getattr(request, name) for name in new}
    journal.record("ExtensionRequest", request.id, before=before, after=new)
    payload = {
        "request_id": request.id,
        "approved": new["state"] is ExtensionState.APPROVED,
        "extended_until": new.get("extended_until"),
        "note": new["note"],
    }
    journal.emit("ExtensionDecided", request.entity, request.record_id, payload)


async def _answer(request: ExtensionRequest, new: Mapping[str, Any], name: str, journal: Journal) -> None:
    granted = new["state"] is ExtensionState.APPROVED
    title = {
        "en": f"{'More time was granted' if granted else 'No more time was granted'}: {name}",
        "zh": f"{'延期已批准' if granted else '延期未批准'}：{name}",
    }
    await notify(
        journal,
        [request.user_id],
        kind="extension_decided",
        title=title,
        body=None if new["note"] is None else {"en": new["note"], "zh": new["note"]},
        entity=request.entity,
        record_id=request.record_id,
        key=f"extension_decided:{request.id}",
    )
