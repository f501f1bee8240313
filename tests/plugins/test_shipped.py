"""The plugins that come with Evenhand are ordinary ones."""

from __future__ import annotations

from evenhand.plugins.loader import installed_plugins


def test_they_are_found_like_any_other() -> None:
    found = {item.name: item for item in installed_plugins()}
    assert {"assignment", "scoring", "commission", "importers"} <= found.keys()
    assert all(item.error is None for item in found.values())
