"""Deadlines of records, and what is due: read set-based, decided by the pure rules.

Preview, warnings, reclaim and API all read here, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand import clock
from evenhand.db.session import raw_connection, reading
from evenhand.entities import Tenant
from evenhand.entities.registry import entity
from evenhand.ownership.clocks.calendars import Calendars, SpecialDay
from evenhand.ownership.clocks.models import Holiday, HolidayKind
from evenhand.ownership.clocks.rules import ClockRule, Deadline, Facts, deadline_of
from evenhand.ownership.clocks.sources import PLANNED
from evenhand.ownership.models import Pool
from evenhand.ownership.pools.models import PoolRule
from evenhand.ownership.pools.rules import CONDITIONS, first, ordered
from evenhand.ownership.pools.rules import Facts as Traits
from evenhand.tenancy.context import current_tenant

OWNABLE = ("Account", "Lead", "Opportunity")
PAGE = 2_000
"""Records that are read at a time."""

_IN_PLAY = {
    "Account": "true",
    "Lead": "r.status NOT IN ('converted', 'unqualified')",
    "Opportunity": "EXISTS (SELECT FROM stages AS s WHERE s.tenant_id = $1 AND s.id = r.stage_id AND s.kind = 'open')",
}
"""Which records a pool can take back at all."""
_COUNTRY = {
    "Account": "r.country",
    "Lead": "r.country",
    "Opportunity": "(SELECT a.country FROM accounts AS a WHERE a.tenant_id = $1 AND a.id = r.account_id)",
}
_HELD = """
WITH planned AS MATERIALIZED (SELECT * FROM ({planned}) AS soon WHERE soon.entity = '{entity}')
SELECT r.id, r.owner_id, r.held_since, r.name, {traits}, {country} AS calendar, happened.kinds, happened.moments,
    (SELECT max(p.until) FROM record_protections AS p WHERE p.tenant_id = $1 AND p.record_id = r.id
        AND p.held_since = r.held_since AND p.ended_at IS NULL) AS protected_until,
    (SELECT max(x.extended_until) FROM extension_requests AS x WHERE x.tenant_id = $1 AND x.record_id = r.id
        AND x.held_since = r.held_since AND x.state = 'approved') AS extended_until
FROM {table} AS r
CROSS JOIN LATERAL (
    SELECT array_agg(found.kind) AS kinds, array_agg(found.at) AS moments FROM (
        SELECT c.kind, c.last_at AS at FROM record_clocks AS c WHERE c.tenant_id = $1 AND c.entity = '{entity}'
            AND c.record_id = r.id AND c.last_at >= r.held_since
        UNION ALL
        SELECT planned.kind, planned.at FROM planned WHERE planned.record_id = r.id AND planned.at >= r.held_since
    ) AS found
) AS happened
WHERE r.tenant_id = $1 AND r.owner_id IS NOT NULL AND r.archived_at IS NULL AND {in_play}
    {chosen}
    AND NOT EXISTS (
        SELECT FROM conflict_parties AS party
        JOIN conflict_cases AS dispute ON dispute.tenant_id = $1 AND dispute.id = party.case_id
        WHERE party.tenant_id = $1 AND party.{reference} = r.id AND dispute.ended_at IS NULL
    )
ORDER BY r.id {limit}
"""


@dataclass(frozen=True)
class Held:
    """A record that somebody holds, and when it goes back.

    Attributes:
        rule: under which it falls; None when under none.
        deadline: None when no clock runs.
    """

    record_id: UUID
    owner_id: UUID
    held_since: datetime
    name: str
    country: str | None
    protected_until: datetime | None
    rule: ClockRule | None
    deadline: Deadline | None


@dataclass
class RuleBook:
    """What deadlines of one kind of record need besides the records: rules in force on the tenant's day, calendars.

    Attributes:
        rules: by which records are reclaimed, in the order in which they are asked, clocks of a rule by its id.
    """

    entity: str
    now: datetime
    calendars: Calendars
    rules: Sequence[PoolRule]
    clocks: Mapping[UUID, ClockRule]
    _known: dict[Traits, ClockRule | None] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The tenant's day."""
        return self.now.astimezone(self.calendars.zone).date()

    @property
    def shortest(self) -> int | None:
        """The fewest days after which any rule can take a record; None when none can."""
        days = [rule.shortest for rule in self.clocks.values() if rule.shortest is not None]
        return min(days, default=None)

    def rule_of(self, columns: Mapping[str, Any]) -> ClockRule | None:
        """The rule that a record with these columns falls under."""
        traits = Traits.of(self.entity, columns)
        if traits not in self._known:
            found = first(self.rules, traits)
            self._known[traits] = None if found is None else self.clocks[found.id]
        return self._known[traits]

    def pool_rule(self, rule: ClockRule) -> PoolRule:
        """The whole rule of which these are the clocks."""
        return next(one for one in self.rules if one.id == rule.id)

    def deadline(self, row: Mapping[str, Any]) -> Deadline | None:
        """The deadline of a record as `_HELD` reads it."""
        rule = self.rule_of(row)
        if rule is None:
            return None
        last: dict[str, datetime] = {}
        for kind, moment in zip(row["kinds"] or (), row["moments"] or (), strict=True):
            last[kind] = max(moment, last.get(kind, moment))
        facts = Facts(row["held_since"], last, row["protected_until"], row["extended_until"])
        return deadline_of(facts, rule, self.calendars.of(row["calendar"]))


def clock_rule(rule: PoolRule, zone: ZoneInfo) -> ClockRule:
    """The clocks of a rule; one that names no first day counts from the day on which it was made."""
    return ClockRule(
        id=rule.id,
        name=rule.name,
        pool_id=rule.pool_id,
        valid_from=rule.valid_from or rule.created_at.astimezone(zone).date(),
        protect_days=rule.protect_days,
        idle_days=rule.idle_days,
        stage_days=rule.stage_days,
        deal_days=rule.deal_days,
        max_days=rule.max_days,
        refresh=dict(rule.refresh or {}),
        working_days=rule.working_days,
        warn_days=tuple(rule.warn_days or ()),
        manager_warn_days=tuple(rule.manager_warn_days or ()),
    )


async def calendars_of_tenant() -> Calendars:
    """The working days of the current tenant."""
    tenant = await Tenant.get(id=current_tenant())
    special = [
        SpecialDay(one.day, one.kind is HolidayKind.WORKING, one.country)
        for one in await Holiday.filter(archived_at=None)
    ]
    return Calendars(ZoneInfo(tenant.time_zone), special)


async def rule_book(entity_name: str, now: datetime | None = None) -> RuleBook:
    """The rules for one kind of record at a moment, now by default; those of pools that were put away are left out."""
    moment = now or clock.now()
    calendars = await calendars_of_tenant()
    pools = await Pool.filter(archived_at=None).values_list("id", flat=True)
    rules = [one for one in await PoolRule.filter(entity=entity_name, archived_at=None) if one.pool_id in set(pools)]
    asked = ordered(rules, moment.astimezone(calendars.zone).date())
    clocks = {rule.id: clock_rule(rule, calendars.zone) for rule in asked}
    return RuleBook(entity_name, moment, calendars, asked, clocks)


async def read_held(
    book: RuleBook,
    *,
    ids: Collection[UUID] | None = None,
    after: UUID | None = None,
    held_before: datetime | None = None,
    owner_id: UUID | None = None,
    limit: int | None = None,
) -> list[Held]:
    """Records that somebody holds with their deadlines, in the order of their ids; those in a conflict case are not
    among them."""
    name = book.entity
    values: list[Any] = [current_tenant(), book.now]
    conditions: list[str] = []
    # Only what is given stands in the statement: then the planner goes along the index from the last id on.
    for condition, value in (
        ("r.id = ANY (${}::uuid[])", None if ids is None else list(ids)),
        ("r.id > ${}", after),
        ("r.held_since <= ${}", held_before),
        ("r.owner_id = ${}", owner_id),
    ):
        if value is not None:
            values.append(value)
            conditions.append(f"AND {condition.format(len(values))}")
    statement = _HELD.format(
        planned=PLANNED,
        entity=name,
        table=entity(name).model._meta.db_table,
        traits=", ".join(f'r."{column}"' for column in CONDITIONS[name].values()),
        country=_COUNTRY[name],
        in_play=_IN_PLAY[name],
        reference=f"{name.lower()}_id",
        chosen=" ".join(conditions),
        limit="" if limit is None else f"LIMIT {int(limit)}",
    )
    async with reading() as client:
        rows = [dict(row) for row in await raw_connection(client).fetch(statement, *values)]
    return [
        Held(
            row["id"],
            row["owner_id"],
            row["held_since"],
            row["name"],
            row["calendar"],
            row["protected_until"],
            book.rule_of(row),
            book.deadline(row),
        )
        for row in rows
    ]


async def deadlines(entity_name: str, ids: Collection[UUID]) -> dict[UUID, Deadline]:
    """When records go back to a pool, by id; those for which no clock runs are left out.

    Args:
        entity_name: Account, Lead or Opportunity.
    """
    async with reading():
        book = await rule_book(entity(entity_name).name)
        held = await read_held(book, ids=ids)
    return {one.record_id: one.deadline for one in held if one.deadline is not None}


def latest_start(book: RuleBook, before: datetime) -> datetime | None:
    """Who got a record later than this cannot lose it before a moment; None when nobody can lose any."""
    # A day less, since days are not all of the same length.
    return None if book.shortest is None else before - timedelta(days=book.shortest - 1)


async def due_pages(
    book: RuleBook,
    before: datetime,
    *,
    after: UUID | None = None,
    owner_id: UUID | None = None,
    size: int = PAGE,
) -> AsyncIterator[tuple[list[Held], UUID]]:
    """What goes back until a moment, page by page in the order of ids, each with the last id that was looked at."""
    start = latest_start(book, before)
    while start is not None:
        page = await read_held(book, after=after, held_before=start, owner_id=owner_id, limit=size)
        if not page:
            return
        after = page[-1].record_id
        yield [one for one in page if one.deadline is not None and one.deadline.at <= before], after
        if len(page) < size:
            return


__all__ = [
    "OWNABLE",
    "PAGE",
    "Held",
    "RuleBook",
    "calendars_of_tenant",
    "clock_rule",
    "deadlines",
    "due_pages",
    "latest_start",
    "read_held",
    "rule_book",
]
