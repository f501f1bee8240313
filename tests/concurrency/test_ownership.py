"""Whatever happens at the same time: each record has one holder, and the ledger has no gap and agrees."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from evenhand import clock
from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import cancel_handover, plan_handover
from evenhand.actions.handovers.undoing import undo_handover
from evenhand.actions.journal import writing
from evenhand.actions.merges.merge import Source, merge_accounts
from evenhand.actions.merges.unmerge import unmerge_account
from evenhand.actions.owners import set_owner
from evenhand.actions.pools.claims import claim_records, return_records
from evenhand.actions.reclaims.reclaiming import reclaim_batch
from evenhand.actions.records import archive_record, create_records, restore_record
from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import HandoverMethod
from evenhand.entities.registry import entity
from evenhand.errors import EvenhandError
from evenhand.ownership.handovers.rules import Step
from evenhand.ownership.holders import default_pool_id
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant

ACCOUNTS, REPS, AT_ONCE, STEPS = 24, 5, 8, 120
CAP = 7

# Per record: the column agrees with the last line, lines start one after another, and the first with the record.
_WRONG = """
SELECT a.id, a.owner_id, a.pool_id, a.held_since, l.* FROM accounts AS a CROSS JOIN LATERAL (
    SELECT count(*) AS lines, count(DISTINCT started_at) AS starts, min(started_at) AS first, max(started_at) AS last,
           (array_agg(e.owner_id ORDER BY e.started_at DESC, e.id DESC))[1] AS last_owner,
           (array_agg(e.pool_id ORDER BY e.started_at DESC, e.id DESC))[1] AS last_pool,
           bool_or(num_nonnulls(e.owner_id, e.pool_id) <> 1) AS unclear
    FROM ownership_entries AS e WHERE e.tenant_id = $1 AND e.record_id = a.id
) AS l
WHERE a.tenant_id = $1 AND (
    num_nonnulls(a.owner_id, a.pool_id) <> 1 OR l.unclear OR l.lines = 0 OR l.starts <> l.lines
    OR l.first <> a.created_at OR l.last <> a.held_since
    OR l.last_owner IS DISTINCT FROM a.owner_id OR l.last_pool IS DISTINCT FROM a.pool_id
)
"""
# A line that names the same holder as the line before changed nothing; merges say so all the same.
_IDLE = """
SELECT count(*) FROM (
    SELECT reason, owner_id, pool_id, lag(owner_id) OVER w AS owner_before, lag(pool_id) OVER w AS pool_before,
           row_number() OVER w AS number
    FROM ownership_entries WHERE tenant_id = $1 WINDOW w AS (PARTITION BY record_id ORDER BY started_at, id)
) AS line
WHERE number > 1 AND owner_id IS NOT DISTINCT FROM owner_before AND pool_id IS NOT DISTINCT FROM pool_before
  AND reason NOT IN ('merged', 'unmerged')
"""


class Company:
    """People who all work on the same customers at once."""

    def __init__(self, tenant: SomeTenant, chance: Random) -> None:
        self.tenant = tenant
        self.chance = chance
        self.reps: list[UUID] = []
        self.accounts: list[UUID] = []
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def set_up(self) -> None:
        """Reps, a rule by which old customers are due for the pool, and customers who are old."""
        manager = self.tenant.users[Role.MANAGER]
        for number in range(REPS):
            self.reps.append(await self.tenant.create("User", name=f"rep {number}", role="rep", manager_id=manager))
        long_ago = clock.now() - timedelta(days=400)
        with acting_as(self.tenant.system):
            async with writing("set_up") as journal:
                self.pool = await default_pool_id()
                rule = {"name": "one year", "pool_id": self.pool, "entity": "Account", "holding_cap": CAP}
                rule |= {"idle_days": 365, "valid_from": long_ago.date()}
                await create_records(entity("PoolRule"), [rule], journal=journal)
                drafts = [
                    {"name": f"公司 {number}", "owner_id": self.reps[number % REPS]}
                    if number % 3
                    else {"name": f"公司 {number}", "pool_id": self.pool}
                    for number in range(ACCOUNTS)
                ]
                self.accounts = await create_records(
                    entity("Account"), drafts, journal=journal, moments=[long_ago] * ACCOUNTS
                )

    def rep(self) -> Actor:
        return Actor(self.tenant.id, self.chance.choice(self.reps), Role.REP, via="test")

    def some(self, most: int = 3) -> list[UUID]:
        return self.chance.sample(self.accounts, self.chance.randint(1, most))

    # What people do: each chooses at once what, and does it when its turn comes.

    def claim(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        some = self.some()
        return self.rep(), lambda: claim_records("Account", some)

    def give_back(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        some = self.some(2)
        return self.rep(), lambda: return_records("Account", some, reason="too far away")

    def assign(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        some, owner = self.some(), self.chance.choice(self.reps)
        return self.tenant.actor(Role.ADMIN), lambda: set_owner("Account", some, owner_id=owner)

    def release(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        some = self.some()
        return self.tenant.actor(Role.ADMIN), lambda: set_owner("Account", some, pool_id=self.pool)

    def reclaim(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        return self.tenant.system, lambda: reclaim_batch("Account", limit=5)

    def hand_over(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        leaver, *others = self.chance.sample(self.reps, 3)
        undo = self.chance.random() < 0.5

        async def work() -> None:
            plan = await plan_handover(leaver, [Step(HandoverMethod.BALANCE, users=tuple(others))], seed=1)
            try:
                await execute_handover(plan, override="leaves")
            except EvenhandError:
                await cancel_handover(plan)
                raise
            if undo:
                await undo_handover(plan)

        return self.tenant.actor(Role.ADMIN), work

    def merge(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        winner, loser = self.chance.sample(self.accounts, 2)

        async def work() -> None:
            (merge,) = await merge_accounts(winner, [Source(loser)], override="the same customer")
            await unmerge_account(merge)

        return self.tenant.actor(Role.ADMIN), work

    def put_away(self) -> tuple[Actor, Callable[[], Awaitable[Any]]]:
        (one,) = self.chance.sample(self.accounts, 1)

        async def work() -> None:
            await archive_record("Account", one)
            await restore_record("Account", one)

        return self.tenant.actor(Role.ADMIN), work

    async def play(self) -> None:
        """All of it, several at once."""
        ways = [self.claim] * 5 + [self.give_back] * 2 + [self.assign] * 2
        ways += [self.release, self.reclaim, self.hand_over, self.merge, self.put_away]
        room = asyncio.Semaphore(AT_ONCE)

        async def one(way: Callable[[], tuple[Actor, Callable[[], Awaitable[Any]]]]) -> None:
            actor, work = way()
            async with room:
                with acting_as(actor):
                    try:
                        await work()
                    except EvenhandError as error:
                        self.refused[error.code] += 1
                    else:
                        self.done[way.__name__] += 1

        await asyncio.gather(*(one(self.chance.choice(ways)) for _ in range(STEPS)))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_record_has_one_holder_and_a_ledger_that_agrees(tenant: SomeTenant, seed: int) -> None:
    company = Company(tenant, Random(seed))
    await company.set_up()
    await company.play()
    # Work was really done, of every kind that can hardly fail.
    assert {"claim", "assign", "release", "reclaim"} <= set(company.done), (company.done, company.refused)
    with acting_as(tenant.system):
        async with reading() as client:
            connection = raw_connection(client)
            assert [dict(row) for row in await connection.fetch(_WRONG, tenant.id)] == []
            assert await connection.fetchval(_IDLE, tenant.id) == 0
            lines = await connection.fetchval("SELECT count(*) FROM ownership_entries WHERE tenant_id = $1", tenant.id)
            assert lines > 2 * ACCOUNTS
