"""Claims: how many single records a second 16 reps get out of a pool, all limits, ledger, audit and events included."""

from __future__ import annotations

import asyncio
import time
from argparse import Namespace
from uuid import UUID

from rich.table import Table

from evenhand.actions.bulk import create_many
from evenhand.actions.pools.claims import claim_records
from evenhand.actions.pools.items import ClaimStatus
from evenhand.actions.records import create_record
from evenhand.db.session import open_database
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand.testing.server import temporary_database

REPS = 16
CLAIMS = 4000
LIMITS = {"freeze_days": 3, "cool_down_days": 30, "claims_per_day": 1000, "holding_cap": 1000}


async def _setup(tenant: SomeTenant, limits: dict[str, int]) -> tuple[list[UUID], list[UUID]]:
    with acting_as(tenant.system):
        pool = await create_record("Pool", {"name": "Pool"})
        await create_record("PoolRule", {"name": "All", "pool_id": pool, "entity": "Lead", **limits})
        reps = await create_many("User", [{"name": f"Rep {number}", "role": "rep"} for number in range(REPS)])
        leads: list[UUID] = []
        for start in range(0, CLAIMS, 1000):
            drafts = [{"name": f"Lead {start + number}", "pool_id": pool} for number in range(1000)]
            leads += [one.record_id for one in await create_many("Lead", drafts) if one.record_id is not None]
    return [one.record_id for one in reps if one.record_id is not None], leads


async def _claims_a_second(limits: dict[str, int]) -> float:
    tenant = await make_tenant()
    reps, leads = await _setup(tenant, limits)
    waiting = iter(leads)

    async def work(rep: UUID) -> int:
        done = 0
        with acting_as(Actor(tenant_id=tenant.id, user_id=rep, role=Role.REP, via="benchmark")):
            for lead in waiting:
                (item,) = await claim_records("Lead", [lead])
                done += item.status is ClaimStatus.CLAIMED
        return done

    started = time.perf_counter()
    done = sum(await asyncio.gather(*(work(rep) for rep in reps)))
    seconds = time.perf_counter() - started
    if done != CLAIMS:
        raise RuntimeError(f"{done} of {CLAIMS} claims got their record")
    return done / seconds


async def run(options: Namespace) -> Table:
    """Measure. Returns: claims a second, in one process."""
    table = Table("Claims", "a second", title=f"Single claims by {REPS} reps, one process", title_justify="left")
    async with temporary_database("claims") as config, open_database(config, everywhere=True):
        table.add_row("without limits", f"{await _claims_a_second({}):,.0f}")
        table.add_row("with freeze, cool-down, daily limit and cap", f"{await _claims_a_second(LIMITS):,.0f}")
    return table
