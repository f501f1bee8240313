"""What plugins add: fields and queries, batched, null or an error while disabled; broken ones reported."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import strawberry
from pydantic import BaseModel
from structlog.testing import capture_logs

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.entities import Lead, Tag
from evenhand.errors import EvenhandError
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.host import PluginHost, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import Role
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements
from evenhand_schema.api import Contribution, EntityField, RootField, RootMutation, User, record
from evenhand_schema.contributions import Contributions, collect
from evenhand_schema.http.app import create_app
from evenhand_schema.schema import build_schema
from evenhand_schema.testing import Api


class GreetingSettings(BaseModel):
    """Settings of the plugin under test."""

    word: str = "你好"


async def _owner(root: Any, info: strawberry.Info) -> User | None:
    found: User | None = await record(info, "User", root.owner_id)
    return found


@strawberry.type
class Greeting:
    text: str
    owner_id: strawberry.Private[UUID | None]
    owner: User | None = strawberry.field(resolver=_owner)


class Unfriendly(EvenhandError):
    """Raised by the plugin under test."""

    code = "UNFRIENDLY"


async def load_greetings(ctx: TenantContext, ids: Sequence[UUID]) -> Mapping[UUID, Greeting]:
    assert isinstance(ctx.settings, GreetingSettings)
    async with reading():
        leads = await Lead.filter(id__in=list(ids))
    return {
        lead.id: Greeting(text=f"{ctx.settings.word} {lead.name}", owner_id=lead.owner_id)
        for lead in leads
        if lead.name != "Nobody"
    }


async def greet(ctx: TenantContext, name: str, times: int = 1) -> list[str]:
    assert isinstance(ctx.settings, GreetingSettings)
    if name == "villain":
        raise Unfriendly("No greeting for villains.", hint="Be kind.")
    return [f"{ctx.settings.word} {name}"] * times


async def load_ages(ctx: TenantContext, records: Sequence[Mapping[str, Any]]) -> Mapping[UUID, Greeting]:
    CALLS.append(len(records))
    if any(one["name"] == "Nobody" for one in records):
        raise Unfriendly("No greeting for nobody.", hint="Be somebody.")
    return {one["id"]: Greeting(text=f"{one['name']} {one['created_at']:%z %Y}", owner_id=None) for one in records}


CALLS: list[int] = []
"""How many records each call of `load_ages` had."""

CONTRIBUTION = Contribution(
    fields={
        "Lead": EntityField(Greeting, load_greetings, "A greeting."),
        "Tag": EntityField(Greeting, load_ages, "Made of columns.", needs=("name", "created_at")),
    },
    queries=[RootField("helloWorldGreet", greet, "Greet somebody.")],
)
MODULE = "evenhand_hello_for_tests"


def _manifest(slug: str = "hello_world", **options: Any) -> PluginManifest:
    return PluginManifest(slug=slug, title={"en": slug}, api=">=0", hooks="builtins:object", **options)


@pytest.fixture(autouse=True)
def module() -> Iterator[ModuleType]:
    """A module that manifests can name."""
    made: Any = ModuleType(MODULE)
    made.CONTRIBUTION = CONTRIBUTION
    made.GreetingSettings = GreetingSettings
    made.NONE = "no contribution"
    sys.modules[MODULE] = made
    yield made
    del sys.modules[MODULE]


@pytest_asyncio.fixture(loop_scope="session")
async def hello(database: DatabaseConfig) -> AsyncIterator[Api]:
    """A client of an application with the plugin and with one whose contribution is broken."""
    host = PluginHost([])
    host.load(_manifest(graphql=f"{MODULE}:CONTRIBUTION", settings=f"{MODULE}:GreetingSettings"), object())
    host.load(_manifest("broken", graphql=f"{MODULE}:MISSING"), object())
    with use_host(host):
        app = create_app(None, schema=build_schema(collect(list(host.manifests.values()))))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
            yield Api(http)


LEADS = "{ leads(orderBy: [{field: NAME}]) { nodes { name helloWorld { text owner { name } } } } }"
ENABLE = """mutation ($enabled: Boolean!, $settings: JSON) {
    setPlugin(slug: "hello_world", enabled: $enabled, settings: $settings) { __typename
        ... on Failure { code } ... on InvalidInput { problems { field } } ... on Plugin { settings } } }"""


@pytest.mark.parametrize("compiled", [True, False])
async def test_a_field_is_made_from_the_columns_it_needs_for_all_records_at_once(
    hello: Api, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", compiled)
    await hello.data(tenant, ENABLE, enabled=True, settings={})
    for name in ("甲", "乙", "丙"):
        await tenant.create("Tag", name=name)
    CALLS.clear()
    query = "{ tags(orderBy: [{field: CREATED_AT}]) { edges { node { made: helloWorld { text } } } } }"
    data = await hello.data(tenant, query)
    made = [edge["node"] for edge in data["tags"]["edges"]]
    year = f"+0000 {datetime.now(UTC):%Y}"
    assert made == [{"made": {"text": f"{name} {year}"}} for name in ("甲", "乙", "丙")]
    assert CALLS == [3]
    await tenant.create("Tag", name="Nobody")
    errors = await hello.errors(tenant, query)
    assert [error["path"] for error in errors] == [["tags", "edges", n, "node", "made"] for n in range(4)]
    assert {error["extensions"]["code"] for error in errors} == {"UNFRIENDLY"}


async def test_a_field_is_null_until_the_plugin_is_enabled(hello: Api, tenant: SomeTenant) -> None:
    await tenant.create("Lead", name="A", owner_id=tenant.users[Role.REP])
    await tenant.create("Lead", name="Nobody")
    off = await hello.data(tenant, LEADS)
    assert off["leads"]["nodes"] == [{"name": "A", "helloWorld": None}, {"name": "Nobody", "helloWorld": None}]
    (error,) = await hello.errors(tenant, '{ helloWorldGreet(name: "x") }')
    assert error["extensions"]["code"] == "PLUGIN_DISABLED"
    await hello.data(tenant, ENABLE, enabled=True, settings={"word": "Hi"})
    on = await hello.data(tenant, LEADS)
    rep = {"name": f"rep of {tenant.slug[-6:]}"}
    assert on["leads"]["nodes"] == [
        {"name": "A", "helloWorld": {"text": "Hi A", "owner": rep}},
        {"name": "Nobody", "helloWorld": None},
    ]
    greeted = await hello.data(tenant, '{ helloWorldGreet(name: "张", times: 2) }')
    assert greeted == {"helloWorldGreet": ["Hi 张", "Hi 张"]}
    await hello.data(tenant, ENABLE, enabled=False)
    assert await hello.data(tenant, LEADS) == off


async def test_a_plugin_reads_once_for_all_records(hello: Api, tenant: SomeTenant) -> None:
    await hello.data(tenant, ENABLE, enabled=True)
    counts = []
    for n in range(2):
        for m in range(5):
            await tenant.create("Lead", name=f"{n} {m}", owner_id=tenant.users[Role.REP])
        await hello.data(tenant, LEADS)
        with watch_statements() as seen:
            await hello.data(tenant, LEADS)
        counts.append(len(seen))
    assert counts[0] == counts[1]


async def test_other_tenants_are_not_touched(hello: Api, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await hello.data(tenant, ENABLE, enabled=True)
    await other_tenant.create("Lead", name="A")
    assert (await hello.data(other_tenant, LEADS))["leads"]["nodes"] == [{"name": "A", "helloWorld": None}]


async def test_plugins_are_named_by_their_slug_in_errors(hello: Api, tenant: SomeTenant) -> None:
    (error,) = await hello.errors(tenant, '{ helloWorldGreet(name: "you") }')
    assert error["extensions"]["code"] == "PLUGIN_DISABLED"
    assert "'hello_world'" in error["message"]
    assert 'slug: "hello_world"' in error["extensions"]["hint"]
    query = 'mutation { setPlugin(slug: "nobody") { ... on Failure { code hint } } }'
    failure = (await hello.data(tenant, query))["setPlugin"]
    assert failure["code"] == "PLUGIN_NOT_INSTALLED"
    assert "hello_world" in failure["hint"]


async def test_errors_of_plugins_reach_the_client(hello: Api, tenant: SomeTenant) -> None:
    await hello.data(tenant, ENABLE, enabled=True)
    (error,) = await hello.errors(tenant, '{ helloWorldGreet(name: "villain") }')
    assert (error["message"], error["extensions"]["code"]) == ("No greeting for villains.", "UNFRIENDLY")


async def test_settings_are_checked_and_shown_to_admins_alone(hello: Api, tenant: SomeTenant) -> None:
    result = (await hello.data(tenant, ENABLE, enabled=True, settings={"word": 5}))["setPlugin"]
    assert (result["code"], result["problems"]) == ("INVALID_INPUT", [{"field": "settings.word"}])
    await hello.data(tenant, ENABLE, enabled=True, settings={"word": "嗨"})
    query = "{ plugins { slug enabled settings failure title } }"
    own, broken = (await hello.data(tenant, query))["plugins"]
    assert own == {
        "slug": "hello_world",
        "enabled": True,
        "settings": {"word": "嗨"},
        "failure": None,
        "title": {"en": "hello_world"},
    }
    assert broken["slug"] == "broken"
    assert "MISSING" in broken["failure"]
    for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
        assert (await hello.data(tenant, query, role))["plugins"][0]["settings"] is None


def test_contributions_that_cannot_be_used_are_reported_and_logged() -> None:
    manifests = [
        _manifest("aa", graphql="evenhand_not_installed.graphql:CONTRIBUTION"),
        _manifest("bb", graphql=f"{MODULE}:NONE"),
        _manifest("cc"),
    ]
    with capture_logs() as logs:
        found = collect(manifests)
    assert not found.by_slug
    assert "ModuleNotFoundError" in found.failures["aa"]
    assert "no Contribution" in found.failures["bb"]
    assert [entry["plugin"] for entry in logs] == ["aa", "bb"]


class NoType:
    """Nothing that strawberry can show."""


def test_a_contribution_that_no_schema_can_be_made_of_is_left_out() -> None:
    bad = Contribution({"Lead": EntityField(NoType, load_greetings, "No type.")})
    with capture_logs() as logs:
        schema = build_schema(Contributions({"bad": bad, "hello_world": CONTRIBUTION}, {}))
    assert "NoType" in schema.contributions.failures["bad"]
    assert "helloWorld: Greeting" in schema.sdl
    assert "bad:" not in schema.sdl
    assert [entry["plugin"] for entry in logs] == ["bad"]


async def shout(ctx: TenantContext, name: str) -> Greeting:
    await Tag.create(name=name.upper())
    if name == "villain":
        raise Unfriendly("No greeting for villains.", hint="Be kind.")
    return Greeting(text=name.upper(), owner_id=None)


def test_of_plugins_that_claim_the_same_name_none_has_it(module: Any) -> None:
    module.SAME = Contribution(fields={"Lead": EntityField(Greeting, load_greetings, "x")})
    manifests = [_manifest("a_b", graphql=f"{MODULE}:SAME"), _manifest("a__b", graphql=f"{MODULE}:SAME")]
    for order in (manifests, manifests[::-1]):
        found = collect([*order, _manifest(graphql=f"{MODULE}:CONTRIBUTION")])
        assert found.failures.keys() == {"a_b", "a__b"}
        assert "Lead.aB is claimed by a__b and a_b" in found.failures["a_b"]
        assert "helloWorld: Greeting" in build_schema(found).sdl


@pytest.mark.parametrize("name", ["accounts", "otherworldly", "otherThingsGreet"])
def test_a_root_field_carries_the_plugins_name(module: Any, name: str) -> None:
    module.OTHER = Contribution(queries=[RootField(name, greet, "Not its own name.")])
    found = collect([_manifest("other", graphql=f"{MODULE}:OTHER"), _manifest("other_things")])
    assert "not its own name" in found.failures["other"]


@pytest.mark.parametrize(
    ("slug", "contribution", "named"),
    [
        ("owner", Contribution({"Lead": EntityField(Greeting, load_greetings, "x")}), "Lead.owner"),
        ("accounts", Contribution(queries=[RootField("accounts", greet, "x")]), "Query.accounts"),
        ("create", Contribution(mutations=[RootMutation("createLead", shout, "x")]), "Mutation.createLead"),
        (
            "needy",
            Contribution({"Lead": EntityField(Greeting, load_greetings, "x", needs=("custom",))}),
            "column custom",
        ),
        ("other", Contribution({"Leed": EntityField(Greeting, load_greetings, "x")}), "Leed"),
    ],
)
def test_the_core_keeps_its_names(slug: str, contribution: Contribution, named: str) -> None:
    schema = build_schema(Contributions({slug: contribution, "hello_world": CONTRIBUTION}))
    assert named in schema.contributions.failures[slug]
    assert schema.contributions.by_slug.keys() == {"hello_world"}


def test_of_types_of_one_name_none_is_taken() -> None:
    def contribution(text: str) -> Contribution:
        twin = strawberry.type(type("Twin", (), {"__annotations__": {text: str}}))
        return Contribution({"Lead": EntityField(twin, load_greetings, "x")})

    both = {"left": contribution("left"), "right": contribution("right"), "hello_world": CONTRIBUTION}
    schema = build_schema(Contributions(both))
    assert schema.contributions.failures.keys() == {"left", "right"}
    assert "Twin is declared by left and right" in schema.contributions.failures["left"]
    assert "helloWorld: Greeting" in schema.sdl
    core = strawberry.type(type("Lead", (), {"__annotations__": {"text": str}}))
    shadow = Contribution({"Lead": EntityField(core, load_greetings, "x")})
    schema = build_schema(Contributions({"shadow": shadow, "hello_world": CONTRIBUTION}))
    assert schema.contributions.failures.keys() == {"shadow"}


async def test_a_plugins_mutation_is_one_transaction_and_answers_with_data(
    database: DatabaseConfig, tenant: SomeTenant, other_tenant: SomeTenant, module: Any
) -> None:
    module.LOUD = Contribution(mutations=[RootMutation("helloWorldShout", shout, "Shout.")])
    host = PluginHost([])
    host.load(_manifest(graphql=f"{MODULE}:LOUD"), object())
    call = """mutation ($name: String!) { helloWorldShout(name: $name) { __typename
        ... on Greeting { text } ... on Failure { code } } }"""
    with use_host(host):
        app = create_app(None, schema=build_schema(collect(list(host.manifests.values()))))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
            api = Api(http)

            async def shouted(name: str, role: Role = Role.ADMIN) -> Any:
                return (await api.data(tenant, call, role, name=name))["helloWorldShout"]

            assert await shouted("x") == {"__typename": "PluginDisabled", "code": "PLUGIN_DISABLED"}
            await api.data(tenant, 'mutation { enablePlugin(slug: "hello_world") { __typename } }')
            assert await shouted("li") == {"__typename": "Greeting", "text": "LI"}
            assert await shouted("villain") == {"__typename": "RequestFailed", "code": "UNFRIENDLY"}
            assert (await shouted("x", Role.READ_ONLY))["code"] == "PERMISSION_DENIED"
            names = "{ tags { nodes { name } } }"
            assert (await api.data(tenant, names))["tags"]["nodes"] == [{"name": "LI"}]
            assert (await api.data(other_tenant, names))["tags"]["nodes"] == []
            query = '{ plugin(slug: "hello_world") { additions { mutations queries fields } } }'
            added = (await api.data(tenant, query))["plugin"]["additions"]
            assert added == {"mutations": ["helloWorldShout"], "queries": [], "fields": []}
