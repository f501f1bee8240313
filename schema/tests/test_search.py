"""Searching over HTTP: lists, all kinds at once, pages, rights and tenants."""

from __future__ import annotations

from typing import Any

import pytest

from evenhand.actions.journal import writing
from evenhand.actions.records import archive_record, create_records
from evenhand.entities.registry import entity, searchable
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.names import plural, snake
from evenhand_schema.testing import Api

PAGE = """
query ($search: String, $first: Int, $after: String, $last: Int, $before: String, $filter: AccountFilter,
       $orderBy: [AccountOrderBy!], $archived: Boolean! = false) {
  accounts(search: $search, first: $first, after: $after, last: $last, before: $before, filter: $filter,
           orderBy: $orderBy, archived: $archived) {
    totalCount nodes { name } edges { cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
ALL = """query ($text: String!, $kinds: [SearchKind!], $first: Int! = 50) {
  search(text: $text, kinds: $kinds, first: $first) %s
}"""
HITS = "{ kind id title rank record { id ... on Account { name } ... on Contact { account { name } } } }"


def names(data: dict[str, Any]) -> list[str]:
    return [node["name"] for node in data["accounts"]["nodes"]]


async def create(tenant: SomeTenant, kind: str, *drafts: dict[str, Any]) -> list[Any]:
    with acting_as(tenant.system):
        async with writing("create") as journal:
            return await create_records(entity(kind), list(drafts), journal=journal)


async def test_lists_search_rank_page_and_filter(api: Api, tenant: SomeTenant) -> None:
    wanted = ["Steel", "Steel Two", "Steelmakers", "Big Steelworks", "Unsteel"]
    await create(tenant, "Account", *({"name": name, "tier": "A" if "T" in name else "B"} for name in reversed(wanted)))
    await tenant.create("Account", name="Nothing")
    found = await api.data(tenant, PAGE, search="steel")
    assert names(found)[0] == "Steel"
    assert set(names(found)[1:3]) == {"Steel Two", "Steelmakers"}
    assert names(found)[3:] == wanted[3:]
    assert found["accounts"]["totalCount"] == 5

    paged: list[str] = []
    after = None
    while True:
        page = await api.data(tenant, PAGE, search="steel", first=2, after=after)
        paged += names(page)
        after = page["accounts"]["pageInfo"]["endCursor"]
        if not page["accounts"]["pageInfo"]["hasNextPage"]:
            break
    assert paged == names(found)
    assert names(await api.data(tenant, PAGE, search="steel", last=2)) == names(found)[3:]
    before = found["accounts"]["edges"][3]["cursor"]
    assert names(await api.data(tenant, PAGE, search="steel", last=2, before=before)) == names(found)[1:3]

    assert names(await api.data(tenant, PAGE, search="steel", filter={"tier": {"eq": "A"}})) == ["Steel Two"]
    by_name = [{"field": "NAME", "direction": "DESC"}]
    assert names(await api.data(tenant, PAGE, search="steel", orderBy=by_name)) == sorted(wanted, reverse=True)
    for blank in (None, "", " 　"):
        assert len(names(await api.data(tenant, PAGE, search=blank))) == 6
    assert names(await api.data(tenant, PAGE, search="steel nothing")) == []


@pytest.mark.parametrize("search", ["zgyd", "移动", "zhongguo", "YIDONG", "中國", "62345678", "+86 10 6234 5678"])
async def test_what_people_type(api: Api, tenant: SomeTenant, search: str) -> None:
    await create(tenant, "Account", {"name": "中国移动", "phone": "010-6234 5678"}, {"name": "联通"})
    assert names(await api.data(tenant, PAGE, search=search)) == ["中国移动"]


async def test_archived_records_are_found_when_asked_for(api: Api, tenant: SomeTenant) -> None:
    (account,) = await create(tenant, "Account", {"name": "Acme"})
    with acting_as(tenant.system):
        await archive_record("account", account)
    assert names(await api.data(tenant, PAGE, search="acme")) == []
    assert names(await api.data(tenant, PAGE, search="acme", archived=True)) == ["Acme"]
    assert (await api.data(tenant, ALL % HITS, text="acme"))["search"] == []


async def test_all_kinds_at_once(api: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    (account,) = await create(tenant, "Account", {"name": "中国移动"})
    (contact,) = await create(tenant, "Contact", {"name": "王五", "account_id": account})
    await create(tenant, "Lead", {"name": "Li", "company": "移动通信"})
    await create(other_tenant, "Account", {"name": "中国移动"})
    hits = (await api.data(tenant, ALL % HITS, text="移动"))["search"]
    assert [(hit["kind"], hit["title"], hit["rank"]) for hit in hits] == [
        ("ACCOUNT", "中国移动", 3),
        ("LEAD", "Li", 5),
        ("CONTACT", "王五", 7),
    ]
    assert hits[0]["record"] == {"id": str(account), "name": "中国移动"}
    assert hits[2]["record"] == {"id": str(contact), "account": {"name": "中国移动"}}
    chosen = (await api.data(tenant, ALL % "{ kind }", text="移动", kinds=["CONTACT", "LEAD"]))["search"]
    assert [hit["kind"] for hit in chosen] == ["LEAD", "CONTACT"]
    assert len((await api.data(tenant, ALL % "{ kind }", text="移动", first=1))["search"]) == 1
    assert (await api.data(tenant, ALL % "{ kind }", text="移动", kinds=[]))["search"] == []
    assert (await api.data(tenant, ALL % "{ kind }", text=" "))["search"] == []


async def test_every_searchable_entity_has_the_argument(api: Api, tenant: SomeTenant) -> None:
    for name in searchable():
        field = snake(plural(name))
        field = field.split("_")[0] + "".join(part.title() for part in field.split("_")[1:])
        data = await api.data(tenant, f'{{ {field}(search: "nobody knows") {{ nodes {{ id }} }} }}')
        assert data[field]["nodes"] == []


async def test_searches_that_cannot_be_are_refused_in_words(api: Api, tenant: SomeTenant) -> None:
    for query, variables, code in (
        (PAGE, {"search": "x" * 201}, "SEARCH_TOO_LONG"),
        (PAGE, {"search": "a b c d e f g h i j k l m"}, "SEARCH_TOO_LONG"),
        (ALL % "{ id }", {"text": "x" * 201}, "SEARCH_TOO_LONG"),
        (ALL % "{ id }", {"text": "x", "first": 0}, "INVALID_PAGE_SIZE"),
    ):
        errors = await api.errors(tenant, query, **variables)
        assert [error["extensions"]["code"] for error in errors] == [code]
        assert errors[0]["extensions"]["hint"]
    for odd in ("\x00", "a\x00b", "'", "\\", "%", "_", "a & b | !c:*", "<->"):
        assert names(await api.data(tenant, PAGE, search=odd)) == []


async def test_searches_are_compiled(api: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    await create(tenant, "Account", {"name": "Acme"})
    answers = []
    for compiled in (True, False):
        monkeypatch.setattr("evenhand_schema.execution.COMPILED", compiled)
        with watch_statements() as seen:
            answers.append(await api.data(tenant, PAGE, search="acme"))
        assert sum("evenhand_search" in statement for statement in seen) == (1 if compiled else 2)
    assert answers[0] == answers[1]


async def test_a_key_that_may_not_read_finds_nothing(api: Api, tenant: SomeTenant) -> None:
    await create(tenant, "Account", {"name": "Acme"})
    for query, variables in ((PAGE, {"search": "acme"}), (ALL % "{ id }", {"text": "acme"})):
        errors = await api.errors(tenant, query, Role.ADMIN, Scope.WRITE, **variables)
        assert [error["extensions"]["code"] for error in errors] == ["PERMISSION_DENIED"]
