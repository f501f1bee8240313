"""The limits of rules: freeze, cool-down, claims in a period, and how much one person may hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.actions.pools.errors import CapReached, ClaimLimitReached, CoolingDown, Frozen
from evenhand.actions.pools.inspection import Inspection, Transfer, rules_for
from evenhand.actions.pools.standing import ask_standing
from evenhand.db.session import raw_connection
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity
from evenhand.ownership.decisions import names_of_users
from evenhand.ownership.locks import holder_locks
from evenhand.ownership.pools.conditions import COUNTED, COUNTING, counted, number_of_rule
from evenhand.ownership.pools.reading import Rule, RulesNow
from evenhand.tenancy.models import RecordModel

CLAIMS = (OwnershipReason.CLAIMED, OwnershipReason.OFFER_ACCEPTED, OwnershipReason.DRAWN)
"""Reasons of ledger lines that count as claims."""

_LOCK = "SELECT pg_advisory_xact_lock($1::int, number) FROM unnest($2::int[]) AS number"
_HISTORY = """
SELECT record_id, owner_id, lead(started_at) OVER (PARTITION BY record_id ORDER BY started_at, id) AS ended_at
FROM ownership_entries WHERE tenant_id = $1 AND entity = $2 AND record_id = ANY ($3::uuid[])
"""
_CLAIMED = f"""
SELECT owner_id, policy, count(*) FILTER (WHERE started_at >= $4) AS today, count(*) AS this_week
FROM ownership_entries
WHERE tenant_id = $1 AND owner_id = ANY ($2::uuid[]) AND started_at >= least($4, $5) AND entity = $3
  AND policy = ANY ($6::text[]) AND reason IN ({", ".join(f"'{reason.value}'" for reason in CLAIMS)})
GROUP BY owner_id, policy
"""


async def lock_owners(owner_ids: Iterable[UUID], journal: Journal) -> None:
    """Let transactions that count what these people hold or claim wait for each other, until they end.

    Taken after the locks of records and in one order, so that nobody waits in a circle.
    """
    owners = set(owner_ids)
    group, numbers = holder_locks(journal.actor.tenant_id, journal.locked_owners, owners)
    if numbers:
        await raw_connection(journal.client).execute(_LOCK, group, numbers)
        journal.locked_owners |= owners


async def lock_capped(kind: Entity, owner_ids: Iterable[UUID | None], journal: Journal) -> None:
    """Take the locks of all people at once whose caps may matter, where records follow in several steps.

    Otherwise two transactions that try the same people in other groups would wait for each other in a circle.
    """
    owners = {owner_id for owner_id in owner_ids if owner_id is not None}
    if kind.ownable and owners:
        rules = await rules_for(kind, journal)
        if any(rule.holding_cap is not None for rule in rules.rules):
            await lock_owners(owners, journal)


def rule_of(transfer: Transfer, rules: RulesNow) -> Rule | None:
    """The rule under which a record leaves its holder: of its pool, or the one that is about it."""
    if transfer.before is not None and transfer.before.pool_id is not None:
        return rules.of_pooled(transfer.columns, transfer.before.pool_id)
    return rules.of_owned(transfer.columns)


async def look(inspection: Inspection) -> None:
    """Ask what the records have about them, and lock whom the checks will count for; one statement or none."""
    moving = [transfer.record_id for transfer in inspection.transfers if transfer.before is not None]
    opened = [transfer for _, transfer in inspection.open()]
    limited: list[UUID] = []
    owner_ids: set[UUID] = set()
    if opened:
        rules = await inspection.rules()
        for transfer in opened if rules.rules else ():
            if transfer.before is not None and _has_memory(rule_of(transfer, rules)):
                limited.append(transfer.record_id)
            if transfer.after.owner_id is not None and _counts(inspection.kind, transfer, rules):
                owner_ids.add(transfer.after.owner_id)
    if moving:
        taken = [one.record_id for one in opened if one.before is not None and one.why.reason in CLAIMS]
        inspection.standing = await ask_standing(
            inspection.kind, inspection.journal, moving=moving, limited=limited, taken=taken, owner_ids=owner_ids
        )
    else:
        await lock_owners(owner_ids, inspection.journal)


def _has_memory(rule: Rule | None) -> bool:
    return rule is not None and bool(rule.freeze_days or rule.cool_down_days)


def _counts(kind: Entity, transfer: Transfer, rules: RulesNow) -> bool:
    """Whether the claims or the records of the new owner are to be counted."""
    if transfer.why.reason in CLAIMS:
        rule = rule_of(transfer, rules)
        if rule is not None and (rule.claims_per_day is not None or rule.claims_per_week is not None):
            return True
    rule = rules.of_owned(transfer.columns) if counted(kind.name, transfer.columns) else None
    return rule is not None and rule.holding_cap is not None


async def check_history(inspection: Inspection) -> None:
    """Refuse records that came back to their pool lately, and people who had the record lately."""
    moving = [(place, transfer) for place, transfer in inspection.open() if transfer.before is not None]
    if not moving:
        return
    rules = await inspection.rules()
    found = [(place, transfer, rule_of(transfer, rules)) for place, transfer in moving]
    limited = [(place, transfer, rule) for place, transfer, rule in found if rule is not None and _has_memory(rule)]
    if not limited:
        return
    if not inspection.standing.owners and not inspection.journal.new_lines(inspection.kind.name):
        return
    history = await histories(inspection.kind, [transfer.record_id for _, transfer, _ in limited], inspection.journal)
    cooling: list[tuple[int, Transfer, Rule, datetime]] = []
    for place, transfer, rule in limited:
        past = history.get(transfer.record_id, {})
        at = transfer.at or inspection.journal.now
        thaws = thawing(transfer, rule, past)
        if thaws is not None and thaws > at:
            inspection.refuse(place, _frozen(transfer, rule, thaws, rules))
            continue
        until = cooling_until(transfer.after.owner_id, rule, past)
        if until is not None and until > at:
            cooling.append((place, transfer, rule, until))
    names = await _names(transfer.after.owner_id for _, transfer, _, _ in cooling)
    for place, transfer, rule, until in cooling:
        inspection.refuse(place, _cooling(transfer, rule, until, names, rules))


def thawing(transfer: Transfer, rule: Rule, past: Mapping[UUID, datetime]) -> datetime | None:
    """Until when nobody gets the record; None when it never came back, or the rule has no freeze."""
    pooled = transfer.before is not None and transfer.before.pool_id is not None
    if rule.freeze_days is None or not pooled or not past:
        return None
    since: datetime = transfer.columns["held_since"]
    return since + timedelta(days=rule.freeze_days)


def cooling_until(owner_id: UUID | None, rule: Rule, past: Mapping[UUID, datetime]) -> datetime | None:
    """Until when this person does not get the record again; None when the person never had it."""
    if rule.cool_down_days is None or owner_id is None or owner_id not in past:
        return None
    return past[owner_id] + timedelta(days=rule.cool_down_days)


async def histories(kind: Entity, ids: Collection[UUID], journal: Journal) -> dict[UUID, dict[UUID, datetime]]:
    """By record: everybody who held it and does not any more, and until when; also by this transaction."""
    rows = await raw_connection(journal.client).fetch(_HISTORY, journal.actor.tenant_id, kind.name, list(ids))
    found: dict[UUID, dict[UUID, datetime]] = defaultdict(dict)
    last: dict[UUID, UUID | None] = {}
    for row in rows:
        if row["ended_at"] is None:
            last[row["record_id"]] = row["owner_id"]
        elif row["owner_id"] is not None:
            past = found[row["record_id"]]
            past[row["owner_id"]] = max(row["ended_at"], past.get(row["owner_id"], row["ended_at"]))
    for line in journal.new_lines(kind.name):
        before = last.get(line["record_id"])
        if before is not None:
            found[line["record_id"]][before] = line["started_at"]
        last[line["record_id"]] = line["owner_id"]
    return found


async def check_claims(inspection: Inspection) -> None:
    """Refuse claims beyond what the rule lets one person claim on a day or in a week; events are counted."""
    claims = [(place, transfer) for place, transfer in inspection.open() if transfer.why.reason in CLAIMS]
    if not claims:
        return
    rules = await inspection.rules()
    limited: list[tuple[int, UUID, Rule]] = []
    for place, transfer in claims:
        rule = rule_of(transfer, rules)
        if rule is not None and (rule.claims_per_day is not None or rule.claims_per_week is not None):
            owner_id = transfer.after.owner_id
            if owner_id is not None:
                limited.append((place, owner_id, rule))
    if not limited:
        return
    owners = {owner_id for _, owner_id, _ in limited}
    await lock_owners(owners, inspection.journal)
    today, this_week = await _claimed(inspection, owners, {rule.mark for _, _, rule in limited}, rules)
    refused: list[tuple[int, UUID, Rule, bool]] = []
    for place, owner_id, rule in limited:
        key = (owner_id, rule.mark)
        by_day = rule.claims_per_day is not None and today[key] >= rule.claims_per_day
        by_week = rule.claims_per_week is not None and this_week[key] >= rule.claims_per_week
        if by_day or by_week:
            refused.append((place, owner_id, rule, by_week))
        else:
            today[key] += 1
            this_week[key] += 1
    names = await _names(owner_id for _, owner_id, _, _ in refused)
    for place, owner_id, rule, by_week in refused:
        inspection.refuse(place, _claimed_enough(owner_id, rule, rules, names, by_week=by_week))


async def _claimed(
    inspection: Inspection, owners: Collection[UUID], marks: Collection[str], rules: RulesNow
) -> tuple[Counter[tuple[UUID, str]], Counter[tuple[UUID, str]]]:
    """How much these people claimed under each rule, on this day and in this week; also in this transaction."""
    journal = inspection.journal
    rows = await raw_connection(journal.client).fetch(
        _CLAIMED, journal.actor.tenant_id, list(owners), rules.entity, rules.day[0], rules.week[0], list(marks)
    )
    today = Counter({(row["owner_id"], row["policy"]): row["today"] for row in rows})
    this_week = Counter({(row["owner_id"], row["policy"]): row["this_week"] for row in rows})
    for line in journal.new_lines(rules.entity):
        if line["reason"] in CLAIMS and line["started_at"] >= rules.week[0]:
            key = (line["owner_id"], line["policy"])
            this_week[key] += 1
            today[key] += line["started_at"] >= rules.day[0]
    return today, this_week


async def check_caps(inspection: Inspection) -> None:
    """Refuse records beyond what the rule lets one person hold; exact, because counting waits for other counts."""
    entering = [
        Entering(place, transfer.after.owner_id, transfer.columns)
        for place, transfer in inspection.open()
        if transfer.after.owner_id is not None
    ]
    leaving = [
        (transfer.before.owner_id, transfer.columns)
        for place, transfer in enumerate(inspection.transfers)
        if place not in inspection.refused and transfer.before is not None and transfer.before.owner_id is not None
    ]
    if entering:
        rules = await inspection.rules()
        for place, error in (await over_caps(inspection.kind, entering, leaving, rules, inspection.journal)).items():
            inspection.refuse(place, error)


@dataclass(frozen=True)
class Entering:
    """A record that is about to count as held by somebody: its place in the caller's list, and its columns."""

    place: int
    owner_id: UUID
    columns: Mapping[str, Any]


async def over_caps(
    kind: Entity,
    entering: Sequence[Entering],
    leaving: Sequence[tuple[UUID, Mapping[str, Any]]],
    rules: RulesNow,
    journal: Journal,
) -> dict[int, CapReached]:
    """Which records would be too many, by their places; the first ones in order have the room that there is.

    Args:
        leaving: who will not hold what any more, of records that count as held until now.
    """
    wanted: list[tuple[Entering, Rule]] = []
    for item in entering:
        rule = rules.of_owned(item.columns) if counted(kind.name, item.columns) else None
        if rule is not None and rule.holding_cap is not None:
            wanted.append((item, rule))
    if not wanted:
        return {}
    owners = {item.owner_id for item, _ in wanted}
    await lock_owners(owners, journal)
    held = await held_by_rule(kind, owners, rules, journal)
    for owner_id, columns in leaving:
        rule = rules.of_owned(columns) if counted(kind.name, columns) else None
        if rule is not None:
            held[(owner_id, rule.id)] -= 1
    refused: list[tuple[Entering, Rule]] = []
    for item, rule in wanted:
        key = (item.owner_id, rule.id)
        if rule.holding_cap is not None and held[key] >= rule.holding_cap:
            refused.append((item, rule))
        else:
            held[key] += 1
    names = await _names(item.owner_id for item, _ in refused)
    return {item.place: _cap(kind, item.owner_id, rule, names) for item, rule in refused}


async def held_by_rule(
    kind: Entity, owners: Collection[UUID], rules: RulesNow, journal: Journal
) -> Counter[tuple[UUID, UUID]]:
    """How many records these people hold, by person and rule; records without a rule are left out."""
    values: list[Any] = [journal.actor.tenant_id, list(owners)]

    def place(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    number = number_of_rule(rules.rules, kind.name, "held", place)
    await journal.settle_changes()
    rows = await raw_connection(journal.client).fetch(
        f'SELECT held.owner_id, {number} AS number, count(*) AS records FROM "{kind.model._meta.db_table}" AS held '
        f"WHERE held.tenant_id = $1 AND held.owner_id = ANY ($2::uuid[]) AND {COUNTED[kind.name].format(row='held')} "
        "GROUP BY 1, 2",
        *values,
    )
    return Counter(
        {(row["owner_id"], rules.rules[row["number"]].id): row["records"] for row in rows if row["number"] is not None}
    )


async def cap_edits(
    kind: Entity, plans: Sequence[tuple[RecordModel, Mapping[str, Any]]], journal: Journal
) -> dict[int, CapReached]:
    """Which changes of locked records would let somebody hold too many: another tier, an opened deal, …

    Returns: what stands against single plans, by their places.
    """
    if not kind.ownable:
        return {}
    entering: list[Entering] = []
    leaving: list[tuple[UUID, Mapping[str, Any]]] = []
    for place, (record, values) in enumerate(plans):
        if not values.keys() & COUNTING[kind.name]:
            continue
        before = record.columns()
        owner_id = before["owner_id"]
        if owner_id is not None and any(values.get(name, before[name]) != before[name] for name in COUNTING[kind.name]):
            entering.append(Entering(place, owner_id, {**before, **values}))
            leaving.append((owner_id, before))
    if not entering:
        return {}
    rules = await rules_for(kind, journal)
    changing = [
        (one, gone)
        for one, gone in zip(entering, leaving, strict=True)
        if _counts_as(kind, one.columns, rules) != _counts_as(kind, gone[1], rules)
    ]
    return await over_caps(kind, [one for one, _ in changing], [gone for _, gone in changing], rules, journal)


def _counts_as(kind: Entity, columns: Mapping[str, Any], rules: RulesNow) -> UUID | None:
    rule = rules.of_owned(columns) if counted(kind.name, columns) else None
    return None if rule is None else rule.id


async def _names(owner_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    wanted = {owner_id for owner_id in owner_ids if owner_id is not None}
    return await names_of_users(wanted) if wanted else {}


def _frozen(transfer: Transfer, rule: Rule, until: datetime, rules: RulesNow) -> Frozen:
    return Frozen(
        f"{transfer.name} came back to the pool a short while ago and is frozen until "
        f"{rules.shown(until)} (rule {rule.name}).",
        hint="Try again then; a manager may set the limit aside and say why.",
        record=str(transfer.record_id),
        until=until.isoformat(),
        rule=str(rule.id),
    )


def _cooling(
    transfer: Transfer, rule: Rule, until: datetime, names: Mapping[UUID, str], rules: RulesNow
) -> CoolingDown:
    owner_id = transfer.after.owner_id
    name = names.get(owner_id, "This person") if owner_id is not None else "This person"
    return CoolingDown(
        f"{name} had {transfer.name} lately and does not get it again before {rules.shown(until)} (rule {rule.name}).",
        hint="Choose somebody else, or try again then; a manager may set the limit aside and say why.",
        record=str(transfer.record_id),
        user=str(owner_id),
        until=until.isoformat(),
        rule=str(rule.id),
    )


def _claimed_enough(
    owner_id: UUID, rule: Rule, rules: RulesNow, names: Mapping[UUID, str], *, by_week: bool
) -> ClaimLimitReached:
    until = rules.week[1] if by_week else rules.day[1]
    limit = rule.claims_per_week if by_week else rule.claims_per_day
    return ClaimLimitReached(
        f"{names.get(owner_id, 'This person')} has claimed {limit} {'this week' if by_week else 'today'}, as many as "
        f"rule {rule.name} allows; what was given back counts, too.",
        hint=f"Claim again from {rules.shown(until)} on.",
        user=str(owner_id),
        until=until.isoformat(),
        limit=limit,
        rule=str(rule.id),
    )


def _cap(kind: Entity, owner_id: UUID, rule: Rule, names: Mapping[UUID, str]) -> CapReached:
    return CapReached(
        f"{names.get(owner_id, 'This person')} holds {rule.holding_cap} {kind.name} records of rule {rule.name}, as "
        "many as it allows.",
        hint="Give one back first, or choose somebody else; a manager may set the limit aside and say why.",
        user=str(owner_id),
        limit=rule.holding_cap,
        rule=str(rule.id),
    )
