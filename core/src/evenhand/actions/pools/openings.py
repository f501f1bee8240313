"""What limits leave open before anybody is chosen, so that a choice need not be refused afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from evenhand.actions.conflicts.freezing import frozen_by
from evenhand.actions.journal import Journal, Why
from evenhand.actions.pools.errors import CapReached, CoolingDown, Frozen, HeldByConflict
from evenhand.actions.pools.inspection import Transfer
from evenhand.actions.pools.limits import cooling_until, held_by_rule, histories, lock_owners, rule_of, thawing
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity
from evenhand.ownership.holders import Holder
from evenhand.ownership.pools.conditions import counted
from evenhand.ownership.pools.reading import Rule, RulesNow, rules_now


@dataclass(frozen=True)
class Openings:
    """Who may get which records by assignment; what the guard's checks say, asked before there is a choice.

    Attributes:
        blocked: by record, who may not get it, with the code of the limit; whoever holds a record may keep it, unless
            it waits for a ruling.
        counts_as: by record, the rule under whose cap it counts; records without a cap are left out.
        room: by person and rule, how many more records the cap leaves, at least 0.
    """

    blocked: dict[UUID, Mapping[UUID, str]] = field(default_factory=dict)
    counts_as: dict[UUID, UUID] = field(default_factory=dict)
    room: dict[UUID, dict[UUID, int]] = field(default_factory=dict)


async def openings_of(
    kind: Entity,
    records: Mapping[UUID, Mapping[str, Any]],
    people: Mapping[UUID, bool],
    journal: Journal,
    *,
    lock: bool = True,
) -> Openings:
    """What limits leave open for an assignment of these records to these people; set-based.

    Args:
        records: columns by id, of records that the transaction has locked.
        people: whether each works for the tenant now.
        lock: let others wait who would give these people records that count, so that the room stays as it is told.
    """
    if not kind.ownable:
        return Openings()
    rules = await rules_now(kind.name, journal.now)
    capped = {record_id: rule for record_id, columns in records.items() if (rule := _cap_of(kind, columns, rules))}
    room: dict[UUID, dict[UUID, int]] = {}
    full: dict[UUID, dict[UUID, str]] = {}
    if capped:
        if lock:
            await lock_owners([user for user, works in people.items() if works], journal)
        held = await held_by_rule(kind, list(people), rules, journal)
        caps = {rule.id: rule.holding_cap or 0 for rule in capped.values()}
        room = {user: {rule: max(0, cap - held[(user, rule)]) for rule, cap in caps.items()} for user in people}
        full = {rule: {user: CapReached.code for user in people if not room[user][rule]} for rule in caps}
    closed = await _closed(kind, records, rules, journal)
    shut = {code: dict.fromkeys(people, code) for code in set(closed.shut.values())}
    blocked: dict[UUID, Mapping[UUID, str]] = {}
    for record_id, columns in records.items():
        if record_id in closed.shut:
            blocked[record_id] = shut[closed.shut[record_id]]
            continue
        found: Mapping[UUID, str] = full[capped[record_id].id] if record_id in capped else {}
        if record_id in closed.cooling:
            found = {**found, **{user: CoolingDown.code for user in closed.cooling[record_id] if user in people}}
        if columns["owner_id"] in found:
            found = {user: code for user, code in found.items() if user != columns["owner_id"]}
        if found:
            blocked[record_id] = found
    return Openings(blocked, {record_id: rule.id for record_id, rule in capped.items()}, room)


def _cap_of(kind: Entity, columns: Mapping[str, Any], rules: RulesNow) -> Rule | None:
    rule = rules.of_owned(columns) if counted(kind.name, columns) else None
    return rule if rule is not None and rule.holding_cap is not None else None


@dataclass
class _Closed:
    """Records that nobody gets, with the code; and who does not get which others again yet."""

    shut: dict[UUID, str] = field(default_factory=dict)
    cooling: dict[UUID, list[UUID]] = field(default_factory=dict)


async def _closed(
    kind: Entity, records: Mapping[UUID, Mapping[str, Any]], rules: RulesNow, journal: Journal
) -> _Closed:
    closed = _Closed(dict.fromkeys(await frozen_by(kind.name, list(records)), HeldByConflict.code))
    limited: list[tuple[Transfer, Rule]] = []
    for record_id, columns in records.items():
        before = Holder(columns["owner_id"], columns["pool_id"])
        transfer = Transfer(record_id, columns, before, Holder(), Why(OwnershipReason.ASSIGNED))
        rule = rule_of(transfer, rules)
        if record_id not in closed.shut and rule is not None and (rule.freeze_days or rule.cool_down_days):
            limited.append((transfer, rule))
    if not limited:
        return closed
    history = await histories(kind, [transfer.record_id for transfer, _ in limited], journal)
    for transfer, rule in limited:
        past = history.get(transfer.record_id, {})
        thaws = thawing(transfer, rule, past)
        if thaws is not None and thaws > journal.now:
            closed.shut[transfer.record_id] = Frozen.code
            continue
        until = {user: cooling_until(user, rule, past) for user in past}
        closed.cooling[transfer.record_id] = [
            user for user, moment in until.items() if moment is not None and moment > journal.now
        ]
    return closed


__all__ = ["Openings", "openings_of"]
