"""The schema as text: `python -m evenhand_schema.sdl` writes `schema.graphql` and the parts of our plugins anew.

`python -m evenhand_schema.sdl SLUG` writes what one installed plugin adds, for its author.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from pathlib import Path

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    is_introspection_type,
    is_specified_scalar_type,
    lexicographic_sort_schema,
    print_type,
)
from graphql import build_schema as build_from_text

from evenhand.plugins.loader import installed_manifests
from evenhand.plugins.manifest import PluginManifest
from evenhand_schema.contributions import collect
from evenhand_schema.schema import build_schema

PATH = Path(__file__).parents[2] / "schema.graphql"
"""In the source tree; the core's part of the schema, without plugins."""
WORKSPACE = PATH.parents[1]


class UnusableContribution(Exception):
    """A plugin's contribution is not in the schema; says why."""


@cache
def current_sdl() -> str:
    """The schema of the core without plugins, as text, sorted."""
    return build_schema().sdl


def plugin_sdl(manifest: PluginManifest) -> str:
    """What a plugin adds to the core's schema, as text, sorted: extended types first, then its own.

    Raises:
        UnusableContribution: it cannot be taken into the schema.
    """
    with_plugin = build_schema(collect([manifest]))
    failure = with_plugin.contributions.failures.get(manifest.slug)
    if failure is not None:
        raise UnusableContribution(failure)
    before = build_from_text(current_sdl())
    after = build_from_text(with_plugin.sdl)
    return _difference(before, lexicographic_sort_schema(after))


def _difference(before: GraphQLSchema, after: GraphQLSchema) -> str:
    extended: list[str] = []
    added: list[str] = []
    for name, kind in sorted(after.type_map.items()):
        if is_specified_scalar_type(kind) or is_introspection_type(kind):
            continue
        known = before.type_map.get(name)
        if known is None:
            added.append(print_type(kind))
        else:
            extended += _extension(known, kind)
    return "\n\n".join([*extended, *added]) + "\n"


def _extension(known: GraphQLNamedType, kind: GraphQLNamedType) -> list[str]:
    if not isinstance(known, GraphQLObjectType | GraphQLInterfaceType) or not isinstance(kind, GraphQLObjectType):
        return []
    new = {name: field for name, field in kind.fields.items() if name not in known.fields}
    return [f"extend {print_type(GraphQLObjectType(kind.name, new))}"] if new else []


def sdl_path(manifest: PluginManifest) -> Path:
    """Where a plugin's distribution keeps what it adds: `sdl/<slug>.graphql` beside its `src` folder."""
    module = (manifest.graphql or manifest.hooks).partition(":")[0]
    place = Path(str(import_module(module).__file__)).resolve()
    root = next((folder.parent for folder in place.parents if folder.name == "src"), place.parent)
    return root / "sdl" / f"{manifest.slug}.graphql"


def own_plugins() -> list[PluginManifest]:
    """The installed plugins of this source tree that add to the schema."""
    found = [manifest for manifest in installed_manifests() if manifest.graphql is not None]
    return [manifest for manifest in found if sdl_path(manifest).is_relative_to(WORKSPACE)]


def write_plugin(manifest: PluginManifest) -> Path:
    """Write what a plugin adds. Returns: the file."""
    path = sdl_path(manifest)
    path.parent.mkdir(exist_ok=True)
    path.write_text(plugin_sdl(manifest), encoding="utf-8")
    return path


def main(arguments: list[str]) -> int:
    """Write the files. Returns: the exit code."""
    manifests = own_plugins()
    if arguments:
        manifests = [manifest for manifest in installed_manifests() if manifest.slug in arguments]
        missing = set(arguments) - {manifest.slug for manifest in manifests if manifest.graphql is not None}
        if missing:
            sys.stderr.write(f"No installed plugin that adds to the schema is called {', '.join(sorted(missing))}.\n")
            return 1
    else:
        PATH.write_text(current_sdl(), encoding="utf-8")
    for manifest in manifests:
        write_plugin(manifest)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
