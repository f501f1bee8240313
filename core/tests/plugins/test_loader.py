from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from pydantic import ValidationError

from evenhand.plugins import loader
from evenhand.plugins.loader import GROUP, discover
from evenhand.plugins.manifest import PluginManifest, accepts_version

GOOD = PluginManifest(slug="good", title={"en": "Good"}, api=">=0.1,<0.2", hooks="some.module:plugin")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that holds manifests of every sort."""
    module = ModuleType("plugin_shop")
    module.__dict__.update(
        good=GOOD,
        good_again=GOOD,
        other_name=GOOD,
        too_new=GOOD.model_copy(update={"slug": "too_new", "api": ">=9"}),
        odd_range=GOOD.model_copy(update={"slug": "odd_range", "api": "new"}),
        no_manifest={"slug": "no_manifest"},
    )
    monkeypatch.setitem(sys.modules, "plugin_shop", module)


def point(name: str, value: str | None = None) -> EntryPoint:
    return EntryPoint(name, value or f"plugin_shop:{name}", GROUP)


@pytest.mark.usefixtures("shop")
def test_broken_plugins_are_reported_and_never_raised() -> None:
    points = [
        point("good"),
        point("other_name"),
        point("too_new"),
        point("odd_range"),
        point("no_manifest"),
        point("missing"),
        point("nowhere", "no_such_module_here:manifest"),
        point("syntax", "not a target"),
    ]
    found = {item.name: item for item in discover(points)}
    assert found["good"].manifest == GOOD
    assert found["good"].error is None
    for name, part in {
        "other_name": "its slug is 'good'",
        "too_new": "made for API >=9",
        "odd_range": "made for API new",
        "no_manifest": "no PluginManifest",
        "missing": "AttributeError",
        "nowhere": "ModuleNotFoundError",
        "syntax": "cannot be imported",
    }.items():
        assert found[name].manifest is None
        assert part in str(found[name].error), name


@pytest.mark.usefixtures("shop")
def test_two_plugins_of_one_name_are_both_refused() -> None:
    found = discover([point("good"), point("good", "plugin_shop:good_again")])
    assert [item.manifest for item in found] == [None, None]
    assert all("used by" in str(item.error) for item in found)


@pytest.mark.parametrize(
    "change", [{"slug": "Bad Slug"}, {"hooks": "no colon"}, {"surprise": 1}, {"models": "a-b"}, {"slug": None}]
)
def test_manifests_are_checked(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PluginManifest.model_validate({**GOOD.model_dump(), **change})


@pytest.mark.parametrize(
    ("api", "fits"), [(">=0.1,<0.2", True), ("==0.1", True), (">=0.2", False), ("", True), ("x", False)]
)
def test_version_ranges(api: str, fits: bool) -> None:
    assert accepts_version(api, "0.1") is fits


def test_the_environment_can_leave_plugins_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_installed_points", lambda: [point("one"), point("two"), point("three")])
    for value, expected in (("", ["one", "three", "two"]), ("two, one", ["one", "two"]), ("none", [])):
        monkeypatch.setenv("EVENHAND_PLUGINS", value)
        assert [item.name for item in discover()] == expected
