from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from evenhand.actions.journal import writing
from evenhand.actions.leads import convert_lead
from evenhand.actions.records import archive_record, create_records, restore_record, update_record
from evenhand.actions.search import rebuild_search
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities.registry import entity, searchable
from evenhand.search.rules import wanted
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements

SEARCH = "SELECT * FROM evenhand_search($1, $2, $3, $4, $5) ORDER BY rank, id"


async def search(actor: Actor, text: str, *kinds: str) -> list[dict[str, Any]]:
    names = kinds or tuple(searchable())
    with acting_as(actor):
        async with reading() as client:
            rows = await raw_connection(client).fetch(SEARCH, *wanted(text).arguments(actor.tenant_id, names))
    return [dict(row) for row in rows]


async def found(actor: Actor, text: str, *kinds: str) -> list[UUID]:
    return [row["id"] for row in await search(actor, text, *kinds)]


async def entries(actor: Actor) -> list[tuple[Any, ...]]:
    with acting_as(actor):
        async with reading() as client:
            statement = "SELECT * FROM search_entries WHERE tenant_id = $1"
            rows = await raw_connection(client).fetch(statement, actor.tenant_id)
    return sorted(tuple(row.values()) for row in rows)


async def test_every_searchable_entity_is_found_by_its_names(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="中国移动", also_names=["China Mobile"], phone="010-62345678")
    drafts: dict[str, dict[str, Any]] = {
        "Account": {"name": "x", "also_names": ["Zebra 斑马"]},
        "Contact": {"name": "斑马 Zebra", "account_id": account},
        "Lead": {"name": "x", "company": "Zebra 斑马"},
        "Opportunity": {"name": "斑马 Zebra"},
        "Competitor": {"name": "斑马 Zebra"},
        "Order": {"number": "斑马 Zebra", "account_id": account, "total": 1},
        "Product": {"name": "斑马", "code": "Zebra"},
        "Ticket": {"subject": "斑马 Zebra"},
        "Task": {"subject": "斑马 Zebra"},
        "User": {"name": "斑马", "email": "zebra@example.com"},
        "Team": {"name": "斑马 Zebra"},
        "Campaign": {"name": "斑马 Zebra"},
        "Tag": {"name": "斑马 Zebra"},
    }
    assert drafts.keys() == searchable().keys()
    for name, draft in drafts.items():
        record = await tenant.create(name, **draft)
        for text in ("马", "zebra", "bm", "ZEBRA 斑马", "banma"):
            assert await found(tenant.system, text, name) == [record], (name, text)
        assert await found(tenant.system, "zebra 狗", name) == []
    assert len(await found(tenant.system, "zebra")) == len(drafts)


async def test_contacts_are_found_by_channels_and_account(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="中国移动", also_names=["China Mobile"])
    channels = [{"kind": "phone", "value": "+86 138-0013-8000"}, {"kind": "email", "value": "wang.wu@cmcc.example"}]
    contact = await tenant.create("Contact", name="王五", account_id=account, channels=channels)
    for text in ("王 移动", "ww zgyd", "13800138000", "138 0013 8000", "8000", "wang.wu", "cmcc.example", "mobile 王"):
        assert await found(tenant.system, text, "Contact") == [contact], text
    with acting_as(tenant.system):
        await update_record("contact", contact, {"channels": channels[1:]})
    assert await found(tenant.system, "13800138000", "Contact") == []
    assert await found(tenant.system, "wang.wu", "Contact") == [contact]


async def test_a_new_name_of_an_account_reaches_what_is_found_by_it(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Oldname")
    contact = await tenant.create("Contact", name="Wu", account_id=account)
    deal = await tenant.create("Opportunity", name="Deal", account_id=account)
    order = await tenant.create("Order", number="1", total=1, account_id=account)
    ticket = await tenant.create("Ticket", subject="Help", account_id=account)
    with acting_as(tenant.system):
        await update_record("account", account, {"name": "Freshname"})
    assert await found(tenant.system, "oldname") == []
    assert set(await found(tenant.system, "freshname")) == {account, contact, deal, order, ticket}
    assert (await found(tenant.system, "freshname"))[0] == account
    other = await tenant.create("Account", name="Elsewhere")
    with acting_as(tenant.system):
        await update_record("contact", contact, {"account_id": other})
    assert await found(tenant.system, "freshname", "Contact") == []
    assert await found(tenant.system, "elsewhere", "Contact") == [contact]


async def test_ranks_and_ties(tenant: SomeTenant) -> None:
    ids = {
        name: await tenant.create("Account", name=name)
        for name in ("Big steelworks", "unsteel", "Steelmakers", "Steel", "No. 1", "Steel Two")
    }
    by_text = await tenant.create("Account", name="Other", website="https://steel.example")
    twin = await tenant.create("Account", name="Steelmakers")
    rows = await search(tenant.system, "steel", "Account")
    expected = [
        ids["Steel"],
        ids["Steelmakers"],
        ids["Steel Two"],
        twin,
        ids["Big steelworks"],
        ids["unsteel"],
        by_text,
    ]
    assert [row["id"] for row in rows] == expected
    assert [row["rank"] for row in rows] == [0, 1, 1, 1, 2, 3, 6]
    assert (await search(tenant.system, "steel two", "Account"))[0]["rank"] == 0


async def test_archived_records_say_so(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Acme")
    with acting_as(tenant.system):
        await archive_record("account", account)
        assert [row["archived"] for row in await search(tenant.system, "acme")] == [True]
        await restore_record("account", account)
    assert [row["archived"] for row in await search(tenant.system, "acme")] == [False]


async def refused() -> None:
    async with writing("fails") as journal:
        await create_records(entity("Account"), [{"name": "Ghost"}], journal=journal)
        raise ZeroDivisionError


async def test_conversion_and_refused_writes(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li Si", company="Converted Co", phone="021 5555 6666")
    with acting_as(tenant.system):
        converted = await convert_lead(lead)
        with pytest.raises(ZeroDivisionError):
            await refused()
    ids = {converted.account_id, converted.contact_id, converted.opportunity_id, lead}
    assert set(await found(tenant.system, "converted")) == ids
    assert set(await found(tenant.system, "55556666")) == {converted.account_id, converted.contact_id, lead}
    assert await found(tenant.system, "ghost") == []


async def test_statements_stay_constant(tenant: SomeTenant) -> None:
    async def create(count: int) -> int:
        with acting_as(tenant.system), watch_statements() as seen:
            async with writing("create") as journal:
                drafts = [{"name": f"Account {uuid7()}"} for _ in range(count)]
                ids = await create_records(entity("Account"), drafts, journal=journal)
                people = [{"name": f"Person {number}", "account_id": one} for number, one in enumerate(ids)]
                await create_records(entity("Contact"), people, journal=journal)
        return len(seen)

    assert await create(2) == await create(300)


async def test_quotes_backslashes_and_operators_are_text(tenant: SomeTenant) -> None:
    name = r"O'Brien \ & | ! <-> :* ('x')"
    account = await tenant.create("Account", name=name)
    for text in (name, "O'Brien", r"\ &", ":*", "!", "('x", "'", "\\"):
        assert await found(tenant.system, text) == [account], text


async def test_rebuilding_makes_the_same_entries(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="重庆 Acme", also_names=["Ａ"], tax_id="91-X")
    channels = [{"kind": "phone", "value": "1 2 3"}]
    await tenant.create("Contact", name="单于", account_id=account, channels=channels)
    await tenant.create("Order", number="7", total=1, account_id=account)
    before = await entries(tenant.system)
    with acting_as(tenant.system):
        async with transaction() as client:
            await raw_connection(client).execute("DELETE FROM search_entries WHERE tenant_id = $1", tenant.id)
        told: dict[str, int] = {}
        total = await rebuild_search(progress=lambda name, more: told.update({name: told.get(name, 0) + more}))
    assert await entries(tenant.system) == before
    assert total == len(before) == sum(told.values())
    with acting_as(tenant.actor(Role.REP)), pytest.raises(PermissionDenied):
        await rebuild_search()


async def test_no_other_tenants_record_is_found_or_written(
    tenant: SomeTenant, other_tenant: SomeTenant, database: DatabaseConfig
) -> None:
    account = await tenant.create("Account", name="Secret steel")
    arguments = wanted("secret").arguments(tenant.id, ["Account"])
    with acting_as(other_tenant.system):
        async with transaction() as client:
            connection = raw_connection(client)
            # Also with the grams of the other tenant, should somebody guess them.
            assert await connection.fetch(SEARCH, *arguments) == []
            assert await connection.fetchval("SELECT count(*) FROM search_entries WHERE id = $1", account) == 0
            assert await connection.execute("DELETE FROM search_entries WHERE id = $1", account) == "DELETE 0"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(
                        "INSERT INTO search_entries VALUES ($1, $2, 'Account', '', false, '', '', '')",
                        tenant.id,
                        account,
                    )
    outside = await asyncpg.connect(**database.connect_arguments(), server_settings={"role": APP_ROLE})
    try:
        assert await outside.fetch(SEARCH, *arguments) == []
    finally:
        await outside.close()
    assert await found(tenant.system, "secret") == [account]


async def test_the_index_is_used_under_the_application_role(tenant: SomeTenant, database: DatabaseConfig) -> None:
    with acting_as(tenant.system):
        async with writing("create") as journal:
            drafts = [{"name": f"Company {number:05d} {'abcdefghij'[number % 10] * 3}"} for number in range(3000)]
            await create_records(entity("Account"), drafts, journal=journal)
    owner = await asyncpg.connect(**database.connect_arguments())
    user = await asyncpg.connect(**database.connect_arguments(), server_settings={"role": APP_ROLE})
    scans = (
        "SELECT indexrelname::text, idx_scan FROM pg_stat_user_indexes WHERE relname = 'search_entries' "
        "UNION ALL SELECT 'seq', seq_scan FROM pg_stat_user_tables WHERE relname = 'search_entries'"
    )
    try:
        await owner.execute("ANALYZE search_entries")
        before = dict(await owner.fetch(scans))
        await user.execute(f"SET app.tenant = '{tenant.id}'")
        for _ in range(10):
            assert len(await user.fetch(SEARCH, *wanted("02718").arguments(tenant.id, ["Account"]))) == 1
        await user.execute("SELECT pg_stat_force_next_flush()")
        await user.execute("SELECT 1")
        after = dict(await owner.fetch(scans))
    finally:
        await owner.close()
        await user.close()
    assert {name: after[name] - before[name] for name in after} == {
        "search_entries_grams": 10,
        "search_entries_pkey": 0,
        "seq": 0,
    }


async def test_renaming_and_writing_at_once_never_leave_an_old_name(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Name 0")
    contacts = [await tenant.create("Contact", name=f"Person {number}", account_id=account) for number in range(4)]

    async def rename(number: int) -> None:
        with acting_as(tenant.system):
            await update_record("account", account, {"name": f"Name {number}"})

    async def write(number: int) -> None:
        with acting_as(tenant.system):
            await update_record("contact", contacts[number % 4], {"name": f"Person {number}x"})
            contacts.append(await tenant.create("Contact", name=f"New {number}", account_id=account))

    for number in range(1, 9):
        await asyncio.gather(rename(number), write(number), write(number + 1))
    before = await entries(tenant.system)
    with acting_as(tenant.system):
        await rebuild_search()
    assert await entries(tenant.system) == before
