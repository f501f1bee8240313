"""The plugin keeps to what every plugin keeps to."""

from __future__ import annotations

from evenhand.testing import PluginContract
from evenhand_schema.testing import GraphQLContract
from evenhand_scoring.manifest import MANIFEST


class TestContract(GraphQLContract, PluginContract):
    manifest = MANIFEST
