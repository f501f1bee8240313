"""What the commission plugin is; read without importing anything heavy."""

from evenhand.api import PluginManifest

MANIFEST = PluginManifest(
    slug="commission",
    title={"en": "Commission", "zh": "Commission"},
    api=">=0.1,<0.2",
    hooks="evenhand_commission.plugin:plugin",
)
