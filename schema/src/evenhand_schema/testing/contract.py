"""What every plugin that adds to GraphQL keeps to, as tests that its author inherits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from evenhand.plugins.loader import load_target
from evenhand.plugins.manifest import PluginManifest
from evenhand.testing import SomeTenant
from evenhand.testing.contract.base import in_session_loop

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from evenhand_schema.testing import Gql


class GraphQLContract:
    """Inherit from it beside `evenhand.testing.PluginContract`, before it:

    class TestContract(GraphQLContract, PluginContract):
        manifest = MANIFEST
    """

    manifest: ClassVar[PluginManifest]
    settings: ClassVar[Mapping[str, Any]] = {}

    def contribution(self) -> Any:
        """What the plugin adds; skips the test when it adds nothing."""
        if self.manifest.graphql is None:
            pytest.skip("the plugin adds nothing to GraphQL")
        return load_target(self.manifest.graphql)

    def schemas(self) -> tuple[GraphQLSchema, GraphQLSchema]:
        """The schema without and with the plugin."""
        self.contribution()
        if self.manifest.slug not in _schemas:
            _schemas[""] = _schemas.get("") or _build([])
            _schemas[self.manifest.slug] = _build([self.manifest])
        return _schemas[""], _schemas[self.manifest.slug]

    def test_what_it_adds_to_graphql_carries_its_name(self) -> None:
        """One field on an entity, named by the slug; root fields that start with it and types that contain it."""
        from graphql import specified_scalar_types

        from evenhand_schema.names import camel

        without, with_it = self.schemas()
        own = camel(self.manifest.slug)
        start = own[0].upper() + own[1:]
        added = [name for name in with_it.type_map if name not in without.type_map]
        foreign = [name for name in added if start not in name and name not in specified_scalar_types]
        assert foreign == [], f"names of types contain {start}"
        for name, before in without.type_map.items():
            fields = getattr(before, "fields", {})
            new = set(getattr(with_it.type_map[name], "fields", {})) - set(fields)
            if name in ("Query", "Mutation", "Subscription"):
                assert all(field.startswith(own) for field in new), f"{name}: fields start with {own}"
            else:
                assert new <= {own}, f"{name}: the plugin's field is called {own}"

    def test_what_it_adds_to_graphql_is_described(self) -> None:
        """People read the schema: types, fields and arguments say what they are."""
        without, with_it = self.schemas()
        silent = []
        for name, kind in with_it.type_map.items():
            if name not in without.type_map and not kind.description:
                silent.append(name)
            before = getattr(without.type_map.get(name), "fields", {})
            for label, field in getattr(kind, "fields", {}).items():
                if label in before:
                    continue
                if not field.description:
                    silent.append(f"{name}.{label}")
                arguments = getattr(field, "args", {})
                silent += [f"{name}.{label}({key})" for key, one in arguments.items() if not one.description]
        assert silent == []

    def test_it_tells_nothing_of_tenants(self) -> None:
        """The API's key says which tenant it is; no field or argument does."""
        without, with_it = self.schemas()
        named = [
            f"{name}.{label}"
            for name, kind in with_it.type_map.items()
            if name not in without.type_map
            for label in getattr(kind, "fields", {})
            if "tenant" in label.lower()
        ]
        assert named == []

    def test_what_it_adds_to_graphql_is_written_down(self) -> None:
        """`sdl/<slug>.graphql` beside `src` shows every change of the API to whoever reviews it."""
        from evenhand_schema.sdl import plugin_sdl, sdl_path

        self.contribution()
        path = sdl_path(self.manifest)
        if not (path.parents[1] / "src").is_dir():
            pytest.skip("the plugin is not installed from its source tree")
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        assert kept == plugin_sdl(self.manifest), f"run: python -m evenhand_schema.sdl {self.manifest.slug}"

    @in_session_loop
    async def test_disabled_it_answers_nothing(self, gql: Gql) -> None:
        """Fields of entities are null, root fields without arguments answer PLUGIN_DISABLED."""
        from evenhand_schema.names import camel

        contribution = self.contribution()
        _, with_it = self.schemas()
        own = camel(self.manifest.slug)
        await gql.tenant.create("Lead", name="Li Wei")
        if "Lead" in contribution.fields:
            answer = await gql(f"{{ leads {{ nodes {{ {own} {{ __typename }} }} }} }}")
            assert answer["leads"]["nodes"] == [{own: None}]
        for query in contribution.queries:
            field: Any = with_it.query_type.fields[query.name] if with_it.query_type else None
            if any(str(argument.type).endswith("!") for argument in field.args.values()):
                continue
            inner = "" if _is_leaf(field.type) else " { __typename }"
            (error,) = await gql.errors(f"{{ {query.name}{inner} }}")
            assert error["extensions"]["code"] == "PLUGIN_DISABLED"

    @in_session_loop
    async def test_enabled_elsewhere_it_answers_nothing_here(self, gql: Gql, other_tenant: SomeTenant) -> None:
        """Another tenant's plugin is not this one's."""
        await other_tenant.enable(self.manifest.slug, **self.settings)
        await self.test_disabled_it_answers_nothing(gql)


_schemas: dict[str, GraphQLSchema] = {}
"""Schemas that were built, by the plugin's slug; "" for the one without plugins. Each takes seconds."""


def _build(manifests: list[PluginManifest]) -> GraphQLSchema:
    from evenhand_schema.contributions import collect
    from evenhand_schema.schema import build_schema

    built = build_schema(collect(manifests))
    assert built.contributions.failures == {}
    return built.graphql_schema


def _is_leaf(kind: Any) -> bool:
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return not hasattr(kind, "fields")
