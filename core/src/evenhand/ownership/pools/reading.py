"""Read the rules of pools that hold now, in one statement."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from evenhand.db.session import driver_transaction, raw_connection
from evenhand.ownership.pools.rules import Facts, first, ordered
from evenhand.tenancy.context import current_tenant


@dataclass(frozen=True)
class Rule:
    """A rule as limits look at it; see `PoolRule` for what its values mean."""

    id: UUID
    name: str
    pool_id: UUID
    entity: str
    position: int
    tiers: tuple[str, ...]
    sources: tuple[str, ...]
    product_lines: tuple[str, ...]
    regions: tuple[str, ...]
    valid_from: date | None
    valid_until: date | None
    is_active: bool
    freeze_days: int | None = None
    cool_down_days: int | None = None
    claims_per_day: int | None = None
    claims_per_week: int | None = None
    holding_cap: int | None = None
    views_per_day: int | None = None
    draw_minutes: int | None = None
    offer_minutes: int | None = None

    @property
    def mark(self) -> str:
        """By what lines of the ledger name the rule of a claim."""
        return f"pool_rule:{self.id}"


@dataclass(frozen=True)
class RulesNow:
    """The rules about one entity that hold at a moment, in the order in which they are asked.

    Attributes:
        zone: where the tenant's days begin.
    """

    entity: str
    rules: tuple[Rule, ...]
    now: datetime
    zone: ZoneInfo

    def of_owned(self, columns: Mapping[str, Any]) -> Rule | None:
        """The rule of a record that somebody holds."""
        return first(self.rules, Facts.of(self.entity, columns))

    def of_pooled(self, columns: Mapping[str, Any], pool_id: UUID) -> Rule | None:
        """The rule of a record that waits in this pool."""
        return first(self.rules, Facts.of(self.entity, columns), pool_id=pool_id)

    @cached_property
    def today(self) -> date:
        """The tenant's day."""
        return self.now.astimezone(self.zone).date()

    @cached_property
    def day(self) -> tuple[datetime, datetime]:
        """When the tenant's day began, and when the next one begins."""
        return self._moment(self.today), self._moment(self.today + timedelta(days=1))

    @cached_property
    def week(self) -> tuple[datetime, datetime]:
        """When the tenant's week began, on its Monday, and when the next one begins."""
        monday = self.today - timedelta(days=self.today.weekday())
        return self._moment(monday), self._moment(monday + timedelta(days=7))

    def _moment(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def shown(self, moment: datetime) -> str:
        """A moment as people of the tenant read it, to the minute."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")


_LISTS = ("tiers", "sources", "product_lines", "regions")
_COLUMNS = tuple(field.name for field in fields(Rule))
VERSION = (
    "(SELECT coalesce(md5(string_agg(r.xmin::text || r.ctid::text, ' ' ORDER BY r.id)), '') "
    "FROM pool_rules AS r WHERE r.tenant_id = $1)"
)
"""SQL for the version of a tenant's rules; `$1` is the tenant. No writer can forget to count it up."""
_READ = f"""
SELECT tenant.time_zone, {VERSION} AS version, {", ".join(f"rule.{name}" for name in _COLUMNS)}
FROM tenants AS tenant
LEFT JOIN pool_rules AS rule ON rule.tenant_id = $1 AND rule.entity = $2 AND rule.is_active AND rule.archived_at IS NULL
WHERE tenant.id = $1
"""


KEPT = 10_000
"""So many sets of rules are kept; the one read longest ago gives way."""
_kept: OrderedDict[tuple[UUID, str], tuple[str, tuple[Rule, ...]]] = OrderedDict()


async def rules_now(entity: str, now: datetime) -> RulesNow:
    """The current tenant's rules about an entity that hold now; inside a transaction."""
    found = await raw_connection(driver_transaction()).fetch(_READ, current_tenant(), entity)
    zone = ZoneInfo(found[0]["time_zone"])
    rules = tuple(_rule(dict(row)) for row in found if row["id"] is not None)
    key = (current_tenant(), entity)
    _kept[key] = (found[0]["version"], rules)
    _kept.move_to_end(key)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return RulesNow(entity, tuple(ordered(rules, now.astimezone(zone).date())), now, zone)


def kept_rules(entity: str, now: datetime, version: str, time_zone: str) -> RulesNow | None:
    """The same without asking the database, if the rules of this version were read before."""
    found = _kept.get((current_tenant(), entity))
    if found is None or found[0] != version:
        return None
    zone = ZoneInfo(time_zone)
    return RulesNow(entity, tuple(ordered(found[1], now.astimezone(zone).date())), now, zone)


def _rule(row: Mapping[str, Any]) -> Rule:
    values = {name: row[name] for name in _COLUMNS}
    return Rule(**{**values, **{name: tuple(orjson.loads(values[name])) for name in _LISTS}})
