"""Who may do what with whose records: roles, levels, kinds of records and operations, asked over HTTP.

The table says what each role sees and edits at each level, by whose the record is. Every operation is tried on every
record. After all that must be refused was tried, nothing may have changed in any table, the journal included.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.record_members import set_record_members
from evenhand.entities.enums import MemberRole
from evenhand.ownership.members.rules import Member
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant
from evenhand.testing.digests import tenant_digest
from evenhand_schema.testing import Api

KINDS = ("Account", "Lead", "Opportunity")
PLACES = ("own", "collaborator", "watcher", "team", "region", "other", "pool", "foreign", "missing")
"""Whose the records are: the rep's own, others' on which the rep works or which the rep watches, a mate's in the same
team, a stranger's in the rep's region and elsewhere, the pool's, another tenant's, nobody's."""
PLURALS = {"Account": "accounts", "Lead": "leads", "Opportunity": "opportunities"}
HERE = frozenset(PLACES) - {"foreign", "missing"}


@dataclass(frozen=True)
class Expected:
    """Whose records are seen, and whose may be changed."""

    sees: frozenset[str]
    edits: frozenset[str]


def _(sees: str, edits: str) -> Expected:
    return Expected(frozenset(sees.split()), frozenset(edits.split()))


ALL = " ".join(sorted(HERE))
TABLE: Mapping[tuple[Role, str], Expected] = {
    (Role.ADMIN, ""): _(ALL, ALL),
    (Role.READ_ONLY, ""): _(ALL, ""),
    (Role.READ_ONLY, "own own"): _("", ""),
    (Role.REP, ""): _("own collaborator watcher pool", "own collaborator"),
    (Role.REP, "none none"): _("", ""),
    (Role.REP, "team own"): _("own collaborator watcher pool team", "own collaborator"),
    (Role.REP, "team team"): _("own collaborator watcher pool team", "own collaborator team"),
    (Role.REP, "region region"): _("own collaborator watcher pool team region", "own collaborator team region"),
    (Role.REP, "all own"): _(ALL, "own collaborator"),
    (Role.REP, "all all"): _(ALL, ALL),
    (Role.MANAGER, ""): _("own team pool", "own team pool"),
    (Role.MANAGER, "own own"): _("pool", "pool"),
    (Role.MANAGER, "all none"): _(ALL, ""),
    (Role.MANAGER, "all all"): _(ALL, ALL),
}
"""By role and level: "sees edits" of the visibility rule, empty for the role's default."""


class World:
    """A tenant with people and records of all places."""

    def __init__(self, tenant: SomeTenant, foreign: SomeTenant) -> None:
        self.tenant, self.foreign = tenant, foreign
        self.records: dict[tuple[str, str], UUID] = {}
        self.tag = uuid7()

    async def set_up(self) -> World:
        """Make people and records."""
        tenant, rep = self.tenant, self.tenant.users[Role.REP]
        above = await tenant.create("Team", name="华东")
        below = await tenant.create("Team", name="上海", parent_id=above)
        elsewhere = await tenant.create("Team", name="华南")
        await tenant.update("User", tenant.users[Role.MANAGER], team_id=above, regions=["华东"])
        await tenant.update("User", rep, team_id=below, regions=["华东"], manager_id=None)
        mate = await tenant.create("User", name="Mate", team_id=below)
        stranger = await tenant.create("User", name="Stranger", team_id=elsewhere)
        self.tag = await tenant.create("Tag", name="VIP")
        for role in (Role.REP, Role.READ_ONLY):
            await tenant.create("ExportRight", role=role)
        owners = {"own": rep, "team": mate, "pool": None}
        for kind in KINDS:
            for place in PLACES:
                values: dict[str, Any] = {"name": f"{kind} {place}"}
                if owners.get(place, stranger) is not None:
                    values["owner_id"] = owners.get(place, stranger)
                if kind == "Opportunity":
                    # A deal is in the region of its customer.
                    values["account_id"] = self.records[("Account", place)]
                elif place == "region":
                    values["region"] = "华东"
                self.records[(kind, place)] = await self._make(kind, place, values)
                if place in ("collaborator", "watcher"):
                    member = Member(rep, MemberRole(place), None if place == "watcher" else Decimal(10))
                    with acting_as(tenant.system):
                        await set_record_members(kind, self.records[(kind, place)], [member])
        return self

    async def _make(self, kind: str, place: str, values: dict[str, Any]) -> UUID:
        if place == "missing":
            return uuid7()
        if place == "foreign":
            return await self.foreign.create(kind, name=values["name"])
        return await self.tenant.create(kind, **values)

    async def level(self, role: Role, level: str) -> None:
        """Set the visibility of a role for all kinds."""
        if level:
            sees, edits = level.split()
            for kind in KINDS:
                await self.tenant.create("VisibilityRule", role=role, entity=kind, sees=sees, edits=edits)


CODE = "{ __typename ... on Failure { code } ... on InvalidInput { problems { code } } }"


def operations(world: World, kind: str, record: UUID) -> dict[str, str]:
    """Mutations on a record, by name."""
    entity, manager = kind.upper(), world.tenant.users[Role.MANAGER]
    found = {
        "update": f'update{kind}(id: "{record}", input: {{ name: "X" }}) {CODE}',
        "archive": f'archive{kind}(id: "{record}") {CODE}',
        "restore": f'restore{kind}(id: "{record}") {CODE}',
        "tag": f'tagRecords(entity: {entity}, ids: ["{record}"], tagId: "{world.tag}") {CODE}',
        "assign": f'setOwner(entity: {entity}, ids: ["{record}"], ownerId: "{manager}") {CODE}',
        "attach": f'createActivity(input: {{ kind: NOTE, subject: "x", {kind.lower()}Id: "{record}" }}) {CODE}',
    }
    if kind == "Lead":
        found["convert"] = f'convertLead(id: "{record}") {CODE}'
    if kind == "Account":
        own = world.records[("Account", "own")]
        into = own if own != record else world.records[("Account", "pool")]
        found["merge"] = f'mergeAccounts(into: "{into}", from: [{{ id: "{record}" }}]) {CODE}'
        found["contact"] = f'createContact(input: {{ name: "x", accountId: "{record}" }}) {CODE}'
        found["deal"] = f'createOpportunity(input: {{ name: "x", accountId: "{record}" }}) {CODE}'
    return found


REFERRING = frozenset({"attach", "contact", "deal"})
ASSIGNING = frozenset({"assign", "merge"})
MAY_ASSIGN = (Role.ADMIN, Role.MANAGER)


def expected(role: Role, table: Expected, place: str, name: str) -> str | None:
    """The code with which an operation is refused; None when it is allowed."""
    if role is Role.READ_ONLY or (name in ASSIGNING and role not in MAY_ASSIGN):
        return "PERMISSION_DENIED"
    if name in REFERRING:
        return None if place in table.sees else "REFERENCE_NOT_FOUND"
    if place not in table.sees:
        return "REFERENCE_NOT_FOUND" if name == "tag" else "NOT_FOUND"
    return None if place in table.edits else "PERMISSION_DENIED"


async def ask(api: Api, world: World, role: Role, asked: Mapping[str, str]) -> dict[str, str | None]:
    """Send mutations together. Returns: the code of each refusal."""
    body = " ".join(f"{alias}: {text}" for alias, text in asked.items())
    data = await api.data(world.tenant, f"mutation {{ {body} }}", role)
    found: dict[str, str | None] = {}
    for alias, answer in data.items():
        problems = answer.get("problems") or []
        found[alias] = problems[0]["code"] if problems else answer.get("code")
    return found


@pytest.mark.parametrize(("role", "level"), TABLE, ids=lambda one: str(getattr(one, "value", one)) or "default")
async def test_what_must_be_refused_is_refused_and_changes_nothing(
    api: Api, tenant: SomeTenant, other_tenant: SomeTenant, role: Role, level: str
) -> None:
    world = await World(tenant, other_tenant).set_up()
    await world.level(role, level)
    table = TABLE[(role, level)]
    await api.data(tenant, "{ me { id } }", role)
    before = await tenant_digest(tenant), await tenant_digest(other_tenant)
    refused, allowed = 0, 0
    for kind in KINDS:
        wanted: dict[str, str] = {}
        asked: dict[str, str] = {}
        for place in PLACES:
            for name, text in operations(world, kind, world.records[(kind, place)]).items():
                code = expected(role, table, place, name)
                if name == "merge" and "own" not in table.edits:
                    continue
                if code is None:
                    allowed += 1
                    continue
                wanted[f"{name}_{place}"] = code
                asked[f"{name}_{place}"] = text
        names = list(asked)
        for start in range(0, len(names), 40):
            some = names[start : start + 40]
            found = await ask(api, world, role, {name: asked[name] for name in some})
            assert found == {name: wanted[name] for name in some}
        refused += len(names)
    assert (await tenant_digest(tenant), await tenant_digest(other_tenant)) == before
    assert refused
    assert allowed or not table.sees or role is Role.READ_ONLY
    await _reads_what_is_seen(api, world, role, table)
    await _may_update(api, world, role, table)
    await _exports_what_is_seen(api, world, role, table)


async def _reads_what_is_seen(api: Api, world: World, role: Role, table: Expected) -> None:
    """One record, list, count, group and search agree on what is seen."""
    for kind, plural in PLURALS.items():
        one = kind.lower()
        ids = {place: str(world.records[(kind, place)]) for place in PLACES}
        singles = " ".join(f'{place}: {one}(id: "{record}") {{ id }}' for place, record in ids.items())
        found = await api.data(
            world.tenant,
            f"""{{ {singles} list: {plural}(first: 200) {{ totalCount nodes {{ id }} }}
            groups: {plural}Aggregate {{ count }} found: {plural}(search: "{kind}") {{ nodes {{ id }} }}
            everywhere: search(text: "{kind}", kinds: [{kind.upper()}]) {{ id }} }}""",
            role,
        )
        seen = {ids[place] for place in table.sees}
        assert {place for place in PLACES if found[place] is not None} == table.sees, kind
        assert {node["id"] for node in found["list"]["nodes"]} == seen, kind
        assert found["list"]["totalCount"] == found["groups"][0]["count"] == len(seen), kind
        assert {node["id"] for node in found["found"]["nodes"]} == seen, kind
        assert {hit["id"] for hit in found["everywhere"]} == seen, kind


async def _may_update(api: Api, world: World, role: Role, table: Expected) -> None:
    for kind in KINDS:
        asked = {place: operations(world, kind, world.records[(kind, place)]) for place in PLACES}
        for name in ("update", "attach"):
            chosen = {place: texts[name] for place, texts in asked.items() if not expected(role, table, place, name)}
            if chosen:
                found = await ask(api, world, role, chosen)
                assert found == dict.fromkeys(chosen), (kind, name)


async def _exports_what_is_seen(api: Api, world: World, role: Role, table: Expected) -> None:
    key = await api.key(world.tenant, role)
    for kind, name in PLURALS.items():
        response = await api.http.get(f"/export/{name}.csv", headers={"Authorization": f"Bearer {key}"})
        assert response.status_code == 200, response.text
        rows = list(csv.DictReader(io.StringIO(response.content.decode().removeprefix("\ufeff"))))
        places = {place for place in PLACES if str(world.records[(kind, place)]) in {row["Id"] for row in rows}}
        assert places == table.sees, kind
