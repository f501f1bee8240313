"""What the assignment plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="assignment",
    title={"en": "Assignment", "zh": "Assignment"},
    api=">=0.1,<0.2",
    hooks="evenhand_assignment.plugin:plugin",
)
