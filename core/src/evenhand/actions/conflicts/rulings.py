"""Rule on a conflict case, appeal, and let rulings become final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from evenhand.actions.conflicts.cases import (
    FROZEN,
    Parties,
    change_case,
    lock_case,
    require_state,
)
from evenhand.actions.conflicts.settings import conflict_choices
from evenhand.actions.conflicts.telling import describe, tell
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.merges.merge import merge_within
from evenhand.actions.owners import change_holders
from evenhand.actions.record_members import teams_of, write_teams
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows
from evenhand.entities.enums import ConflictState, MemberRole, OwnershipReason
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.conflicts.errors import AppealRefused
from evenhand.ownership.conflicts.models import ConflictCase, ConflictRuling
from evenhand.ownership.conflicts.rules import judge_of, may_rule
from evenhand.ownership.holders import Holder, require_eligible_owners
from evenhand.ownership.members.rules import Member, split_problems
from evenhand.ownership.superiors import superiors_of
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7


@dataclass(frozen=True)
class Ruling:
    """What a judge decides.

    Attributes:
        split: percent by user, with the owner, exactly 100 together.
        record_ids: the records that the owner gets; all of the case when empty.
        merge_into: the account of the case that takes the others in.
    """

    owner_id: UUID
    split: Mapping[UUID, Decimal]
    reason: str
    record_ids: tuple[UUID, ...] = ()
    merge_into: UUID | None = None


async def rule_conflict(case_id: UUID, ruling: Ruling) -> UUID:
    """Rule on an open or appealed case: holder, shares and merge follow in the same transaction.

    Of several who rule at once one gets through. Returns: id of the ruling.

    Raises:
        NotFound, CaseEnded, OwnerNotEligible. InvalidInput: a split that is not whole, no reason, records of no
        concern. PermissionDenied: a party, who stands not above all parties, or who ruled before the appeal.
    """
    actor = current_actor()
    require(actor, Operation.ASSIGN, "Account")
    reason = str(require_value(ConflictRuling, "reason", ruling.reason) or "").strip()
    problems = split_problems(ruling.split, ruling.owner_id)
    if not reason:
        problems.append(Problem("reason", "REQUIRED", "reason: says nothing.", "Say why."))
    if problems:
        raise InvalidInput(problems)
    async with writing("rule_conflict") as journal:
        case, parties = await lock_case(case_id)
        require_state(case, FROZEN)
        former = [one.judge_id for one in await ConflictRuling.filter(case_id=case.id) if one.judge_id is not None]
        above = await superiors_of([*parties.users, *former])
        if not may_rule(actor.user_id, actor.role, parties.users, above, former):
            raise PermissionDenied(
                "Only an admin, or who stands above all parties, rules; never a party, and nobody twice.",
                hint="Leave it to whoever is asked to rule.",
            )
        records = _concerned(ruling, parties)
        await require_eligible_owners(set(ruling.split))
        number = 2 if case.state is ConflictState.APPEALED else 1
        row = await _execute(case, number, ruling, reason, records, journal)
        await _note(case, number, row, parties, journal)
    return row["id"]  # type: ignore[no-any-return]


def _concerned(ruling: Ruling, parties: Parties) -> list[tuple[str, UUID]]:
    known = {record_id: name for name, record_id in parties.records}
    for record_id in ruling.record_ids:
        if record_id not in known:
            message = f"record_ids: {record_id} is no record of the case."
            raise InvalidInput([Problem("record_ids", "NOT_CONCERNED", message, "Name records of the case.")])
    records = [(known[one], one) for one in dict.fromkeys(ruling.record_ids)] or list(parties.records)
    if ruling.merge_into is not None:
        accounts = [one for name, one in records if name == "Account"]
        if ruling.merge_into not in accounts or len(accounts) < 2:
            message = "merge_into: a merge needs two accounts of the case, and one of them stays."
            raise InvalidInput([Problem("merge_into", "NOT_CONCERNED", message, "Name an account of the case.")])
    return records


async def _execute(
    case: ConflictCase,
    number: int,
    ruling: Ruling,
    reason: str,
    records: Sequence[tuple[str, UUID]],
    journal: Journal,
) -> dict[str, Any]:
    """Give the records to the owner, set the shares, merge, and keep the ruling."""
    code = OwnershipReason.RULED if number == 1 else OwnershipReason.APPEALED
    why = Why(code, note=reason[:500], policy=f"conflict:{case.id}")
    kept: list[dict[str, Any]] = []
    for name in dict.fromkeys(name for name, _ in records):
        kind = entity(name)
        ids = sorted(one for other, one in records if other == name)
        rows = await kind.model.filter(id__in=ids).order_by("id").select_for_update(no_key=True)
        columns = [one.columns() for one in rows]
        kept += [{"entity": name, **{key: one[key] for key in ("id", "owner_id", "pool_id")}} for one in columns]
        holder = Holder(owner_id=ruling.owner_id)
        # Caps and cool-downs are for those who take; a judge gives. What was set aside is in the ledger.
        await change_holders(
            kind, dict.fromkeys(ids, holder), dict.fromkeys(ids, why), journal=journal, override=reason[:500]
        )
        there = await teams_of(kind, ids)
        await write_teams(kind, {one: _team(ruling, there.get(one, {})) for one in ids}, journal, case_id=case.id)
    merges: list[UUID] = []
    if ruling.merge_into is not None:
        others = sorted(one for name, one in records if name == "Account" and one != ruling.merge_into)
        merges = await merge_within(journal, ruling.merge_into, others)
    row = {
        "id": uuid7(),
        "tenant_id": case.tenant_id,
        "case_id": case.id,
        "round": number,
        "owner_id": ruling.owner_id,
        "split": [{"user_id": str(user), "share": str(share)} for user, share in ruling.split.items()],
        "records": kept,
        "merged_into_id": ruling.merge_into,
        "merges": [{"id": str(one)} for one in merges],
        "reason": reason,
        "judge_id": journal.actor.user_id,
        "ruled_at": journal.now,
    }
    await insert_rows(journal.client, ConflictRuling, [row])
    return row


def _team(ruling: Ruling, there: Mapping[UUID, Member]) -> list[Member]:
    """The team after a ruling: those with a share besides the owner, and the watchers that there were."""
    shared = [
        Member(user_id, MemberRole.COLLABORATOR, share)
        for user_id, share in ruling.split.items()
        if user_id != ruling.owner_id and share > 0
    ]
    taken = {ruling.owner_id, *(member.user_id for member in shared)}
    return [*shared, *(one for one in there.values() if one.role is MemberRole.WATCHER and one.user_id not in taken)]


async def _note(case: ConflictCase, number: int, row: Mapping[str, Any], parties: Parties, journal: Journal) -> None:
    days = (await conflict_choices()).days_to_appeal if number == 1 else 0
    if days:
        new: dict[str, Any] = {"state": ConflictState.RULED, "appeal_until": journal.now + timedelta(days=days)}
    else:
        new = {"state": ConflictState.CLOSED, "appeal_until": None, "ended_at": journal.now}
    await change_case(case, new, journal)
    payload = {name: row[name] for name in ("round", "owner_id", "split", "reason", "merged_into_id")}
    journal.emit("ConflictRuled", "ConflictCase", case.id, {**describe(case, parties), **payload})
    await tell("conflict_ruled", case, parties, journal, body={"en": row["reason"], "zh": row["reason"]})


async def appeal_conflict(case_id: UUID, reason: str) -> None:
    """Appeal against a ruling: once, by a party, within the tenant's time; it goes to somebody higher.

    Raises:
        NotFound, CaseEnded. AppealRefused: too late. InvalidInput: no reason. PermissionDenied: who is no party.
    """
    actor = current_actor()
    require(actor, Operation.UPDATE, "Account")
    words = str(require_value(ConflictCase, "appeal_reason", reason) or "").strip()
    if not words:
        raise InvalidInput([Problem("reason", "REQUIRED", "reason: says nothing.", "Say why.")])
    async with writing("appeal_conflict") as journal:
        case, parties = await lock_case(case_id)
        require_state(case, [ConflictState.RULED])
        if actor.user_id not in parties.users:
            raise PermissionDenied("Only a party appeals.", hint="Ask a party to do it.")
        if case.appeal_until is None or journal.now > case.appeal_until:
            raise AppealRefused(
                f"The time to appeal against the ruling on {case.title!r} is over.", hint="The ruling is final."
            )
        former = [one.judge_id for one in await ConflictRuling.filter(case_id=case.id) if one.judge_id is not None]
        above = await superiors_of([*parties.users, *former])
        choices = await conflict_choices()
        new = {
            "state": ConflictState.APPEALED,
            "appeal_until": None,
            "appealed_by_id": actor.user_id,
            "appealed_at": journal.now,
            "appeal_reason": words,
            "due_at": journal.now + timedelta(days=choices.days_to_rule),
            "judge_id": judge_of(parties.users, above, former),
            "reminded_at": None,
        }
        await change_case(case, new, journal)
        payload = {"reason": words, "judge_id": case.judge_id}
        journal.emit("ConflictAppealed", "ConflictCase", case.id, {**describe(case, parties), **payload})
        await tell("conflict_appealed", case, parties, journal, body={"en": words, "zh": words})
