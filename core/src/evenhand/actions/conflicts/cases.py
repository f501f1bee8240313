"""Open a conflict case, say something about it, withdraw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from evenhand.actions.conflicts.freezing import PARTY_COLUMNS, frozen_by
from evenhand.actions.conflicts.settings import conflict_choices
from evenhand.actions.conflicts.telling import describe, tell
from evenhand.actions.journal import Journal, writing
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows
from evenhand.entities import Attachment, User
from evenhand.entities.enums import ConflictKind, ConflictState
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.conflicts.errors import CaseEnded, CaseExists
from evenhand.ownership.conflicts.evidence import gather_evidence
from evenhand.ownership.conflicts.models import ConflictCase, ConflictParty, ConflictStatement
from evenhand.ownership.conflicts.rules import judge_of, may_rule
from evenhand.ownership.superiors import superiors_of
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import uuid7

MOST_RECORDS, MOST_PARTIES, MOST_FILES = 20, 20, 20
FROZEN = (ConflictState.OPEN, ConflictState.APPEALED)


@dataclass(frozen=True)
class Parties:
    """Whom and what a case is about: records as (entity, id), and the users who claim them."""

    records: tuple[tuple[str, UUID], ...]
    users: tuple[UUID, ...]


async def open_conflict(
    records: Sequence[tuple[str, UUID]],
    kind: ConflictKind,
    *,
    user_ids: Sequence[UUID] = (),
    reason: str | None = None,
) -> UUID:
    """Open a case about records that several claim: the evidence is kept as it is now, the holders are frozen.

    The owners of the records are parties, and a rep who opens the case; others can be named. Returns: its id.

    Raises:
        InvalidInput: no records, not two parties. NotFound. CaseExists: about one of the records. PermissionDenied: a
        rep who names other reps, but not oneself.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "Account")
    named = list(dict.fromkeys((entity(name).name, record_id) for name, record_id in records))
    _check_number(named, user_ids)
    words = require_value(ConflictCase, "reason", reason)
    async with writing("open_conflict") as journal:
        locked = await _lock_records(named)
        users = [record.owner_id for record in locked if record.owner_id is not None]
        if actor.user_id is not None and actor.role is Role.REP:
            users.append(actor.user_id)
        users = list(dict.fromkeys([*users, *user_ids]))
        await _check_parties(users)
        for name in {name for name, _ in named}:
            for record_id, (case_id, title) in (await frozen_by(name, [one for _, one in named])).items():
                known = await _known_title(case_id, title)
                raise CaseExists(
                    f"There is a conflict case about this {name.lower()} already{known}.",
                    hint="Add a statement to that case, or ask who may rule on it.",
                    record=str(record_id),
                    case=str(case_id),
                )
        return await store_case(Parties(tuple(named), tuple(users)), kind, words, locked, journal)


async def _known_title(case_id: UUID, title: str) -> str:
    """The title of a case as part of a sentence; "" for whom it does not concern, for it names the records."""
    case = await ConflictCase.get(id=case_id)
    return f": {title}" if await concerns_actor(case, await parties_of(case_id)) else ""


def _check_number(records: Sequence[tuple[str, UUID]], user_ids: Sequence[UUID]) -> None:
    if not 1 <= len(records) <= MOST_RECORDS:
        message = f"records: {len(records)} records make no case."
        raise InvalidInput([Problem("records", "WRONG_NUMBER", message, f"Name 1 to {MOST_RECORDS}.")])
    if len(user_ids) > MOST_PARTIES:
        message = f"user_ids: {len(user_ids)} are too many."
        raise InvalidInput([Problem("user_ids", "TOO_MANY", message, f"Name at most {MOST_PARTIES}.")])
    for name, _ in records:
        if name not in PARTY_COLUMNS:
            message = f"records: {name} records have no owner."
            hint = "Name accounts, leads or opportunities."
            raise InvalidInput([Problem("records", "NOT_OWNABLE", message, hint)])


async def _lock_records(named: Sequence[tuple[str, UUID]]) -> list[OwnableModel]:
    """Lock the records, also those that the actor does not see: who was stopped by a hidden customer may ask about it.

    Raises:
        NotFound.
    """
    found: dict[UUID, OwnableModel] = {}
    for name in PARTY_COLUMNS:
        ids = [record_id for kind, record_id in named if kind == name]
        if ids:
            rows = await entity(name).model.filter(id__in=ids).order_by("id").select_for_update(no_key=True)
            found |= {row.id: cast(OwnableModel, row) for row in rows}
    for name, record_id in named:
        if record_id not in found or found[record_id].archived_at is not None:
            raise NotFound(name, record_id)
    return [found[record_id] for _, record_id in named]


async def _check_parties(users: Sequence[UUID]) -> None:
    if len(users) < 2:
        message = "user_ids: a conflict needs two users who claim the same."
        raise InvalidInput([Problem("user_ids", "TOO_FEW", message, "Name who else claims it.")])
    known = set(await User.filter(id__in=list(users), archived_at=None).values_list("id", flat=True))
    for user_id in users:
        if user_id not in known:
            raise NotFound("User", user_id)


async def store_case(
    parties: Parties,
    kind: ConflictKind,
    reason: str | None,
    locked: Sequence[OwnableModel],
    journal: Journal,
    *,
    by_itself: bool = False,
) -> UUID:
    """Write a case about locked records, with the evidence as it is now, and tell whom it concerns. Returns: its id.

    Args:
        by_itself: nobody opened it.
    """
    choices = await conflict_choices()
    above = await superiors_of(parties.users)
    title = " / ".join(dict.fromkeys(str(record.columns()["name"]) for record in locked))
    case = ConflictCase(
        id=uuid7(),
        tenant_id=journal.actor.tenant_id,
        kind=kind,
        state=ConflictState.OPEN,
        title=title[:300],
        reason=reason,
        opened_by_id=None if by_itself else journal.actor.user_id,
        opened_at=journal.now,
        due_at=journal.now + timedelta(days=choices.days_to_rule),
        judge_id=judge_of(parties.users, above),
        evidence=await gather_evidence(parties.records),
    )
    await insert_rows(journal.client, ConflictCase, [case.columns()])
    rows: list[dict[str, Any]] = [{"user_id": user_id} for user_id in parties.users]
    rows += [{PARTY_COLUMNS[name]: record_id} for name, record_id in parties.records]
    empty = dict.fromkeys(["user_id", *PARTY_COLUMNS.values()])
    common = {"tenant_id": case.tenant_id, "case_id": case.id}
    await insert_rows(journal.client, ConflictParty, [{"id": uuid7(), **common, **empty, **row} for row in rows])
    after = {"state": case.state, "kind": kind, "due_at": case.due_at, "judge_id": case.judge_id}
    journal.record("ConflictCase", case.id, before=None, after=after)
    told = describe(case, parties)
    journal.emit("ConflictOpened", "ConflictCase", case.id, {**told, "due_at": case.due_at, "judge_id": case.judge_id})
    await tell("conflict_opened", case, parties, journal, everybody=by_itself)
    return case.id


async def lock_case(case_id: UUID) -> tuple[ConflictCase, Parties]:
    """Lock a case. Returns: it with its parties.

    Raises:
        NotFound: there is none, or it is no business of the actor.
    """
    case = await ConflictCase.filter(id=case_id).select_for_update(no_key=True).first()
    if case is None:
        raise NotFound("ConflictCase", case_id)
    parties = await parties_of(case_id)
    if not await concerns_actor(case, parties):
        raise NotFound("ConflictCase", case_id)
    return case, parties


async def parties_of(case_id: UUID) -> Parties:
    """Whom and what a case is about."""
    records: list[tuple[str, UUID]] = []
    users: list[UUID] = []
    for row in await ConflictParty.filter(case_id=case_id).order_by("id"):
        if row.user_id is not None:
            users.append(row.user_id)
        records += [(name, found) for name, column in PARTY_COLUMNS.items() if (found := getattr(row, column))]
    return Parties(tuple(records), tuple(users))


async def concerns_actor(case: ConflictCase, parties: Parties) -> bool:
    """Whether the actor is a party, opened the case, is asked to rule, stands above a party, or sees everything."""
    actor = current_actor()
    if actor.user_id is None or actor.role in (Role.ADMIN, Role.READ_ONLY):
        return True
    if actor.user_id in (*parties.users, case.opened_by_id, case.judge_id):
        return True
    above = await superiors_of(parties.users)
    return any(actor.user_id in found for found in above.values())


def require_state(case: ConflictCase, states: Sequence[ConflictState]) -> None:
    """Raise `CaseEnded` unless the case stands at one of these."""
    if case.state not in states:
        raise CaseEnded(
            f"Conflict case {case.title!r} is {case.state.value}.", hint="Read the case again.", state=case.state.value
        )


async def add_statement(case_id: UUID, text: str, *, attachment_ids: Sequence[UUID] = ()) -> UUID:
    """Say something about a case that is not decided; files attached to its records can go with it.

    Returns: id of the statement.

    Raises:
        NotFound, CaseEnded. InvalidInput: no words, or files of other records. PermissionDenied: who is neither a
        party nor may rule.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "Account")
    words = str(require_value(ConflictStatement, "text", text) or "").strip()
    if not words:
        raise InvalidInput([Problem("text", "REQUIRED", "text: says nothing.", "Say something.")])
    async with writing("add_statement") as journal:
        case, parties = await lock_case(case_id)
        require_state(case, FROZEN)
        if actor.user_id is not None and actor.user_id not in parties.users:
            above = await superiors_of(parties.users)
            asked = actor.user_id in (case.judge_id, case.opened_by_id)
            if not asked and not may_rule(actor.user_id, actor.role, parties.users, above):
                raise PermissionDenied(
                    "Only the parties and who may rule speak about a case.", hint="Ask a party to say it."
                )
        row = {
            "id": uuid7(),
            "tenant_id": actor.tenant_id,
            "case_id": case.id,
            "user_id": actor.user_id,
            "text": words,
            "attachments": await _attachments(attachment_ids, parties),
            "created_at": journal.now,
        }
        await insert_rows(journal.client, ConflictStatement, [row])
        journal.record("ConflictCase", case.id, before={}, after={"statement_id": row["id"]})
        await tell("conflict_statement", case, parties, journal)
    return cast(UUID, row["id"])


async def _attachments(ids: Sequence[UUID], parties: Parties) -> list[dict[str, str]]:
    if len(ids) > MOST_FILES:
        message = f"attachment_ids: {len(ids)} are too many."
        raise InvalidInput([Problem("attachment_ids", "TOO_MANY", message, f"Name at most {MOST_FILES}.")])
    records = {record_id for _, record_id in parties.records}
    found = {one.id: one for one in await Attachment.filter(id__in=list(ids), archived_at=None)} if ids else {}
    for one in ids:
        file = found.get(one)
        if file is None or not records & {file.account_id, file.lead_id, file.opportunity_id}:
            message = f"attachment_ids: file {one} belongs to none of the records."
            hint = "Attach the file to one of the records first."
            raise InvalidInput([Problem("attachment_ids", "REFERENCE_NOT_FOUND", message, hint)])
    return [{"id": str(one), "file_name": found[one].file_name} for one in dict.fromkeys(ids)]


async def withdraw_conflict(case_id: UUID, *, reason: str | None = None) -> None:
    """End a case without a ruling; who opened it, who may rule, and admins may, while nothing is ruled.

    Raises:
        NotFound, CaseEnded, PermissionDenied.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "Account")
    words = require_value(ConflictCase, "ended_reason", reason)
    async with writing("withdraw_conflict") as journal:
        case, parties = await lock_case(case_id)
        require_state(case, [ConflictState.OPEN])
        above = await superiors_of(parties.users)
        if (
            actor.user_id is not None
            and actor.user_id != case.opened_by_id
            and not may_rule(actor.user_id, actor.role, parties.users, above)
        ):
            raise PermissionDenied("Only who opened a case, or may rule on it, withdraws it.", hint="Ask one of them.")
        await change_case(
            case, {"state": ConflictState.WITHDRAWN, "ended_at": journal.now, "ended_reason": words}, journal
        )
        journal.emit("ConflictWithdrawn", "ConflictCase", case.id, {**describe(case, parties), "reason": words})
        await tell("conflict_withdrawn", case, parties, journal)


async def change_case(case: ConflictCase, new: dict[str, Any], journal: Journal) -> None:
    """Write columns of a locked case, and note them."""
    await ConflictCase.filter(id=case.id).update(**new)
    journal.record("ConflictCase", case.id, before={name: getattr(case, name) for name in new}, after=new)
    for name, value in new.items():
        setattr(case, name, value)
