"""What all parts of the contract share: the plugin under test, and what they look up about it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tortoise import Tortoise

from evenhand.plugins.loader import GROUP, load_target
from evenhand.plugins.manifest import PluginManifest

in_session_loop = pytest.mark.asyncio(loop_scope="session")
"""The fixtures' database lives in the session's event loop, so the tests run there too."""

LANGUAGES = ("en", "zh")


class ContractBase:
    """Not for use by itself; see `PluginContract`.

    Attributes:
        manifest: the plugin under test.
        settings: settings to enable it with; by default its own defaults.
        earlier_settings: for each earlier `settings_version`, settings as they were kept then.
    """

    manifest: ClassVar[PluginManifest]
    settings: ClassVar[Mapping[str, Any]] = {}
    earlier_settings: ClassVar[Mapping[int, Mapping[str, Any]]] = {}

    def entry_point(self) -> EntryPoint:
        """How the plugin is found; fails the test when it is not."""
        named = [point for point in entry_points(group=GROUP) if point.name == self.manifest.slug]
        assert len(named) == 1, (
            f"{len(named)} entry points named {self.manifest.slug!r} in the group {GROUP!r}. "
            f"Name one so in pyproject.toml and install the plugin: pip install --editable ."
        )
        return named[0]

    def distribution(self) -> Distribution:
        """The package that the plugin comes in."""
        found = self.entry_point().dist
        assert found is not None
        return found

    def package(self) -> str:
        """The top package of the plugin's code."""
        return self.entry_point().module.partition(".")[0]

    def sources(self) -> Iterator[tuple[str, ast.Module]]:
        """The plugin's modules: paths for people, and what they say."""
        spec = find_spec(self.package())
        assert spec is not None
        roots = [Path(place) for place in spec.submodule_search_locations or ()]
        files = [path for root in roots for path in sorted(root.rglob("*.py"))]
        if spec.origin and not roots:
            files = [Path(spec.origin)]
        for path in files:
            yield path.name, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))

    def settings_model(self) -> Any:
        """The pydantic model of its settings; skips the test when it has none."""
        if self.manifest.settings is None:
            pytest.skip("the plugin has no settings")
        return load_target(self.manifest.settings)

    def own_models(self) -> list[Any]:
        """The models of its tables, which are open with the database."""
        apps: Any = Tortoise.apps or {}
        return list(apps[self.manifest.slug].values()) if self.manifest.slug in apps else []
