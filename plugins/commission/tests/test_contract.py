"""The plugin keeps to what every plugin keeps to."""

from __future__ import annotations

from evenhand.testing import PluginContract
from evenhand_commission.manifest import MANIFEST
from evenhand_schema.testing import GraphQLContract


class TestContract(GraphQLContract, PluginContract):
    manifest = MANIFEST
