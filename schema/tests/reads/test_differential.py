"""Generated queries have the same answer, byte for byte, from compiled plans and from the ordinary executor."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from tortoise.exceptions import BaseORMException
from tortoise.fields.data import CharField, DatetimeField, DecimalField, TextField
from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.actions.journal import writing
from evenhand.actions.plugins import set_plugin
from evenhand.actions.search import rebuild_search
from evenhand.actions.team_closure import settle_teams
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities import Team, User
from evenhand.entities.enums import MemberRole
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.registry import ENTITIES, entity
from evenhand.ownership.members.models import RecordMember
from evenhand.ownership.models import Pool
from evenhand.ownership.pools.models import PoolMember
from evenhand.plugins.host import current_host
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant
from evenhand.testing.rows import insert_some_row
from evenhand.testing.tenants import make_tenant
from evenhand_schema.declare import TYPES
from evenhand_schema.documents import Documents
from evenhand_schema.execution import Caller, Executed, execute
from evenhand_schema.limits import Limits
from evenhand_schema.names import plural, snake
from evenhand_schema.schema import EvenhandSchema
from evenhand_schema.testing import Api

TEXTS = [
    "",
    "a",
    "上海某某有限公司",
    'a "quoted" \\ back',
    "tab\tnew\nline\r\x01\x1f\x7f",
    "😀 emoji",
    ", \n ",
    "</script>",
    "é",
]
EXAMPLES = int(os.environ.get("EVENHAND_DIFFERENTIAL_EXAMPLES", "80"))
TALLY: Counter[str] = Counter()
"""How the generated queries were answered."""


class World:
    """A tenant full of odd rows, and how to ask about it."""

    def __init__(
        self, tenant: SomeTenant, ids: dict[str, list[UUID]], callers: dict[Role, Caller], schema: EvenhandSchema
    ) -> None:
        self.tenant = tenant
        self.ids = ids
        self.callers = callers
        self.schema = schema
        self.documents = Documents(
            schema.graphql_schema, Limits(aliases=10_000, fields=100_000, tokens=100_000, cost=10**9)
        )
        self.cursors: dict[str, list[str]] = {}


def _odd_values(model: Any, ids: dict[str, list[UUID]], chance: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, column in model._meta.fields_map.items():
        if name in ("id", "tenant_id", "owner_id", "pool_id", "owner", "pool"):
            continue
        if isinstance(column, ForeignKeyFieldInstance):
            known = ids.get(str(column.model_name).split(".")[-1], [])
            if known and chance.random() < 0.8:
                values[column.source_field or f"{name}_id"] = chance.choice(known)
        elif column.null and chance.random() < 0.3:
            values[name] = None
        elif isinstance(column, DatetimeField):
            values[name] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
                microseconds=chance.choice([0, 10, 123456, 500_000_000])
            )
        elif isinstance(column, DecimalField) and chance.random() < 0.5:
            values[name] = Decimal(chance.choice(["0", "1.5", "99.99", "12"]))
        elif type(column) in (CharField, TextField) and getattr(column, "max_length", 300) > 60:
            values[name] = chance.choice(TEXTS)
    return values


async def _fill(tenant: SomeTenant) -> dict[str, list[UUID]]:
    chance = random.Random(7)
    ids: dict[str, list[UUID]] = {}
    for _ in range(6):
        for type_name, item in TYPES.items():
            if item.model is None:
                continue
            try:
                async with transaction() as client:
                    made = await insert_some_row(client, item.model, **_odd_values(item.model, ids, chance))
            except (BaseORMException, Exception):
                async with transaction() as client:
                    made = await insert_some_row(client, item.model)
            ids.setdefault(type_name, []).append(made)
    await _spread(tenant, ids, chance)
    return ids


async def _spread(tenant: SomeTenant, ids: dict[str, list[UUID]], chance: random.Random) -> None:
    """Put the users into teams, and give them records, pools and places in the teams on records."""
    users = list(tenant.users.values())
    async with transaction() as client:
        connection = raw_connection(client)
        for user in users:
            await connection.execute(
                "UPDATE users SET team_id = $3, regions = $4 WHERE tenant_id = $1 AND id = $2",
                tenant.id,
                user,
                chance.choice(ids["Team"]),
                '["East"]',
            )
        for table, kind in (("accounts", "Account"), ("leads", "Lead"), ("opportunities", "Opportunity")):
            column = f"{kind.lower()}_id"
            for number, record in enumerate(ids[kind]):
                if number % 3:
                    await connection.execute(
                        f"UPDATE {table} SET owner_id = $3, pool_id = NULL WHERE tenant_id = $1 AND id = $2",
                        tenant.id,
                        record,
                        chance.choice([*users, *ids["User"]]),
                    )
                else:
                    await connection.execute(
                        f"UPDATE {table} SET pool_id = $3, owner_id = NULL WHERE tenant_id = $1 AND id = $2",
                        tenant.id,
                        record,
                        chance.choice(ids["Pool"]),
                    )
            for user, role, share in ((users[2], MemberRole.COLLABORATOR, 10), (users[1], MemberRole.WATCHER, None)):
                row = {"id": uuid7(), "tenant_id": tenant.id, "user_id": user, "role": role, "share": share}
                row |= dict.fromkeys(("account_id", "lead_id", "opportunity_id"))
                row |= {column: chance.choice(ids[kind]), "created_at": datetime.now(UTC)}
                await insert_rows(client, RecordMember, [row])
        await insert_some_row(client, PoolMember, pool_id=ids["Pool"][0], user_id=users[0], archived_at=None)
    async with writing("settle_teams") as journal:
        await settle_teams(entity("Team"), ids["Team"], journal)


async def _expected(world: World, role: Role, kind: str) -> set[UUID]:
    """What a role sees of a kind of records that have holders, by the words of the rule."""
    model = ENTITIES[kind].model
    if role in (Role.ADMIN, Role.READ_ONLY):
        return {row.id for row in await model.all()}
    me = await User.get(id=world.tenant.users[role])
    teams = {team.id: team for team in await Team.all()}

    def stands_under(team: UUID | None, above: UUID | None) -> bool:
        while team is not None and above is not None and team != above:
            team = teams[team].parent_id
        return team is not None and team == above

    owners = {me.id}
    if role is Role.MANAGER:
        placed = me.team_id is not None and teams[me.team_id].archived_at is None
        owners |= {
            user.id
            for user in await User.all()
            if user.manager_id == me.id or (placed and stands_under(user.team_id, me.team_id))
        }
    members = [member for member in await PoolMember.all() if member.archived_at is None]
    pools = {
        pool.id
        for pool in await Pool.all()
        if not any(member.pool_id == pool.id for member in members)
        or any(
            member.pool_id == pool.id
            and (
                member.user_id == me.id
                or member.region in me.regions
                or member.product_line in me.product_lines
                or stands_under(me.team_id, member.team_id)
            )
            for member in members
        )
    }
    joined = {getattr(member, f"{kind.lower()}_id") for member in await RecordMember.filter(user_id=me.id)}
    return {
        row.id
        for row in await model.all()
        if isinstance(row, OwnableModel) and (row.owner_id in owners or row.pool_id in pools or row.id in joined)
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(app: Starlette) -> AsyncIterator[World]:
    tenant = await make_tenant()
    with acting_as(tenant.system):
        ids = await _fill(tenant)
        await rebuild_search()
        for slug in current_host().manifests:
            await set_plugin(slug, enabled=True)
    api = Api(None)  # type: ignore[arg-type]
    schema: EvenhandSchema = app.state.schema
    callers = {role: Caller(await api.key(tenant, role), tenant.actor(role)) for role in Role}
    yield World(tenant, ids, callers, schema)
    print(dict(TALLY))  # noqa: T201 - pytest shows it with -s


async def _ask(world: World, query: str, variables: dict[str, Any], role: Role = Role.ADMIN) -> Executed:
    document = world.documents.get(query)
    assert not document.errors, (query, document.errors)
    return await execute(world.schema, world.callers[role], document, document.operation(None), variables)


class Writer:
    """Writes one random query over the schema."""

    def __init__(self, world: World, draw: Any) -> None:
        self.world = world
        self.draw = draw
        self.variables: dict[str, tuple[str, Any]] = {}
        self.fragments: list[str] = []
        self.names = 0

    def name(self, start: str) -> str:
        self.names += 1
        return f"{start}{self.names}"

    def chance(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) < percent)

    def value(self, kind: str, value: Any, *, always: bool = False) -> str:
        """A value as a literal or through a variable."""
        if not always and self.chance(50):
            return value if kind == "enum" else orjson.dumps(value).decode()
        name = self.name("v")
        self.variables[name] = (kind, value)
        return f"${name}"

    def query(self) -> tuple[str, dict[str, Any]]:
        kind = self.world.schema.graphql_schema.query_type
        assert kind is not None
        fields = [self.root(kind) for _ in range(self.draw(st.integers(1, 2)))]
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self.variables.items())
        text = f"query {f'Q({declared}) ' if declared else ''}{{ {' '.join(fields)} }} {' '.join(self.fragments)}"
        return text, {name: value for name, (_, value) in self.variables.items() if value is not ...}

    def root(self, kind: GraphQLObjectType) -> str:
        type_name = self.draw(st.sampled_from(sorted(name for name in self.world.ids if snake(name) in _roots(kind))))
        shape = self.draw(st.integers(0, 11))
        groups = f"{_camel(snake(plural(type_name)))}Aggregate"
        record_id = str(self.draw(st.sampled_from(self.world.ids[type_name])))
        if shape < 3:
            name, arguments = _camel(snake(type_name)), f"(id: {self.value('ID!', record_id)})"
        elif shape == 3:
            name, arguments = "node", f"(id: {self.value('ID!', record_id)})"
        elif shape == 4:
            name, arguments = "me", ""
        elif shape > 9 and groups in kind.fields:
            name, arguments = groups, self.group_arguments(type_name)
        else:
            name = _camel(snake(plural(type_name)))
            arguments = self.list_arguments(kind.fields[name], type_name)
        return f"{self.name('r')}: {name}{arguments}{self.directive()} {self.selection(kind.fields[name], 3)}"

    def list_arguments(self, shown: GraphQLField, type_name: str) -> str:
        given: list[str] = []
        if self.chance(60):
            size = self.draw(st.integers(1, 7))
            given.append(f"{self.draw(st.sampled_from(['first', 'last']))}: {self.value('Int', size)}")
        if self.chance(30) and "archived" in shown.args:
            given.append(f"archived: {self.value('Boolean!', self.draw(st.booleans()))}")
        if self.chance(50) and "orderBy" in shown.args:
            given.append(f"orderBy: [{self.step(type_name)}]")
        if self.chance(40) and "filter" in shown.args:
            given.append(f"filter: {self.filter(type_name)}")
        if "search" in shown.args and self.chance(20):
            given.append(
                f"search: {self.value('String', self.draw(st.sampled_from(['a', '公司', 'quoted back', ''])))}"
            )
        if "kinds" in shown.args and self.chance(40):
            kinds = self.world.schema.graphql_schema.type_map["TimelineKind"]
            assert isinstance(kinds, GraphQLEnumType)
            chosen = self.draw(st.lists(st.sampled_from(sorted(kinds.values)), max_size=3))
            if self.chance(50):
                given.append(f"kinds: [{', '.join(chosen)}]")
            else:
                name = self.name("v")
                self.variables[name] = ("[TimelineKind!]", chosen)
                given.append(f"kinds: ${name}")
        if "open" in shown.args and self.chance(40):
            given.append(f"open: {self.value('Boolean', self.draw(st.sampled_from([True, False, None])))}")
        known = self.world.cursors.get(type_name)
        likely = 40 if "filter" in shown.args else 1
        if known and self.chance(likely) and not any(word in " ".join(given) for word in ("orderBy", "search")):
            place = self.draw(st.sampled_from(["after", "before"]))
            given.append(f"{place}: {self.value('String', self.draw(st.sampled_from(known)))}")
        return f"({', '.join(given)})" if given else ""

    def group_arguments(self, type_name: str) -> str:
        by: list[str] = []
        for word in ("Field", "Date"):
            kind = self.world.schema.graphql_schema.type_map.get(f"{type_name}Group{word}")
            if isinstance(kind, GraphQLEnumType) and self.chance(50):
                chosen = self.draw(st.sampled_from(sorted(kind.values)))
                by.append(f"{{field: {chosen}}}" if word == "Field" else f"{{date: {chosen}, by: {self.bucket()}}}")
        given = [f"groupBy: [{', '.join(by)}]"] if by else []
        if self.chance(40):
            given.append(f"filter: {self.filter(type_name)}")
        return f"({', '.join(given)})" if given else ""

    def bucket(self) -> str:
        if self.chance(50):
            return str(self.draw(st.sampled_from(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])))
        return self.value("DateBucket", self.draw(st.sampled_from(["DAY", "MONTH"])), always=True)

    def step(self, type_name: str) -> str:
        kind = self.world.schema.graphql_schema.type_map[f"{type_name}OrderField"]
        assert isinstance(kind, GraphQLEnumType)
        column = self.draw(st.sampled_from(sorted(kind.values)))
        return f"{{field: {column}, direction: {self.draw(st.sampled_from(['ASC', 'DESC']))}}}"

    def filter(self, type_name: str) -> str:
        kind = self.world.schema.graphql_schema.type_map[f"{type_name}Filter"]
        assert isinstance(kind, GraphQLInputObjectType)
        record_id = str(self.draw(st.sampled_from(self.world.ids[type_name])))
        options = [
            lambda: f"{{id: {{eq: {self.value('ID!', record_id)}}}}}",
            lambda: f"{{id: {{isNull: {self.value('Boolean!', self.chance(50))}}}}}",
        ]
        if "name" in kind.fields:
            since = "2026-01-01T00:00:00Z"
            options += [
                lambda: f"{{not: {{name: {{contains: {self.value('String!', self.draw(st.sampled_from(TEXTS)))}}}}}}}",
                lambda: f'{{or: [{{name: {{eq: "a"}}}}, {{createdAt: {{gt: {self.value("DateTime!", since)}}}}}]}}',
            ]
        return str(self.draw(st.sampled_from(options))())

    def directive(self) -> str:
        if not self.chance(12):
            return ""
        word = self.draw(st.sampled_from(["include", "skip"]))
        return f" @{word}(if: {self.value('Boolean!', self.draw(st.booleans()))})"

    def selection(self, shown: GraphQLField, depth: int) -> str:
        kind = get_named_type(shown.type)
        if isinstance(kind, GraphQLInterfaceType):
            some = self.draw(st.lists(st.sampled_from(sorted(self.world.ids)), max_size=3, unique=True))
            nodes = [name for name in some if name in self.world.schema.graphql_schema.type_map]
            inner = [f"... on {name} {{ {self.fields(self.object(name), depth - 1)} }}" for name in nodes]
            return f"{{ __typename id {' '.join(inner)} }}"
        if not isinstance(kind, GraphQLObjectType):
            return ""
        return f"{{ {self.fields(kind, depth)} }}"

    def object(self, name: str) -> GraphQLObjectType:
        found = self.world.schema.graphql_schema.type_map[name]
        assert isinstance(found, GraphQLObjectType)
        return found

    def fields(self, kind: GraphQLObjectType, depth: int) -> str:
        leaves = sorted(
            name
            for name, shown in kind.fields.items()
            if is_leaf_type(get_named_type(shown.type)) and not _required(shown)
        )
        others = sorted(name for name, shown in kind.fields.items() if name not in leaves and not _required(shown))
        chosen = self.draw(st.lists(st.sampled_from(leaves), max_size=4)) if leaves else []
        if depth > 0 and others:
            chosen += self.draw(st.lists(st.sampled_from(others), min_size=1, max_size=3))
        parts = [self.one(kind, name, depth) for name in chosen] or ["__typename"]
        if self.chance(15):
            parts.append("__typename")
        text = " ".join(parts)
        if self.chance(15):
            text = f"... on {kind.name}{self.directive()} {{ {text} }}"
        if self.chance(15):
            name = self.name("F")
            self.fragments.append(f"fragment {name} on {kind.name} {{ {text} }}")
            text = f"...{name}{self.directive()} ...{name}"
        return text

    def one(self, kind: GraphQLObjectType, name: str, depth: int) -> str:
        shown = kind.fields[name]
        if is_leaf_type(get_named_type(shown.type)):
            return f"{self.name('a')}: {name}{self.directive()}" if self.chance(25) else name
        arguments = ""
        if get_named_type(shown.type).name.endswith("Connection") and "first" in shown.args:
            node = get_named_type(self.object(get_named_type(shown.type).name).fields["nodes"].type)
            arguments = self.list_arguments(shown, node.name if node.name in self.world.ids else "")
        below = depth if get_named_type(shown.type).name.endswith(("Connection", "Edge", "PageInfo")) else depth - 1
        return f"{self.name('o')}: {name}{arguments}{self.directive()} {self.selection(shown, below)}"


def _required(shown: GraphQLField) -> bool:
    return any(
        isinstance(argument.type, GraphQLNonNull) and argument.default_value is None for argument in shown.args.values()
    )


def _roots(kind: GraphQLObjectType) -> set[str]:
    return {snake(name[0].upper() + name[1:]) for name in kind.fields}


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


async def _learn_cursors(world: World) -> None:
    """Cursors of the lists' own orderings, for pages after and before them."""
    if world.cursors:
        return
    for type_name in world.ids:
        name = _camel(snake(plural(type_name)))
        kind = world.schema.graphql_schema.query_type
        if kind is None or name not in kind.fields:
            continue
        found = await _ask(world, f"{{ {name}(first: 5) {{ edges {{ cursor }} }} }}", {})
        edges = orjson.loads(found.body)["data"][name]["edges"]
        world.cursors[type_name] = [edge["cursor"] for edge in edges]


def _difference(query: str, variables: dict[str, Any], one: bytes, other: bytes) -> str:
    place = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    around = slice(max(0, place - 200), place + 200)
    return f"{query}\n{variables}\ncompiled: {one[around]!r}\nexecutor: {other[around]!r}"


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_plans_answer_as_the_executor_does(
    world: World, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    await _learn_cursors(world)
    query, variables = Writer(world, data.draw).query()
    role = data.draw(st.sampled_from(Role))
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", True)
    compiled = await _ask(world, query, variables, role)
    again = await _ask(world, query, variables, role)
    monkeypatch.setattr("evenhand_schema.execution.COMPILED", False)
    executed = await _ask(world, query, variables, role)
    TALLY[compiled.executor] += 1
    left = ("argument is refused",) if role is Role.ADMIN else ("argument is refused", "may not be read")
    assert compiled.executor == "compiled" or any(reason in compiled.executor for reason in left), compiled.executor
    assert compiled.body == executed.body, _difference(query, variables, compiled.body, executed.body)
    assert again.body == compiled.body
    assert compiled.status == executed.status


@pytest.mark.parametrize("kind", ["Account", "Lead", "Opportunity"])
@pytest.mark.parametrize("role", list(Role))
async def test_what_is_seen_is_what_the_rule_says(
    world: World, monkeypatch: pytest.MonkeyPatch, role: Role, kind: str
) -> None:
    with acting_as(world.tenant.system):
        async with reading():
            expected = await _expected(world, role, kind)
            every = {row.id for row in await ENTITIES[kind].model.all()}
    name = _camel(snake(plural(kind)))
    single = _camel(snake(kind))
    for compiled in (True, False):
        monkeypatch.setattr("evenhand_schema.execution.COMPILED", compiled)
        found = await _ask(world, f"{{ {name}(first: 200, archived: true) {{ totalCount nodes {{ id }} }} }}", {}, role)
        answer = orjson.loads(found.body)["data"][name]
        assert {UUID(node["id"]) for node in answer["nodes"]} == expected
        assert answer["totalCount"] == len(expected)
        for record in every:
            query = f'{{ one: {single}(id: "{record}") {{ id }} any: node(id: "{record}") {{ id }} }}'
            data = orjson.loads((await _ask(world, query, {}, role)).body)["data"]
            shown = {"id": str(record)} if record in expected else None
            assert data == {"one": shown, "any": shown}
    assert role in (Role.ADMIN, Role.READ_ONLY) or 0 < len(expected) < len(every)
