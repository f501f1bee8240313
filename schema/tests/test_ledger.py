"""Who held what at a moment: `ownerAsOf`, `heldAt` and the book of a person."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from evenhand import clock
from evenhand.actions.journal import Why, writing
from evenhand.actions.owners import Holder, change_holders
from evenhand.actions.records import create_records
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.ownership.holders import default_pool_id
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_schema.testing import Api

AS_OF = """
query ($id: ID!, $at: DateTime!) {
  ownerAsOf(id: $id, at: $at) { owner { id } pool { id } reason account { id } lead { id } }
  account(id: $id) { ownershipHistory(heldAt: $at) { totalCount nodes { owner { id } pool { id } } } }
}
"""
BOOK = """
query ($user: ID!, $at: DateTime, $entities: [OwnableEntity!]) {
  user(id: $user) {
    ownershipHistory(heldAt: $at, entities: $entities, first: 100) { nodes { recordId account { name } } }
  }
}
"""


async def test_any_moment_of_random_histories(tenant: SomeTenant, api: Api) -> None:
    chance = random.Random(11)
    begin = clock.now() - timedelta(days=400)
    reps = [tenant.users[Role.REP], tenant.users[Role.MANAGER], tenant.users[Role.ADMIN]]
    lines: dict[UUID, list[tuple[int, UUID]]] = {}
    with acting_as(tenant.system):
        async with writing("import") as journal:
            pool = await default_pool_id()
            owners = [chance.choice(reps) for _ in range(5)]
            drafts = [{"name": f"公司 {n}", "owner_id": owner} for n, owner in enumerate(owners)]
            born = [begin + timedelta(days=chance.randrange(50)) for _ in drafts]
            ids = await create_records(entity("account"), drafts, journal=journal, moments=born)
        for record, owner, since in zip(ids, owners, born, strict=True):
            lines[record] = [((since - begin).days, owner)]
        for day in range(50, 400, 25):
            for record in chance.sample(ids, 2):
                holder = chance.choice([*reps, pool])
                to = Holder(pool_id=pool) if holder == pool else Holder(owner_id=holder)
                async with writing("import") as journal:
                    await change_holders(
                        entity("account"),
                        {record: to},
                        {record: Why(OwnershipReason.IMPORTED)},
                        journal=journal,
                        moments={record: begin + timedelta(days=day)},
                    )
                lines[record].append((day, holder))

    def held(record: UUID, day: int) -> UUID | None:
        found = [holder for start, holder in lines[record] if start <= day]
        return found[-1] if found else None

    for day in (-1, 10, 49, 50, 60, 275, 399, 500):
        at = (begin + timedelta(days=day)).isoformat()
        for record in ids:
            data = await api.data(tenant, AS_OF, id=str(record), at=at)
            entry, listed = data["ownerAsOf"], data["account"]["ownershipHistory"]
            expected = held(record, day)
            if expected is None:
                assert entry is None
                assert listed == {"totalCount": 0, "nodes": []}
                continue
            assert (entry["owner"] or entry["pool"])["id"] == str(expected)
            assert entry["account"] == {"id": str(record)}
            assert entry["lead"] is None
            assert listed["totalCount"] == 1
            assert listed["nodes"] == [{"owner": entry["owner"], "pool": entry["pool"]}]
        for user in reps:
            data = await api.data(tenant, BOOK, user=str(user), at=at, entities=["ACCOUNT"])
            book = {UUID(line["recordId"]) for line in data["user"]["ownershipHistory"]["nodes"]}
            assert book == {record for record in ids if held(record, day) == user}


async def test_a_book_has_records_of_every_kind(tenant: SomeTenant, api: Api) -> None:
    rep = tenant.users[Role.REP]
    account = await tenant.create("Account", name="华兴", owner_id=rep)
    lead = await tenant.create("Lead", name="Ada", owner_id=rep)

    async def book(**arguments: Any) -> set[str]:
        data = await api.data(tenant, BOOK, user=str(rep), **arguments)
        return {line["recordId"] for line in data["user"]["ownershipHistory"]["nodes"]}

    assert await book() == {str(account), str(lead)}
    assert await book(entities=["LEAD"]) == {str(lead)}
    assert await book(at="2020-01-01T00:00:00Z") == set()


async def test_another_tenant_finds_no_holder(tenant: SomeTenant, other_tenant: SomeTenant, api: Api) -> None:
    account = await tenant.create("Account", name="华兴")
    data = await api.data(other_tenant, AS_OF, id=str(account), at=clock.now().isoformat())
    assert data == {"ownerAsOf": None, "account": None}


async def test_the_moment_needs_a_time_zone(tenant: SomeTenant, api: Api) -> None:
    account = await tenant.create("Account", name="华兴")
    (error, *_) = await api.errors(tenant, AS_OF, id=str(account), at="2026-01-01T00:00:00")
    assert "Write it with its offset" in error["message"]
