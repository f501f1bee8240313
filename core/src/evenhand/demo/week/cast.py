"""Who takes part in the week: people, pools with rules, and customers with a past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from evenhand.actions.journal import Why, writing
from evenhand.actions.owners import change_holders
from evenhand.actions.records import create_records
from evenhand.actions.tenants import create_tenant
from evenhand.demo.moments import stream
from evenhand.demo.names import company
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.ownership.holders import Holder
from evenhand.tenancy.context import Actor, Role, acting_as, system_actor
from evenhand.tenancy.models import uuid7

ZONE = ZoneInfo("Asia/Shanghai")
IDLE = 30
"""Days without activity after which a customer comes back to its pool."""

EAST, ABROAD = "华东公海", "Overseas pool"
TRADES = {EAST: ("精密机械", "电子科技", "食品", "物流"), ABROAD: ("Components", "Motors", "Packaging", "Logistics")}
REGIONS = {EAST: "华东", ABROAD: "Overseas"}
LANGUAGES = {EAST: "zh-CN", ABROAD: "en"}
CITIES = {EAST: ("上海", "苏州", "杭州", "宁波", "无锡"), ABROAD: ("Leeds", "Rotterdam")}
REPS = {EAST: ("李伟", "王芳", "张敏"), ABROAD: ("Tom Reed", "Emma Cole")}
MANAGERS = {EAST: "陈立", ABROAD: "Sarah Hall"}
ADMIN = "林静"
CUSTOMERS = {EAST: 24, ABROAD: 12}


@dataclass(frozen=True)
class Customer:
    """An account as the week begins. `idle`: days since anybody did something on it; `holder` None: in the pool."""

    id: UUID
    name: str
    pool: str
    holder: str | None
    idle: int


@dataclass(frozen=True)
class Cast:
    """The company.

    Attributes:
        users: ids by name. pools: ids by name. roles: by name.
        monday: the first day of the week.
    """

    tenant_id: UUID
    slug: str
    users: Mapping[str, UUID]
    roles: Mapping[str, Role]
    pools: Mapping[str, UUID]
    customers: Sequence[Customer]
    monday: date

    @property
    def system(self) -> Actor:
        """The tenant's system itself."""
        return system_actor(self.tenant_id, via="demo")

    def actor(self, name: str) -> Actor:
        """One of the people."""
        return Actor(self.tenant_id, self.users[name], self.roles[name], via="demo")

    def at(self, day: int, hour: int, minute: int = 0) -> datetime:
        """A moment of the week: day 0 is Monday; the hour is the company's."""
        local = datetime.combine(self.monday + timedelta(days=day), time(hour, minute), ZONE)
        return local.astimezone(UTC)


def monday_before(today: date) -> date:
    """The Monday of the last week that is over."""
    return today - timedelta(days=today.weekday() + 7)


async def hire(seed: int, today: date) -> Cast:
    """Make a new tenant with people, pools and customers as they are on Monday morning.

    Called with the clock at the beginning of the week.
    """
    slug = f"week-{uuid7().hex[-12:]}"
    tenant_id = await create_tenant(slug, "华星自动化 · one week", locale="zh-CN", time_zone=ZONE.key, currency="CNY")
    with acting_as(system_actor(tenant_id, via="demo")):
        users, roles = await _people()
        pools = await _pools(users)
        customers = await _customers(stream(seed, "week"), users, pools, monday_before(today))
        await _rules(pools, today)
    return Cast(tenant_id, slug, users, roles, pools, customers, monday_before(today))


async def _create(name: str, *drafts: Mapping[str, Any], moments: Sequence[datetime] | None = None) -> list[UUID]:
    async with writing("set_up_week") as journal:
        return await create_records(entity(name), drafts, journal=journal, moments=moments)


async def _people() -> tuple[dict[str, UUID], dict[str, Role]]:
    teams = dict(zip(REPS, await _create("Team", *({"name": REGIONS[pool]} for pool in REPS)), strict=True))
    roles = {ADMIN: Role.ADMIN} | dict.fromkeys(MANAGERS.values(), Role.MANAGER)
    roles |= {name: Role.REP for names in REPS.values() for name in names}
    (admin,) = await _create("User", {"name": ADMIN, "role": Role.ADMIN})
    users = {ADMIN: admin}
    for pool, manager in MANAGERS.items():
        shared = {"team_id": teams[pool], "regions": [REGIONS[pool]], "locale": LANGUAGES[pool]}
        (users[manager],) = await _create("User", {"name": manager, "role": Role.MANAGER, **shared})
        drafts = [{"name": name, "role": Role.REP, "manager_id": users[manager], **shared} for name in REPS[pool]]
        users |= dict(zip(REPS[pool], await _create("User", *drafts), strict=True))
    return users, roles


async def _pools(users: Mapping[str, UUID]) -> dict[str, UUID]:
    pools = dict(zip(REPS, await _create("Pool", *({"name": name} for name in REPS)), strict=True))
    for name, pool_id in pools.items():
        members = [{"pool_id": pool_id, "role": "member", "region": REGIONS[name]}]
        members.append({"pool_id": pool_id, "role": "manager", "user_id": users[MANAGERS[name]]})
        await _create("PoolMember", *members)
    return pools


async def _rules(pools: Mapping[str, UUID], today: date) -> None:
    for name, pool_id in pools.items():
        rule = {
            "name": f"{name}: {IDLE}",
            "pool_id": pool_id,
            "entity": "Account",
            "regions": [REGIONS[name]],
            "valid_from": today - timedelta(days=300),
            "idle_days": IDLE,
            "warn_days": [3, 1],
            "manager_warn_days": [1],
            "freeze_days": 1,
            "cool_down_days": 15,
            "claims_per_day": 2,
            "holding_cap": 14,
        }
        await _create("PoolRule", rule)


async def _customers(
    chance: Random, users: Mapping[str, UUID], pools: Mapping[str, UUID], monday: date
) -> list[Customer]:
    found: list[Customer] = []
    for pool, count in CUSTOMERS.items():
        # A quarter waits in the pool, behind those of the reps.
        waiting = count // 4
        # Some run out on each of the first days, most do not.
        due = [IDLE, IDLE, IDLE - 1, IDLE - 2, IDLE - 3]
        idle = due + [chance.choice((2, 5, 9, 14, 20)) for _ in range(count - waiting - len(due))]
        chance.shuffle(idle)
        idle += [0] * waiting
        for number in range(count):
            firm = company(chance, LANGUAGES[pool], chance.choice(CITIES[pool]), chance.choice(TRADES[pool]))
            holder = REPS[pool][number % len(REPS[pool])] if number < count - waiting else None
            found.append(Customer(uuid7(), firm.name, pool, holder, idle[number]))
    drafts = [
        {
            "name": one.name,
            "region": REGIONS[one.pool],
            "tier": chance.choice("ABC"),
            "tax_id": f"91{chance.randrange(10**14):014}DM",
            "owner_id": users[one.holder] if one.holder else None,
            "pool_id": None if one.holder else pools[one.pool],
        }
        for one in found
    ]
    long_ago = datetime.combine(monday, time(9), ZONE).astimezone(UTC)
    born = [long_ago - timedelta(days=chance.randrange(60, 200)) for _ in found]
    ids = await _create("Account", *drafts, moments=born)
    customers = [Customer(i, one.name, one.pool, one.holder, one.idle) for i, one in zip(ids, found, strict=True)]
    await _past(chance, customers, users, long_ago)
    return customers


async def _past(chance: Random, customers: Sequence[Customer], users: Mapping[str, UUID], monday: datetime) -> None:
    """What was done before the week: a last call to each, a deal and a task with some."""
    held = [(one, users[one.holder]) for one in customers if one.holder is not None]
    calls = [
        {
            "kind": "call",
            "subject": "回访" if one.pool == EAST else "Follow-up call",
            "body": "需求与排期" if one.pool == EAST else "Needs and schedule",
            "duration_minutes": 15,
            "account_id": one.id,
            "author_id": user,
            "occurred_at": monday - timedelta(days=one.idle),
        }
        for one, user in held
    ]
    await _create("Activity", *calls)
    deals = [
        {"name": f"{one.name} 2026", "account_id": one.id, "owner_id": user, "amount": chance.randrange(20, 300) * 1000}
        for one, user in held
        if chance.random() < 0.5
    ]
    await _create("Opportunity", *deals, moments=[monday - timedelta(days=20)] * len(deals))
    tasks = [
        {"subject": "报价" if one.pool == EAST else "Send a quote", "account_id": one.id, "assignee_id": user}
        for one, user in held
        if chance.random() < 0.4
    ]
    await _create("Task", *tasks)
    await _park(customers, users, monday)


async def _park(customers: Sequence[Customer], users: Mapping[str, UUID], monday: datetime) -> None:
    """Two customers were with a colleague for a fortnight, who did nothing with them."""
    mine, colleague = REPS[EAST][0], REPS[EAST][2]
    for one in [one for one in customers if one.holder == mine][:2]:
        for days, holder in ((50, colleague), (36, mine)):
            async with writing("set_up_week") as journal:
                await change_holders(
                    entity("Account"),
                    {one.id: Holder(owner_id=users[holder])},
                    {one.id: Why(OwnershipReason.MANUAL)},
                    journal=journal,
                    moments={one.id: monday - timedelta(days=days)},
                )
