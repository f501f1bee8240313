from __future__ import annotations

import asyncio
import random
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.actions.bulk import create_many
from evenhand.actions.records import archive_record, update_record
from evenhand.db.session import reading
from evenhand.entities import Team
from evenhand.errors import InvalidInput
from evenhand.ownership.visibility.models import TeamClosure
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.tenants import make_tenant

Pairs = set[tuple[UUID, UUID, int]]


async def closure(tenant: SomeTenant) -> tuple[Pairs, Pairs]:
    """The pairs as they are kept, and as they follow from the teams."""
    with acting_as(tenant.system):
        async with reading():
            kept = {(row.ancestor_id, row.descendant_id, row.depth) for row in await TeamClosure.all()}
            parents = {team.id: team.parent_id for team in await Team.all()}
    expected: Pairs = set()
    for team in parents:
        above: UUID | None = team
        depth = 0
        while above is not None:
            expected.add((above, team, depth))
            above, depth = parents[above], depth + 1
    return kept, expected


async def test_closure_follows_creation_and_moves(tenant: SomeTenant) -> None:
    top = await tenant.create("Team", name="Top")
    middle = await tenant.create("Team", name="Middle", parent_id=top)
    low = await tenant.create("Team", name="Low", parent_id=middle)
    kept, expected = await closure(tenant)
    assert kept == expected
    assert (top, low, 2) in kept
    other = await tenant.create("Team", name="Other")
    await tenant.update("Team", middle, parent_id=other)
    kept, expected = await closure(tenant)
    assert kept == expected
    assert (other, low, 2) in kept
    assert not {pair for pair in kept if pair[0] == top and pair[1] != top}
    with acting_as(tenant.system):
        await archive_record("Team", middle)
    assert (await closure(tenant))[0] == kept


async def test_a_bulk_of_teams_has_its_closure(tenant: SomeTenant) -> None:
    top = await tenant.create("Team", name="Top")
    with acting_as(tenant.system):
        await create_many("Team", [{"name": f"Team {number}", "parent_id": top} for number in range(20)])
    kept, expected = await closure(tenant)
    assert kept == expected
    assert len(kept) == 1 + 20 * 2


async def test_parallel_moves_and_creations_keep_the_closure_exact(tenant: SomeTenant) -> None:
    teams = [await tenant.create("Team", name=f"Team {number}") for number in range(6)]
    random.seed(3)

    async def move(number: int) -> None:
        with acting_as(tenant.system):
            try:
                await update_record("Team", random.choice(teams), {"parent_id": random.choice([*teams, None])})
            except InvalidInput as error:
                if "above itself" not in str(error):
                    raise

    async def create(number: int) -> None:
        await tenant.create("Team", name=f"New {number}", parent_id=random.choice(teams))

    await asyncio.gather(*(move(number) if number % 3 else create(number) for number in range(36)))
    kept, expected = await closure(tenant)
    assert kept == expected


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 5))), max_size=12))
async def test_any_moves_keep_the_closure_exact(database: object, moves: list[tuple[int, int | None]]) -> None:
    tenant = await make_tenant()
    teams = [await tenant.create("Team", name=f"Team {number}") for number in range(6)]
    for team, above in moves:
        try:
            await tenant.update("Team", teams[team], parent_id=None if above is None else teams[above])
        except InvalidInput as error:
            if "above itself" not in str(error):
                raise
    kept, expected = await closure(tenant)
    assert kept == expected
