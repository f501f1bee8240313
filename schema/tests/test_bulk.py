"""Many records in one call: a result for each item, good ones written, one set of statements for any number."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.audit.models import AuditEntry
from evenhand.db.session import reading
from evenhand.entities import ContactChannel, Product
from evenhand.entities.registry import ENTITIES
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.names import plural
from evenhand_schema.sdl import current_sdl
from evenhand_schema.testing import Api

NOWHERE = "01a20000-0000-7000-8000-000000000000"
ANSWER = """{ __typename ... on Failure { code message }
    ... on %(many)sWritten { written failed results { status id record { id version archivedAt }
      failure { __typename code hint ... on InvalidInput { problems { field code message hint } }
        ... on VersionConflict { currentVersion } } } } }"""
ARGUMENTS = {
    "create": ("inputs", "[Create%sInput!]!"),
    "update": ("changes", "[Update%sItem!]!"),
    "archive": ("ids", "[ID!]!"),
    "restore": ("ids", "[ID!]!"),
    "upsert": ("items", "[Upsert%sItem!]!"),
}


async def call(
    api: Api, tenant: SomeTenant, verb: str, kind: str, given: list[Any], role: Role = Role.ADMIN, **more: Any
) -> Any:
    """One call with many items; its answer."""
    name, shape = ARGUMENTS[verb]
    types = {name: shape % kind if "%s" in shape else shape, "mode": "BulkMode!", "source": "String!"}
    types["versions"] = "[Int]"
    arguments = {name: given, **more}
    declared = ", ".join(f"${key}: {types[key]}" for key in arguments)
    passed = ", ".join(f"{key}: ${key}" for key in arguments)
    many = plural(kind)
    query = f"mutation ({declared}) {{ result: {verb}{many}({passed}) {ANSWER % {'many': many}} }}"
    return (await api.data(tenant, query, role, **arguments))["result"]


def statuses(answer: Any) -> list[str]:
    return [item["status"] for item in answer["results"]]


def codes(answer: Any) -> list[str | None]:
    return [item["failure"] and item["failure"]["code"] for item in answer["results"]]


def test_every_entity_has_all_forms() -> None:
    sdl = current_sdl()
    for name in ENTITIES:
        for verb in ("create", "update", "archive", "restore"):
            assert f"  {verb}{plural(name)}(" in sdl
        assert (f"  upsert{plural(name)}(" in sdl) is (
            f"\ntype {name} " in sdl and "  externalIds(" in sdl.split(f"\ntype {name} ")[1].split("\n}")[0]
        )


async def test_the_life_of_many_records(api: Api, tenant: SomeTenant) -> None:
    created = await call(api, tenant, "create", "Lead", [{"name": f"线索 {n}"} for n in range(5)])
    assert (created["written"], created["failed"], statuses(created)) == (5, 0, ["CREATED"] * 5)
    ids = [item["id"] for item in created["results"]]
    assert [item["record"] for item in created["results"]] == [
        {"id": one, "version": 1, "archivedAt": None} for one in ids
    ]
    changes = [{"id": one, "input": {"company": "甲公司"}, "version": 1} for one in ids]
    changes[1]["input"] = {"name": "线索 1"}
    changes[2]["version"] = 7
    changes[3]["id"] = ids[0]
    changes[4]["id"] = NOWHERE
    updated = await call(api, tenant, "update", "Lead", changes)
    assert statuses(updated) == ["UPDATED", "UNCHANGED", "FAILED", "FAILED", "FAILED"]
    assert codes(updated)[2:] == ["VERSION_CONFLICT", "INVALID_INPUT", "NOT_FOUND"]
    assert updated["results"][2]["failure"]["currentVersion"] == 1
    assert updated["results"][3]["failure"]["problems"][0]["code"] == "NAMED_TWICE"
    assert updated["results"][0]["record"]["version"] == 2
    archived = await call(api, tenant, "archive", "Lead", ids, versions=[2, 1, 9, None, 1])
    assert statuses(archived) == ["ARCHIVED", "ARCHIVED", "FAILED", "ARCHIVED", "ARCHIVED"]
    assert (await call(api, tenant, "update", "Lead", changes[:1]))["results"][0]["failure"]["code"] == (
        "VERSION_CONFLICT"
    )
    again = await call(api, tenant, "archive", "Lead", ids[:3])
    assert statuses(again) == ["UNCHANGED", "UNCHANGED", "ARCHIVED"]
    restored = await call(api, tenant, "restore", "Lead", ids)
    assert statuses(restored) == ["RESTORED"] * 5
    with acting_as(tenant.system):
        async with reading():
            assert await AuditEntry.filter(action="create_leads").count() == 5
            assert await OutboxEvent.filter(type="LeadCreated").count() == 5
            assert await OwnershipEntry.filter(entity="Lead").count() == 5
            assert await OutboxEvent.filter(type="LeadUpdated").count() == 1


async def test_good_items_are_written_and_bad_ones_told_why(api: Api, tenant: SomeTenant) -> None:
    await tenant.create("Product", code="P1", name="Press")
    owner = str(tenant.users[Role.READ_ONLY])
    given: list[dict[str, Any]] = [
        {"code": "P2", "name": "Good"},
        {"code": "P1", "name": "Taken"},
        {"code": "P2", "name": "Twice"},
        {"code": "P3", "name": ""},
        {"code": "P4", "name": "Unknown key", "custom": {"nope": 1}},
        {"code": "P5", "name": "Good"},
    ]
    answer = await call(api, tenant, "create", "Product", given)
    assert statuses(answer) == ["CREATED", "FAILED", "FAILED", "FAILED", "FAILED", "CREATED"]
    assert codes(answer)[1:5] == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "INVALID_INPUT", "INVALID_INPUT"]
    assert [problem["field"] for item in answer["results"][3:5] for problem in item["failure"]["problems"]] == [
        "name",
        "custom.nope",
    ]
    leads = await call(
        api,
        tenant,
        "create",
        "Lead",
        [{"name": "a", "campaignId": NOWHERE}, {"name": "b", "ownerId": owner}, {"name": "c"}, {"name": "d" * 301}],
    )
    assert statuses(leads) == ["FAILED", "FAILED", "CREATED", "FAILED"]
    problem = leads["results"][0]["failure"]["problems"][0]
    assert (problem["field"], problem["code"]) == ("campaignId", "REFERENCE_NOT_FOUND")
    assert codes(leads)[1] == "OWNER_NOT_ELIGIBLE"
    with acting_as(tenant.system):
        async with reading():
            assert sorted([product.code for product in await Product.all()]) == ["P1", "P2", "P5"]
            assert await OutboxEvent.filter(type="ProductCreated").count() == 3
            assert await AuditEntry.filter(entity="Lead").count() == 1


async def test_all_or_nothing_writes_nothing_and_names_every_bad_item(api: Api, tenant: SomeTenant) -> None:
    given = [{"name": "a"}, {"name": ""}, {"name": "b", "campaignId": NOWHERE}, {"name": "c"}]
    answer = await call(api, tenant, "create", "Lead", given, mode="ALL_OR_NOTHING")
    assert (answer["written"], answer["failed"]) == (0, 4)
    assert codes(answer) == ["NOTHING_WRITTEN", "INVALID_INPUT", "INVALID_INPUT", "NOTHING_WRITTEN"]
    assert await api.data(tenant, "{ leads { nodes { id } } }") == {"leads": {"nodes": []}}
    answer = await call(api, tenant, "create", "Lead", [{"name": "a"}, {"name": "b"}], mode="ALL_OR_NOTHING")
    assert statuses(answer) == ["CREATED", "CREATED"]


async def test_what_is_no_id_fails_by_itself(api: Api, tenant: SomeTenant) -> None:
    created = await call(api, tenant, "create", "Lead", [{"name": "One"}, {"name": "Two"}])
    one, two = (item["id"] for item in created["results"])
    changes = [{"id": "x" * 10_000, "input": {"name": "No"}}, {"id": one, "input": {"company": "Acme"}}]
    refused = await call(api, tenant, "update", "Lead", changes, mode="ALL_OR_NOTHING")
    assert codes(refused) == ["INVALID_ID", "NOTHING_WRITTEN"]
    assert codes(await call(api, tenant, "update", "Lead", changes)) == ["INVALID_ID", None]
    for verb, status in (("archive", "ARCHIVED"), ("restore", "RESTORED")):
        answer = await call(api, tenant, verb, "Lead", ["", one, "\x00", two])
        assert statuses(answer) == ["FAILED", status, "FAILED", status]
        assert codes(answer) == ["INVALID_ID", None, "INVALID_ID", None]
        assert (answer["written"], answer["failed"]) == (2, 2)
        assert [item["id"] for item in answer["results"]] == [None, one, None, two]


async def test_the_message_about_an_id_is_short(api: Api, tenant: SomeTenant) -> None:
    query = "mutation ($id: ID!) { archiveLead(id: $id) { ... on Failure { code message } } }"
    answer = (await api.data(tenant, query, Role.ADMIN, id="x" * 10_000))["archiveLead"]
    assert answer["code"] == "INVALID_ID"
    assert len(answer["message"]) < 200


async def test_lists_of_many_records_are_written_and_judged_one_by_one(api: Api, tenant: SomeTenant) -> None:
    mail = {"kind": "EMAIL", "value": "li@example.com"}
    given = [{"name": "a", "channels": [mail]}, {"name": "b", "channels": [mail, mail]}, {"name": "c"}]
    answer = await call(api, tenant, "create", "Contact", given)
    assert statuses(answer) == ["CREATED", "FAILED", "CREATED"]
    ids = [answer["results"][place]["id"] for place in (0, 2)]
    phone = {"kind": "PHONE", "value": "+86 10 5555 0100"}
    changes = [{"id": ids[0], "input": {"channels": [phone]}}, {"id": ids[1], "input": {"channels": [phone, phone]}}]
    answer = await call(api, tenant, "update", "Contact", changes)
    assert (statuses(answer), codes(answer)[1]) == (["UPDATED", "FAILED"], "DUPLICATE_VALUE")
    with acting_as(tenant.system):
        async with reading():
            assert [row.value for row in await ContactChannel.all()] == [phone["value"]]


async def test_structure_is_kept_by_many_changes_at_once(api: Api, tenant: SomeTenant) -> None:
    top, below = [str(await tenant.create("Account", name=name)) for name in ("top", "below")]
    answer = await call(
        api,
        tenant,
        "update",
        "Account",
        [{"id": below, "input": {"parentId": top}}, {"id": top, "input": {"parentId": top, "region": "East"}}],
    )
    assert statuses(answer) == ["UPDATED", "FAILED"]
    assert answer["results"][1]["failure"]["problems"][0]["code"] == "LOOP"
    pools = [str(await tenant.create("Pool", name=name)) for name in ("a", "b")]
    answer = await call(api, tenant, "update", "Pool", [{"id": one, "input": {"isDefault": True}} for one in pools])
    assert statuses(answer) == ["UPDATED", "FAILED"]
    answer = await call(api, tenant, "archive", "Pool", pools)
    assert statuses(answer) == ["FAILED", "ARCHIVED"]


@pytest.mark.parametrize("verb", ["create", "update", "archive", "upsert"])
async def test_the_number_of_statements_does_not_grow(api: Api, tenant: SomeTenant, verb: str) -> None:
    """Also where each item changes other columns and lists, and where some are refused for the same reason."""
    more: dict[str, Any] = {"source": "shop"} if verb == "upsert" else {}
    seen: list[int] = []
    await api.key(tenant)
    for count in (8, 80):
        made = await call(api, tenant, "create", "Contact", [{"name": f"王 {n}"} for n in range(count)])
        ids = [item["id"] for item in made["results"]]
        values: list[dict[str, Any]] = [
            {
                "name": f"李 {count} {n}",
                **({"title": "CEO"} if n % 2 else {"department": "IT"}),
                **({"channels": [{"kind": "EMAIL", "value": f"{n}@example.com"}]} if n % 3 else {}),
                **({"accountId": NOWHERE} if n % 4 == 0 else {}),
            }
            for n in range(count)
        ]
        given: dict[str, list[Any]] = {
            "create": values,
            "update": [{"id": one, "input": value} for one, value in zip(ids, values, strict=True)],
            "archive": ids,
            "upsert": [{"externalId": f"{count} {n}", "input": value} for n, value in enumerate(values)],
        }
        with watch_statements() as statements:
            answer = await call(api, tenant, verb, "Contact", given[verb], **more)
        assert answer["failed"] == (0 if verb == "archive" else count // 4)
        seen.append(len(statements))
    assert seen[0] == seen[1]
    assert seen[0] < 45


async def test_too_many_items_and_callers_without_rights(api: Api, tenant: SomeTenant) -> None:
    answer = await call(api, tenant, "archive", "Lead", [NOWHERE] * 1001)
    assert (answer["__typename"], answer["code"]) == ("InvalidInput", "INVALID_INPUT")
    answer = await call(api, tenant, "create", "Product", [{"code": "a", "name": "a"}], Role.REP)
    assert answer["code"] == "PERMISSION_DENIED"
    answer = await call(api, tenant, "archive", "Lead", [NOWHERE], versions=[1, 2])
    assert answer["code"] == "INVALID_INPUT"
    assert (await call(api, tenant, "archive", "Lead", []))["results"] == []


async def test_other_tenants_records_are_not_there(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    lead = str(await other_tenant.create("Lead", name="Theirs"))
    for verb, item in (("update", {"id": lead, "input": {"name": "Ours"}}), ("archive", lead)):
        assert codes(await call(api, tenant, verb, "Lead", [item])) == ["NOT_FOUND"]


async def test_a_thousand_at_once(api: Api, tenant: SomeTenant) -> None:
    given = [{"name": f"客户 {n}", "annualRevenue": None if n % 500 else "-1"} for n in range(1000)]
    answer = await call(api, tenant, "create", "Account", given)
    assert (answer["written"], answer["failed"]) == (998, 2)


async def test_upserts_twice_leave_one_state(api: Api, tenant: SomeTenant) -> None:
    items = [{"externalId": f"x{n}", "input": {"name": f"客户 {n}", "region": "华东"}} for n in range(3)]
    first = await call(api, tenant, "upsert", "Account", items, source="shop")
    assert statuses(first) == ["CREATED"] * 3
    again = await call(api, tenant, "upsert", "Account", items, source="shop")
    assert statuses(again) == ["UNCHANGED"] * 3
    assert [item["record"] for item in again["results"]] == [item["record"] for item in first["results"]]
    items[1]["input"] = {"name": "新名", "ownerId": str(tenant.users[Role.REP])}
    items.append({"externalId": "x1", "input": {"name": "twice"}})
    items.append({"externalId": "x9", "input": {"name": "x" * 301}})
    items.append({"externalId": " ", "input": {"name": "nameless"}})
    third = await call(api, tenant, "upsert", "Account", items, source="shop")
    assert statuses(third) == ["UNCHANGED", "UPDATED", "UNCHANGED", "FAILED", "FAILED", "FAILED"]
    query = """query ($id: ID!) { account(id: $id) { name region owner { id }
        externalIds { nodes { source externalId } } } }"""
    found = (await api.data(tenant, query, id=first["results"][1]["id"]))["account"]
    assert found == {
        "name": "新名",
        "region": "华东",
        "owner": None,
        "externalIds": {"nodes": [{"source": "shop", "externalId": "x1"}]},
    }
    mended = await call(api, tenant, "upsert", "Account", [{"externalId": "x9", "input": {"name": "x"}}], source="shop")
    assert statuses(mended) == ["CREATED"]
    other = await call(api, tenant, "upsert", "Account", items[:1], source="erp")
    assert statuses(other) == ["CREATED"]
    await call(api, tenant, "archive", "Account", [first["results"][0]["id"]])
    assert codes(await call(api, tenant, "upsert", "Account", items[:1], source="shop")) == ["RECORD_ARCHIVED"]
