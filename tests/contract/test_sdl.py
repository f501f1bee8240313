"""What each of our plugins adds to the API is written down: `sdl/<slug>.graphql`."""

from __future__ import annotations

import pytest

from evenhand.plugins.manifest import PluginManifest
from evenhand_schema.sdl import own_plugins, plugin_sdl, sdl_path


def test_those_that_add_to_the_schema_are_known() -> None:
    assert {manifest.slug for manifest in own_plugins()} >= {"assignment", "commission", "scoring"}


@pytest.mark.parametrize("manifest", own_plugins(), ids=lambda manifest: manifest.slug)
def test_the_committed_text_is_current(manifest: PluginManifest) -> None:
    path = sdl_path(manifest)
    assert path.is_file(), "run: python -m evenhand_schema.sdl"
    assert path.read_text(encoding="utf-8") == plugin_sdl(manifest), "run: python -m evenhand_schema.sdl"
