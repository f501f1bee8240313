"""What the scoring plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="scoring",
    title={"en": "Scoring", "zh": "Scoring"},
    api=">=0.1,<0.2",
    hooks="evenhand_scoring.plugin:plugin",
)
