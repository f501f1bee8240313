from __future__ import annotations

import asyncio

import pytest

from evenhand.actions.journal import writing
from evenhand.actions.records import Change, archive_record, create_record, update_record, update_records
from evenhand.db.session import reading
from evenhand.entities import Pipeline, Team
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput
from evenhand.ownership.models import Pool
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


@pytest.mark.parametrize(("name", "column"), [("Team", "parent_id"), ("Account", "parent_id"), ("User", "manager_id")])
async def test_nobody_stands_above_themselves(tenant: SomeTenant, name: str, column: str) -> None:
    top, middle, low = [await tenant.create(name, name=f"{name} {number}") for number in range(3)]
    with acting_as(tenant.system):
        await update_record(name, low, {column: middle})
        await update_record(name, middle, {column: top})
        for below in (top, middle, low):
            with pytest.raises(InvalidInput, match="above itself"):
                await update_record(name, top, {column: below})
        await update_record(name, low, {column: top})
        await update_record(name, low, {column: None})


async def test_parallel_moves_close_no_loop(tenant: SomeTenant) -> None:
    teams = [await tenant.create("Team", name=f"Team {number}") for number in range(4)]

    async def move(number: int) -> bool:
        with acting_as(tenant.system):
            try:
                return await update_record("team", teams[number], {"parent_id": teams[(number + 1) % 4]})
            except InvalidInput:
                return False

    assert sum(await asyncio.gather(*(move(number) for number in range(4)))) == 3
    with acting_as(tenant.system):
        async with reading():
            assert await Team.filter(id__in=teams, parent_id=None).count() == 1


@pytest.mark.parametrize("model", [Pool, Pipeline])
async def test_there_is_always_one_default(tenant: SomeTenant, model: type[Pool] | type[Pipeline]) -> None:
    name = model.__name__
    other = await tenant.create(name, name="Other")
    with acting_as(tenant.system):
        async with reading():
            first = await model.get(is_default=True)
        with pytest.raises(InvalidInput, match="there must be one"):
            await update_record(name, first.id, {"is_default": False})
        with pytest.raises(InvalidInput, match="there must be one"):
            await archive_record(name, first.id)
        await update_record(name, other, {"is_default": True})
        async with reading():
            assert (await model.get(is_default=True)).id == other
            assert (await model.get(id=first.id)).version == 2
        await archive_record(name, first.id)
        assert await create_record("lead", {"name": "Li"})


async def test_a_record_is_named_once_in_a_change(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")
    changes = [Change(lead, {"name": "Wang"}), Change(lead, {"company": "Acme"})]
    with acting_as(tenant.system):
        async with writing("update_leads") as journal:
            with pytest.raises(InvalidInput, match="twice"):
                await update_records(entity("lead"), changes, journal=journal)
