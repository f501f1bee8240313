"""Settings of the installed plugins: each is told in English and Chinese, and their schemas are of use to forms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evenhand.plugins.loader import installed_manifests
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.presentation import settings_schema, words_missing
from evenhand.plugins.settings import read_settings, settings_model

MANIFESTS = installed_manifests()
FIRST_PARTY = {"assignment", "commission", "importers", "scoring"}


@pytest.fixture(params=MANIFESTS, ids=lambda manifest: manifest.slug)
def manifest(request: pytest.FixtureRequest) -> PluginManifest:
    found: PluginManifest = request.param
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return ([value] if isinstance(value, dict) else []) + [found for one in inner for found in _objects(one)]


def test_all_plugins_of_ours_have_settings() -> None:
    assert {manifest.slug for manifest in MANIFESTS if manifest.settings} >= FIRST_PARTY


def test_every_setting_has_words_in_both_languages(manifest: PluginManifest) -> None:
    model = settings_model(manifest)
    if model is not None:
        assert words_missing(model) == []


def test_schemas_differ_in_their_words_alone(manifest: PluginManifest) -> None:
    english, chinese = (settings_schema(manifest, locale) for locale in ("en-GB", "zh-CN"))
    if english is None or chinese is None:
        assert manifest.settings is None
        return
    assert "evenhand:" not in json.dumps([english, chinese])
    for name, part in chinese["properties"].items():
        assert part["title"] != english["properties"][name]["title"]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in part["description"])
        assert english["properties"][name]["description"].isascii()
    for schema in (english, chinese):
        for part in _objects(schema):
            part.pop("title", None)
            if isinstance(part.get("description"), str):
                del part["description"]
    assert english == chinese


def test_what_can_be_chosen_is_named(manifest: PluginManifest) -> None:
    for part in _objects(settings_schema(manifest, "zh")):
        assert "enum" not in part
        for choice in part.get("oneOf", ()):
            assert choice["title"] != choice["const"]


def test_defaults_can_be_used(manifest: PluginManifest) -> None:
    assert read_settings(manifest, {}, manifest.settings_version, {}).problems == ()
