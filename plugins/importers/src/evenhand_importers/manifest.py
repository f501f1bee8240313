"""What the importers plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="importers",
    title={"en": "Importers", "zh": "Importers"},
    api=">=0.1,<0.2",
    hooks="evenhand_importers.plugin:plugin",
)
