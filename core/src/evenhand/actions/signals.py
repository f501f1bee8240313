"""Look for patterns in what people do with records, tell who should know, and keep what they made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.actions.errors import AlreadyReviewed
from evenhand.actions.journal import Journal, writing
from evenhand.actions.notifications import Message, notify_all
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import Tenant, User
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.signals.models import OwnershipSignal, SignalState
from evenhand.ownership.signals.reading import facts_since
from evenhand.ownership.signals.rules import (
    Bounds,
    Evidence,
    Finding,
    SignalKind,
    looking_only,
    newest,
    parking,
    return_and_claim,
    sham_follow_ups,
)
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import uuid7

MOST_EVIDENCE = 50
"""So much of the latest evidence is kept with a signal."""

# What was judged stays as it was judged.
_AGAIN = """
ON CONFLICT (tenant_id, key) DO UPDATE
SET times = EXCLUDED.times, first_at = EXCLUDED.first_at, last_at = EXCLUDED.last_at, evidence = EXCLUDED.evidence
WHERE ownership_signals.state = 'open' AND ownership_signals.last_at < EXCLUDED.last_at
RETURNING id, key, found_at
"""

WORDS: Mapping[SignalKind, Mapping[str, str]] = {
    SignalKind.SHAM_FOLLOW_UP: {
        "en": "{user}: {times} deadlines saved at the last moment by follow-ups without substance",
        "zh": "{user}：{times} 次在回收截止前以无实质内容的跟进保住客户",
    },
    SignalKind.RETURN_AND_CLAIM: {
        "en": "{user}: gave records back and claimed them again {times} times",
        "zh": "{user}：{times} 次退回后又领取同一条记录",
    },
    SignalKind.PARKING: {
        "en": "{user}: {times} records held by {colleague} for a while without any activity, then back",
        "zh": "{user}：{times} 条记录由 {colleague} 短暂持有且无任何跟进，随后回到原负责人",
    },
    SignalKind.LOOKING_ONLY: {
        "en": "{user}: looked into {times} records of pools and claimed hardly any",
        "zh": "{user}：查看了 {times} 条公海记录，几乎没有领取",
    },
}


def _stored(evidence: Evidence) -> dict[str, Any]:
    found = {"entity": evidence.entity, "record": evidence.record_id, "at": evidence.at}
    return found if evidence.id is None else {**found, evidence.what: evidence.id}


def _row(finding: Finding, zone: ZoneInfo, journal: Journal) -> dict[str, Any]:
    # Each month anew: what was judged last month is not told again unless something was added.
    month = finding.last_at.astimezone(zone).strftime("%Y-%m")
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "kind": finding.kind,
        "user_id": finding.user_id,
        "colleague_id": finding.colleague_id,
        "times": finding.times,
        "first_at": finding.first_at,
        "last_at": finding.last_at,
        "evidence": [_stored(one) for one in newest(finding.evidence, MOST_EVIDENCE)],
        "key": f"{finding.kind.value}:{finding.user_id}:{finding.colleague_id or ''}:{month}",
        "found_at": journal.now,
        "state": SignalState.OPEN,
    }


def bounds_of(payload: Mapping[str, Any]) -> Bounds:
    """The bounds with what an admin set differently.

    Raises:
        InvalidInput: a name that is no bound, or a value that is no number above 0.
    """
    usual = {bound.name: bound.default for bound in fields(Bounds)}
    problems = []
    for name, value in payload.items():
        if name not in usual:
            message = f"{name}: there is no bound {name!r}."
            problems.append(Problem(name, "UNKNOWN_BOUND", message, f"Use one of: {', '.join(usual)}."))
        elif isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            message = f"{name}: {value!r} is no number above 0."
            problems.append(Problem(name, "WRONG_TYPE", message, f"Give a number such as {usual[name]}."))
    if problems:
        raise InvalidInput(problems)
    return Bounds(**payload)


async def find_signals(bounds: Bounds | None = None) -> int:
    """Look for patterns in the current tenant; what is found is kept with its evidence, and nothing else happens.

    The manager of the person is told, or the admins where there is none; never the person. Looking again finds the
    same signals, with what was added since.

    Returns: how many signals are new.
    """
    bounds = bounds or Bounds()
    async with writing("find_signals") as journal:
        tenant = await Tenant.get(id=journal.actor.tenant_id)
        since = journal.now - timedelta(days=bounds.days)
        facts = await facts_since(raw_connection(journal.client), tenant.id, since)
        findings = [
            *return_and_claim(facts.holdings, bounds),
            *parking(facts.holdings, facts.touches, bounds),
            *sham_follow_ups(facts.warned, facts.touches, bounds),
            *looking_only(facts.looks, facts.claimed, bounds),
        ]
        rows = {row["key"]: row for row in (_row(one, ZoneInfo(tenant.time_zone), journal) for one in findings)}
        written = await insert_rows(journal.client, OwnershipSignal, list(rows.values()), suffix=_AGAIN)
        new = [rows[row["key"]] for row in written if row["id"] == rows[row["key"]]["id"]]
        await _tell(journal, new)
    return len(new)


@dataclass(frozen=True)
class _People:
    names: Mapping[UUID, str]
    managers: Mapping[UUID, UUID]
    admins: Sequence[UUID]


async def _people(journal: Journal) -> _People:
    users = await User.filter(tenant_id=journal.actor.tenant_id)
    here = {user.id for user in users if user.is_active and user.archived_at is None}
    return _People(
        {user.id: user.name for user in users},
        {user.id: user.manager_id for user in users if user.manager_id in here},
        [user.id for user in users if user.id in here and user.role is Role.ADMIN],
    )


async def _tell(journal: Journal, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    people = await _people(journal)
    messages: list[Message] = []
    for row in rows:
        words = {"user": people.names[row["user_id"]], "times": row["times"]}
        words["colleague"] = people.names.get(row["colleague_id"], "")
        title = {language: text.format(**words) for language, text in WORDS[row["kind"]].items()}
        manager = people.managers.get(row["user_id"])
        readers = people.admins if manager is None else [manager]
        messages += [
            Message(reader, "ownership_signal", title, entity="OwnershipSignal", record_id=row["id"], key=row["key"])
            for reader in readers
            if reader not in (row["user_id"], row["colleague_id"])
        ]
    await notify_all(journal, messages)


async def review_signal(signal_id: UUID, state: SignalState, *, note: str | None = None) -> None:
    """Keep what somebody made of a signal; nothing follows from it by itself.

    Args:
        state: DISMISSED or CONFIRMED.

    Raises:
        NotFound, InvalidInput; AlreadyReviewed: somebody was first; PermissionDenied: only admins and the person's
            manager may, and nobody judges a signal about himself.
    """
    actor = current_actor()
    require(actor, Operation.ASSIGN, "Account")
    if state is SignalState.OPEN:
        message = "state: a review says what was made of the signal."
        raise InvalidInput([Problem("state", "NOT_A_REVIEW", message, "Say dismissed or confirmed.")])
    async with writing("review_signal") as journal:
        found = await OwnershipSignal.filter(id=signal_id).select_for_update(no_key=True).first()
        concerned = await User.filter(id=found.user_id).first() if found is not None else None
        manages = concerned is not None and concerned.manager_id == actor.user_id
        if found is None or not (actor.role is Role.ADMIN or manages):
            raise NotFound("OwnershipSignal", signal_id)
        if actor.user_id is not None and actor.user_id in (found.user_id, found.colleague_id):
            raise PermissionDenied("Nobody judges a signal about himself.", hint="Leave it to another admin.")
        if found.state is not SignalState.OPEN:
            raise AlreadyReviewed(f"The signal was {found.state.value} already.", hint="Read it anew.")
        before = {"state": found.state, "note": found.note}
        found.state, found.note = state, require_value(OwnershipSignal, "note", note)
        found.reviewer_id, found.reviewed_at = actor.user_id, journal.now
        await found.save(update_fields=["state", "note", "reviewer_id", "reviewed_at"])
        after = {"state": found.state, "note": found.note}
        journal.record("OwnershipSignal", signal_id, before=before, after=after)
